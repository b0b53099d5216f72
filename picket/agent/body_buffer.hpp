#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "picket/base/bytes.hpp"

namespace picket::agent {

/// A body that is looked at whole, up to a bound. Lives in the exchange's state.
///
///   if (!body.add(chunk.data)) return Decision::block(413);
///   if (!chunk.is_last) return Decision::allow().needs_more();
///   return judge(body.text());
///
/// Thread safety: none; one exchange's. Lifetime: it owns its bytes. Complexity: amortised linear in what is added.
class BodyBuffer {
 public:
  /// `most`: bytes that it takes. Without a bound a client chooses how much memory the agent needs.
  explicit BodyBuffer(std::size_t most) noexcept : most_(most) {}

  /// False where it would be more than the bound: nothing is held from then on, and no later chunk is taken.
  [[nodiscard]] bool add(std::string_view chunk) {
    if (is_over_ || chunk.size() > most_ - text_.size()) {
      is_over_ = true;
      std::string{}.swap(text_);
      return false;
    }
    text_.append(chunk);
    return true;
  }
  [[nodiscard]] bool add(base::ByteView chunk) { return add(base::as_text(chunk)); }

  /// What came so far. Valid until the next add() or take().
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// The same, given away: the buffer is empty then.
  [[nodiscard]] std::string take() noexcept { return std::exchange(text_, {}); }
  /// Whether add() has refused a chunk.
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

 private:
  std::size_t most_;
  bool is_over_ = false;
  std::string text_;
};

}  // namespace picket::agent

#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "picket/base/bytes.hpp"

namespace picket::agent {

/// A body that streams, for whoever looks for something in it that may lie across two chunks: the last bytes wait for
/// what comes next, the others go on. Lives in the exchange's state.
///
///   std::string& text = context.state().window.add(chunk.data);
///   redact(text);
///   return Decision::allow().replace_body(context.state().window.release(chunk.is_last));
///
/// What is at most `held` bytes long is seen whole in at least one of the texts. What waits is seen again with the next
/// chunk, as it was left: so leave what reaches to the end of a text and may go on, unless it is the last. A sequence
/// of UTF-8 may be cut where a text begins or ends.
///
/// Thread safety: none; one exchange's. Lifetime: it owns its text. Complexity: linear in chunk and held bytes, which
/// is all that it keeps between chunks.
class SlidingWindow {
 public:
  /// `held`: bytes that wait for the next chunk; as long as the longest thing that is looked for, with what decides
  /// where it ends.
  explicit SlidingWindow(std::size_t held) noexcept : held_(held) {}

  /// What waited and the chunk behind it, to be looked at and changed until release().
  [[nodiscard]] std::string& add(std::string_view chunk) { return text_.append(chunk); }
  [[nodiscard]] std::string& add(base::ByteView chunk) { return add(base::as_text(chunk)); }

  /// What may go on now: all but the last `held` bytes, or with the last chunk all of it.
  [[nodiscard]] std::string release(bool is_last) {
    const std::size_t kept = is_last ? 0 : std::min(held_, text_.size());
    std::string passed = std::move(text_);
    text_.assign(passed, passed.size() - kept);
    passed.resize(passed.size() - kept);
    return passed;
  }

 private:
  std::size_t held_;
  std::string text_;
};

}  // namespace picket::agent

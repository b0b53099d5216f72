#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "picket/base/recycled_containers.hpp"

namespace picket::guardrail {

/// JSON inside of a string, as the arguments of a tool call are: what it says once its own escapes are undone, wherever
/// it is cut. What is no escape stands for itself, and so does all that is no JSON.
///
/// Thread safety: its owner's. Never throws but for memory. Complexity: linear. Source: RFC 8259 §7.
class NestedText {
 public:
  /// The next bytes of it, of one code point at most. What they say, with those before: of an escape that is not whole
  /// nothing, so far. Lifetime: until the next.
  [[nodiscard]] std::string_view take(std::string_view bytes) noexcept;
  /// The same of more, behind what `out` has.
  void decode(std::string_view text, base::RecycledString& out);

 private:
  std::array<char, 16> pending_{};  // of an escape, or of the two of a pair
  std::size_t size_ = 0;
  std::array<char, 32> said_{};
};

}  // namespace picket::guardrail

#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "picket/base/ascii.hpp"

namespace picket::base {

/// Texts of bytes, as ascii.hpp has their characters. Pure; any thread.
///
/// White space of a header field: a blank or a tab.
[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Without white space at its ends (RFC 9110 §5.6.3).
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// A copy in lower case.
[[nodiscard]] inline std::string lowered(std::string_view text) {
  std::string copy{text};
  std::ranges::transform(copy, copy.begin(), lower);
  return copy;
}

}  // namespace picket::base

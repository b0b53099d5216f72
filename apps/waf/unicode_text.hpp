#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace picket::apps::waf {

/// A text in UTF-16 or UTF-32 as UTF-8; any other as it is. By its byte order mark, which is dropped (so is that of
/// UTF-8), or by the zeros of its first character (RFC 4627 §3).
[[nodiscard]] std::string as_utf8(std::string_view text);

/// Appends a code point; half of a surrogate pair as if it were one.
void append_utf8(std::string& to, std::uint32_t code);

}  // namespace picket::apps::waf

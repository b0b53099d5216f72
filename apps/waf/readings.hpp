#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::waf {

/// The path of a request target as servers read it that split at the first literal question mark, decoded once; none
/// where that is what libmodsecurity 3.0.9 takes for it. The library decodes first and splits afterwards, so that rules
/// about the path see nothing of what stands behind "%3f" (CVE-2024-1019), and it drops what stands behind a "#".
[[nodiscard]] std::optional<std::string> path_that_was_cut(std::string_view target);

/// What stands behind a path's last slash.
[[nodiscard]] std::string basename_of(std::string_view path);

/// What a body without a content type may be taken for.
enum class BodyKind : std::uint8_t { form, json, xml };

/// By its first byte that is neither white space nor a byte order mark. A quote begins JSON where another ends it.
[[nodiscard]] BodyKind looks_like(std::string_view body) noexcept;

/// A text with its backslash escapes (JSON's, and \xHH) read: what it says to whoever finds a string in it.
[[nodiscard]] std::string unescaped(std::string_view text);

/// The contents of the parts of a text that begins like a multipart body; nothing for any other.
[[nodiscard]] std::vector<std::string_view> parts_of(std::string_view text);

/// Whether a content-type field names a type at all.
[[nodiscard]] bool names_a_type(std::string_view content_type) noexcept;

}  // namespace picket::apps::waf

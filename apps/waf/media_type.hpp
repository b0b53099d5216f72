#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace picket::apps::waf {

/// Whether that is all of it, without parameters: two tokens with a slash between (RFC 9110 §8.3.1).
[[nodiscard]] bool is_type_and_subtype(std::string_view type) noexcept;

/// What the content-type field of a multipart form says.
struct MultipartForm {
  std::string boundary;
  bool quoted = false;
  /// The boundary as readers take it that leave the backslashes of a quoted string in; else empty.
  std::string other_boundary;

  /// The field in the spelling that libmodsecurity 3.0.9 takes: no other parameter, the name in lower case.
  [[nodiscard]] std::string field() const;
};

/// Reads the field in every spelling that RFC 9110 §8.3.1 and RFC 2045 §5.1 allow: parameters in any order and case,
/// white space around semicolons, tokens and quoted strings. None for another type, for a field that is malformed, has
/// no boundary that RFC 2046 §5.1.1 allows, or leaves a doubt which it is (two of them, `boundary*`): the library
/// refuses those.
[[nodiscard]] std::optional<MultipartForm> multipart_form(std::string_view content_type);

}  // namespace picket::apps::waf

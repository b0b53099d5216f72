#pragma once

#include <cstddef>
#include <string_view>

namespace picket::apps::waf {

/// What a body becomes in the library, in bytes: every rule about arguments reads all of it.
struct Expansion {
  std::size_t longest_name = 0;
  std::size_t total = 0;  ///< Names and values.
};

/// Of a JSON document, which the library flattens: each scalar gets a name of all the keys that lead to it, so that a
/// key of 60,000 bytes before 900 items is 54 MB of names. Never less than what the library makes; what does not parse
/// is measured up to its end. Complexity: linear.
[[nodiscard]] Expansion json_expansion(std::string_view body);

/// Of the headers of a multipart body's parts, of which the library makes names. Complexity: linear.
[[nodiscard]] Expansion multipart_expansion(std::string_view body, std::string_view boundary);

}  // namespace picket::apps::waf

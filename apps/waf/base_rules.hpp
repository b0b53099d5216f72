#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Our base configuration in ModSecurity's language. The library and its Debian package ship none, and without one JSON
/// and XML bodies are not parsed and a body that fails to parse passes.
namespace picket::apps::waf {

/// Largest request body that is inspected, in bytes. The larger one of this and of responses is what the agent
/// announces as max_body_size, so that a proxy rejects or reports what is larger before it is sent here.
inline constexpr std::size_t max_body_size = 10 * 1024 * 1024;

/// Largest response body that is inspected, in bytes: what the gateway holds of one by default.
inline constexpr std::size_t max_response_body_size = 1024 * 1024;

/// Largest request body, without the files of a multipart one, in bytes that is parsed; more is refused with 413 by a
/// rule.
inline constexpr std::size_t max_parsed_body_size = 128 * 1024;

/// Largest single value in bytes that is looked at: an argument, its name, an XML document's text. Patterns take time
/// that grows with the square of a value.
inline constexpr std::size_t max_value_size = 64 * 1024;

/// Largest request head in bytes, target and fields, that is looked at.
inline constexpr std::size_t max_head_size = 128 * 1024;

/// Longest name in bytes that a JSON value gets, of the keys that lead to it.
inline constexpr std::size_t max_json_name_size = 1024;

/// Rules loaded before any other: which body is parsed as what, and what happens to one that cannot be inspected whole.
[[nodiscard]] std::string base_rules();

/// Rules whose targets include the text of an XML document (`XML:/*`, as CRS 3 writes them) with the values of its
/// attributes beside it (`XML://@*`, as CRS 4 does): an attack stands as well in one as in the other. Lines stay what
/// they are, and so do exclusions.
[[nodiscard]] std::string with_xml_attributes(std::string_view rules);

/// Directives and rules loaded after all others: in libmodsecurity the first setting of a directive wins, so these fill
/// what the rules left open.
[[nodiscard]] std::string_view default_directives() noexcept;

/// The action that sets CRS's paranoia level, 1 to 4.
[[nodiscard]] std::string paranoia_action(int level);

}  // namespace picket::apps::waf

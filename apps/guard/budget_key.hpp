#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace picket::apps::guard {

/// The key that a header's value says, the same for each spelling that servers take for it; empty for an empty value.
/// Nothing where the value may be read in more than one way: else each way to write a key would have a budget.
///
/// In `authorization` and `proxy-authorization` that is a scheme of any case, blanks, and one token68 (RFC 9110 §11.2,
/// RFC 6750), whose padding does not count; behind "Basic" base64 as RFC 4648 has it, padded and without stray bits. In
/// other headers (`header` is in lower case) it is one word of visible ASCII without quotes, commas and semicolons.
///
/// Pure; any thread. Complexity: linear.
[[nodiscard]] std::optional<std::string> budget_key(std::string_view header, std::string_view value);

}  // namespace picket::apps::guard

#pragma once

#include <string>

namespace picket::apps::waf {

/// "file:line: what is wrong", from the `error` with which the library refused to load `text` under that name.
/// The library says where most errors are, but not for duplicate ids and misplaced actions: these are looked for.
[[nodiscard]] std::string describe_rule_error(const std::string& error, const std::string& text,
                                              const std::string& name);

}  // namespace picket::apps::waf

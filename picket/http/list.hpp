#pragma once

#include <optional>
#include <string_view>

#include "picket/base/text.hpp"

/// Pure functions of a text: any thread; what they return are views of it.
namespace picket::http {

using base::trimmed;

/// Takes the next item off the front of a comma-separated list, trimmed; nothing at its end. Empty items count for
/// nothing (RFC 9110 §5.6.1.2).
[[nodiscard]] std::optional<std::string_view> next_item(std::string_view& list) noexcept;

/// RFC 9110 §7.6.1: a list of tokens, where empty items count for nothing.
[[nodiscard]] bool is_token_list(std::string_view text) noexcept;

}  // namespace picket::http

#pragma once

#include <string_view>

#include "picket/base/headers.hpp"

/// What RFC 9113 asks of the fields of any head, request or answer. Pure.
namespace picket::http {

/// §8.2.1: what it forbids of values, and HTTP/1.1 would read as something else.
[[nodiscard]] bool is_http2_value(std::string_view value) noexcept;

/// What is wrong with a field that is no pseudo-field: its name (§8.2), that it belongs to a connection (§8.2.2), its
/// value. Empty: nothing.
[[nodiscard]] std::string_view wrong_in_http2(const base::Header& field) noexcept;

}  // namespace picket::http

#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "picket/kdl/document.hpp"

namespace picket::kdl {

/// Longest number that is read. Turning hexadecimal digits into decimal ones takes quadratic time.
inline constexpr std::size_t max_number_length = 1024;

/// Reads a number as written, without keywords: decimal, 0x, 0o, 0b; signs, _, fractions and exponents. Thread safety:
/// pure. Errors: what is wrong with it, as a sentence for people. `token`: all of it has to be a number. Units: at most
/// max_number_length bytes.
[[nodiscard]] std::expected<Number, std::string> parse_number(std::string_view token);

}  // namespace picket::kdl

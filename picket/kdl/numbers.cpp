#include "picket/kdl/numbers.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "picket/kdl/characters.hpp"

namespace picket::kdl {
namespace {

/// 99 for what is no digit in any base.
unsigned digit_value(char byte) noexcept {
  if (is_digit(byte)) return static_cast<unsigned>(byte - '0');
  if (byte >= 'a' && byte <= 'f') return static_cast<unsigned>(byte - 'a') + 10;
  if (byte >= 'A' && byte <= 'F') return static_cast<unsigned>(byte - 'A') + 10;
  return 99;
}

/// Takes digits of `base` and the _ between and behind them off the front of `text`; gives the digits.
std::string take_digits(std::string_view& text, unsigned base) {
  std::string digits;
  if (text.empty() || digit_value(text.front()) >= base) return digits;
  while (!text.empty() && (text.front() == '_' || digit_value(text.front()) < base)) {
    if (text.front() != '_') digits += text.front();
    text.remove_prefix(1);
  }
  return digits;
}

std::string without_leading_zeros(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return digits;
}

/// Schoolbook conversion: a little-endian decimal number, times `base`, plus the next digit.
std::string to_decimal(std::string_view digits, unsigned base) {
  std::string decimal(1, '\0');
  for (const char digit : digits) {
    unsigned carry = digit_value(digit);
    for (char& place : decimal) {
      carry += static_cast<unsigned>(place) * base;
      place = static_cast<char>(carry % 10);
      carry /= 10;
    }
    for (; carry > 0; carry /= 10) decimal += static_cast<char>(carry % 10);
  }
  for (char& place : decimal) place = static_cast<char>(place + '0');
  std::ranges::reverse(decimal);
  return decimal;
}

using Digits = std::expected<std::string, std::string>;

Digits radix_number(std::string_view digits, unsigned base, std::string_view prefix) {
  std::string found = take_digits(digits, base);
  if (found.empty()) return std::unexpected(fmt::format("no digits directly behind {}", prefix));
  if (!digits.empty()) {
    const CodePoint stray = decode(digits, 0);
    return std::unexpected(fmt::format("\"{}\" is no digit of a {} number", digits.substr(0, stray.length), prefix));
  }
  return without_leading_zeros(to_decimal(found, base));
}

Digits decimal_number(std::string_view rest) {
  std::string text = take_digits(rest, 10);
  if (text.empty()) return std::unexpected("a digit is missing before the point");
  text = without_leading_zeros(std::move(text));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    const std::string fraction = take_digits(rest, 10);
    if (fraction.empty()) return std::unexpected("a digit is missing behind the point");
    text += '.' + fraction;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    std::string exponent = take_digits(rest, 10);
    if (exponent.empty()) return std::unexpected("a digit is missing in the exponent");
    text += fmt::format("E{}{}", negative ? '-' : '+', without_leading_zeros(std::move(exponent)));
  }
  if (!rest.empty()) return std::unexpected(fmt::format("\"{}\" does not belong to a number", rest));
  return text;
}

}  // namespace

std::expected<Number, std::string> parse_number(std::string_view token) {
  if (token.size() > max_number_length) return std::unexpected(fmt::format("more than {} digits", max_number_length));
  const bool negative = token.starts_with('-');
  if (negative || token.starts_with('+')) token.remove_prefix(1);
  struct Radix {
    std::string_view prefix;
    unsigned base;
  };
  Digits digits;
  bool done = false;
  for (const auto& [prefix, base] : {Radix{"0x", 16}, Radix{"0o", 8}, Radix{"0b", 2}}) {
    if (!token.starts_with(prefix)) continue;
    digits = radix_number(token.substr(prefix.size()), base, prefix);
    done = true;
  }
  if (!done) digits = decimal_number(token);
  if (!digits) return std::unexpected(digits.error());
  return Number{(negative ? "-" : "") + *digits};
}

bool Number::is_integer() const noexcept { return is_finite() && text.find_first_of(".E") == std::string::npos; }

namespace {

template <class T>
std::optional<T> convert(std::string_view text) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> Number::as_int64() const noexcept { return convert<std::int64_t>(text); }

std::optional<std::uint64_t> Number::as_uint64() const noexcept {
  if (text == "-0") return 0;
  return convert<std::uint64_t>(text);
}

std::optional<double> Number::as_double() const noexcept { return convert<double>(text); }

}  // namespace picket::kdl

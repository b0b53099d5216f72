#pragma once

#include <span>
#include <string_view>

/// What issuers of numbers add so that a mistyped one is noticed. Texts are digits (and upper-case letters where said)
/// and nothing else. Pure; any thread.
namespace picket::apps::guard {

/// ISO/IEC 7812-1 annex B, of cards and many national numbers.
[[nodiscard]] bool passes_luhn(std::string_view digits) noexcept;
/// ISO 7064 MOD 97-10 of digits and letters, as IBANs use it after their first four characters went to the end.
[[nodiscard]] unsigned modulo_97(std::string_view text, unsigned remainder = 0) noexcept;
/// ISO 7064 MOD 11,10 (DE, HR).
[[nodiscard]] bool passes_mod_11_10(std::string_view digits) noexcept;
/// Verhoeff's scheme (IN).
[[nodiscard]] bool passes_verhoeff(std::string_view digits) noexcept;
/// The sum of the first digits, each by its weight.
[[nodiscard]] int weighted_sum(std::string_view digits, std::span<const int> weights) noexcept;

/// Whether there may be such a day: months of 1 to 12, days of that month; the 29th of February of any year.
[[nodiscard]] bool is_day(int month, int day) noexcept;
/// The value of the digits [at, at + count).
[[nodiscard]] int number_at(std::string_view digits, std::size_t at, std::size_t count) noexcept;

}  // namespace picket::apps::guard

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

/// How phone numbers are written. Pure; any thread.
namespace picket::apps::guard {

/// A country of E.164: how long its code is, and how many digits a number has behind it.
struct CallingCountry {
  std::size_t code_length;
  std::size_t fewest;
  std::size_t most;
};

/// By the digits behind the '+'; nothing where no country begins so. The lengths are those of the countries' plans
/// where they are in the table, else 6 to 12.
[[nodiscard]] std::optional<CallingCountry> calling_country(std::string_view digits) noexcept;

/// A way in which numbers are written without their country's code.
struct NationalSpelling {
  std::string_view beginnings;  ///< One of these digits comes first.
  std::string_view seconds;     ///< … and one of these second.
  std::string_view shape;       ///< Sizes of the groups: "3-3-4".
  bool has_parenthesis;         ///< The first group stands in parentheses.
  float confidence;
};

/// The spelling of such digits in such groups; null where it is none that is known.
[[nodiscard]] const NationalSpelling* national_spelling(std::string_view digits, std::string_view shape,
                                                        bool has_parenthesis) noexcept;

}  // namespace picket::apps::guard

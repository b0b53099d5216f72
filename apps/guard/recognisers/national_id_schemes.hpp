#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// The numbers by which states know people. Pure; any thread.
namespace picket::apps::guard {

/// One number in one spelling.
struct Scheme {
  std::string_view kind;  ///< "US SSN"
  /// '9' is a digit, 'A' a letter of either case, 'U' a capital, 'X' either a digit or a letter; '_' one space, hyphen
  /// or full stop, or nothing; anything else itself ('-' and ' ' any hyphen, any space).
  std::string_view spelling;
  /// Of its digits and letters alone, in upper case.
  bool (*is_valid)(std::string_view number);
  /// Words, in lower case with '|' in between, of which one has to come before it: for numbers that look like others.
  /// Empty: the spelling and the check are enough.
  std::string_view words;
  float confidence;
  /// Words, as above, of which none may come right before it.
  std::string_view never_behind = {};
};

/// How rarely another number of that shape passes the check: which signs may stand between its parts depends on it.
enum class Check : std::uint8_t {
  none,    ///< Every other one does, or nearly.
  digit,   ///< About one in ten.
  strong,  ///< At most one in fifty.
};
[[nodiscard]] Check check_of(const Scheme& scheme) noexcept;

[[nodiscard]] std::span<const Scheme> national_id_schemes() noexcept;

}  // namespace picket::apps::guard

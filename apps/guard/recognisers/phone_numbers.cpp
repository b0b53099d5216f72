#include "apps/guard/recognisers/phone_numbers.hpp"

#include <algorithm>

namespace picket::apps::guard {
namespace {

struct Plan {
  std::string_view code;
  std::size_t fewest;
  std::size_t most;
};

/// Countries whose numbers have fewer lengths than E.164 allows: what follows a number is then not taken for its end.
constexpr Plan plans[] = {
    {"1", 10, 10},  {"20", 8, 10},  {"27", 9, 9},   {"30", 10, 10}, {"31", 9, 9},   {"32", 8, 9},   {"33", 9, 9},
    {"34", 9, 9},   {"351", 9, 9},  {"352", 5, 11}, {"353", 7, 9},  {"354", 7, 9},  {"358", 5, 12}, {"359", 7, 9},
    {"36", 8, 9},   {"370", 8, 8},  {"371", 8, 8},  {"372", 7, 8},  {"380", 9, 9},  {"385", 8, 9},  {"386", 8, 8},
    {"39", 6, 11},  {"40", 9, 9},   {"41", 9, 9},   {"420", 9, 9},  {"421", 9, 9},  {"43", 5, 13},  {"44", 9, 10},
    {"45", 8, 8},   {"46", 7, 9},   {"47", 8, 8},   {"48", 9, 9},   {"49", 6, 11},  {"51", 8, 9},   {"52", 10, 11},
    {"54", 10, 11}, {"55", 10, 11}, {"56", 9, 9},   {"57", 8, 10},  {"60", 8, 10},  {"61", 9, 9},   {"62", 8, 12},
    {"63", 8, 10},  {"64", 8, 10},  {"65", 8, 8},   {"66", 8, 9},   {"7", 10, 10},  {"81", 9, 10},  {"82", 8, 10},
    {"84", 9, 10},  {"852", 8, 8},  {"86", 10, 11}, {"880", 8, 10}, {"90", 10, 10}, {"91", 10, 10}, {"92", 9, 10},
    {"966", 8, 9},  {"971", 8, 9},  {"972", 8, 9},
};

/// Codes of two digits; with "1" and "7" all others have three.
constexpr std::string_view short_codes =
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 "
    "63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";

constexpr std::string_view any = "0123456789";
constexpr std::string_view not_zero = "123456789";
constexpr std::string_view area = "23456789";  // of North America

constexpr NationalSpelling spellings[] = {
    // North America
    {area, any, "3-3-4", true, 0.85F},
    {area, any, "3-3-4", false, 0.75F},
    {"1", area, "1-3-3-4", false, 0.8F},
    // A trunk zero: most of Europe, Japan, Australia
    {"0", not_zero, "5-6", false, 0.75F},    // UK 07700 900123
    {"0", not_zero, "3-4-4", false, 0.8F},   // UK 020 7946 0958, JP 090 1234 5678
    {"0", not_zero, "4-3-4", false, 0.75F},  // UK 0161 496 0000
    {"0", not_zero, "5-3-3", false, 0.75F},  // UK 07700 900 123
    {"0", not_zero, "5-5", false, 0.6F},
    {"0", not_zero, "2-2-2-2-2", false, 0.85F},  // FR
    {"0", not_zero, "4-2-2-2", false, 0.75F},
    {"0", not_zero, "4-3-3", false, 0.75F},   // AU 0412 345 678
    {"0", not_zero, "3-3-4", false, 0.7F},    // NL 020 123 4567
    {"0", not_zero, "3-3-2-2", false, 0.8F},  // CH, SE
    {"0", not_zero, "3-3-3", false, 0.65F},
    {"0", not_zero, "2-4-4", false, 0.75F},  // JP 03-1234-5678
    {"0", not_zero, "2-4-4", true, 0.8F},    // AU (02) 1234 5678
    {"0", not_zero, "2-8", false, 0.7F},     // NL 06-12345678
    {"0", not_zero, "3-7", false, 0.7F},     // DE 030 1234567, NL
    {"0", not_zero, "3-8", false, 0.7F},     // DE 030 12345678
    {"0", not_zero, "4-7", false, 0.75F},    // DE 0171 1234567
    {"0", not_zero, "4-8", false, 0.7F},
    {"0", not_zero, "4-6", false, 0.7F},
    {"0", not_zero, "3-6", false, 0.6F},
    {"0", not_zero, "3-3-5", false, 0.6F},
    {"0", not_zero, "4-3-2-2", false, 0.75F},
    {"0", not_zero, "4-4-4", false, 0.7F},
    {"0", not_zero, "5-6", true, 0.8F},
    {"0", not_zero, "3-4-4", true, 0.8F},
    {"0", not_zero, "3-7", true, 0.8F},
    {"0", not_zero, "3-8", true, 0.8F},
    {"0", not_zero, "4-6", true, 0.75F},
    {"0", "67", "10", false, 0.6F},             // FR, NL
    {"0", "7", "11", false, 0.6F},              // UK
    {"0", not_zero, "2-3-4", false, 0.65F},     // NZ, IE
    {"0", not_zero, "2-3-2-2", false, 0.75F},   // BE 02 123 45 67
    {"0", not_zero, "2-3-3-2", false, 0.75F},   // SE 08-123 456 78
    {"0", not_zero, "1-3-3-2-2", false, 0.7F},  // TR
    // Russia, Greece
    {"8", "3489", "1-3-3-2-2", false, 0.75F},
    {"2", any, "3-7", false, 0.6F},
    // Brazil, India, Spain, Poland
    {not_zero, not_zero, "2-5-4", true, 0.85F},
    {not_zero, not_zero, "2-4-4", true, 0.8F},
    {not_zero, not_zero, "2-5-4", false, 0.65F},
    {"6789", any, "5-5", false, 0.6F},
    {"679", any, "3-2-2-2", false, 0.7F},
};

bool starts_with_one_of(std::string_view code, std::string_view codes) {
  for (; codes.size() >= 2; codes.remove_prefix(std::min<std::size_t>(3, codes.size())))
    if (codes.starts_with(code)) return true;
  return false;
}

}  // namespace

std::optional<CallingCountry> calling_country(std::string_view digits) noexcept {
  if (digits.size() < 7 || digits[0] == '0') return std::nullopt;
  const bool is_one = digits[0] == '1' || digits[0] == '7';
  const std::size_t length = is_one ? 1 : starts_with_one_of(digits.substr(0, 2), short_codes) ? 2 : 3;
  for (const Plan& plan : plans)
    if (plan.code == digits.substr(0, length)) return CallingCountry{length, plan.fewest, plan.most};
  return CallingCountry{length, 6, 12};
}

const NationalSpelling* national_spelling(std::string_view digits, std::string_view shape,
                                          bool has_parenthesis) noexcept {
  for (const NationalSpelling& spelling : spellings)
    if (digits.size() > 1 && spelling.shape == shape && spelling.has_parenthesis == has_parenthesis &&
        spelling.beginnings.find(digits[0]) != std::string_view::npos &&
        spelling.seconds.find(digits[1]) != std::string_view::npos)
      return &spelling;
  return nullptr;
}

}  // namespace picket::apps::guard

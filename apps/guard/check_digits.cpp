#include "apps/guard/check_digits.hpp"

#include <array>
#include <cstddef>

namespace picket::apps::guard {
namespace {

int digit(char c) noexcept { return c - '0'; }

}  // namespace

bool passes_luhn(std::string_view digits) noexcept {
  int sum = 0;
  bool doubles = false;
  for (std::size_t i = digits.size(); i-- > 0; doubles = !doubles) {
    const int value = digit(digits[i]) * (doubles ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

unsigned modulo_97(std::string_view text, unsigned remainder) noexcept {
  for (const char c : text) {
    const bool is_letter = c >= 'A';
    const auto value = static_cast<unsigned>(is_letter ? c - 'A' + 10 : digit(c));
    remainder = (remainder * (is_letter ? 100 : 10) + value) % 97;
  }
  return remainder;
}

bool passes_mod_11_10(std::string_view digits) noexcept {
  int product = 10;
  for (const char c : digits.substr(0, digits.size() - 1)) {
    const int sum = (digit(c) + product) % 10;
    product = (sum == 0 ? 10 : sum) * 2 % 11;
  }
  return (11 - product) % 10 == digit(digits.back());
}

bool passes_verhoeff(std::string_view digits) noexcept {
  // In the dihedral group of ten elements: what two of them make, and where position permutes a digit to.
  static constexpr std::array<const char*, 10> products{"0123456789", "1234067895", "2340178956", "3401289567",
                                                        "4012395678", "5987604321", "6598710432", "7659821043",
                                                        "8765932104", "9876543210"};
  static constexpr std::array<const char*, 8> permutations{"0123456789", "1576283094", "5803796142", "8916043527",
                                                           "9453126870", "4286573901", "2793806415", "7046913258"};
  int check = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int moved = digit(permutations[i % 8][digit(digits[digits.size() - 1 - i])]);
    check = digit(products[static_cast<std::size_t>(check)][moved]);
  }
  return check == 0;
}

int weighted_sum(std::string_view digits, std::span<const int> weights) noexcept {
  int sum = 0;
  for (std::size_t i = 0; i < weights.size() && i < digits.size(); ++i) sum += digit(digits[i]) * weights[i];
  return sum;
}

bool is_day(int month, int day) noexcept {
  static constexpr std::array<int, 12> days{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month >= 1 && month <= 12 && day >= 1 && day <= days[static_cast<std::size_t>(month - 1)];
}

int number_at(std::string_view digits, std::size_t at, std::size_t count) noexcept {
  int value = 0;
  for (const char c : digits.substr(at, count)) value = value * 10 + digit(c);
  return value;
}

}  // namespace picket::apps::guard

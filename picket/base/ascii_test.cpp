#include "picket/base/ascii.hpp"

#include <string_view>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(Ascii, OnlyItsCapitalLettersHaveALowerCase) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool is_capital = i >= 'A' && i <= 'Z';
    EXPECT_EQ(lower(c), is_capital ? static_cast<char>(i + 32) : c) << i;
  }
}

TEST(Ascii, SixteenDigitsHaveAValueInEitherCaseAndNothingElseHas) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view capitals = "0123456789ABCDEF";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const std::size_t at = digits.contains(c) ? digits.find(c) : capitals.find(c);
    EXPECT_EQ(hex_value(c), at == std::string_view::npos ? -1 : static_cast<int>(at)) << i;
  }
}

}  // namespace
}  // namespace picket::base

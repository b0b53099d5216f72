#include "apps/guard/check_digits.hpp"

#include <array>

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(CheckDigits, SchemesTellOneWrongDigit) {
  EXPECT_TRUE(passes_luhn("4111111111111111"));
  EXPECT_FALSE(passes_luhn("4111111111111112"));
  EXPECT_TRUE(passes_verhoeff("2363"));  // Verhoeff's own example
  EXPECT_FALSE(passes_verhoeff("2364"));
  EXPECT_TRUE(passes_mod_11_10("86095742719"));
  EXPECT_FALSE(passes_mod_11_10("86095742718"));
  EXPECT_EQ(modulo_97("370400440532013000DE89"), 1U);
}

TEST(CheckDigits, SumsAreOfTheDigitsThatHaveWeights) {
  constexpr std::array<int, 3> weights{3, 2, 1};
  EXPECT_EQ(weighted_sum("1239", weights), 3 + 4 + 3);
  EXPECT_EQ(number_at("00425", 1, 3), 42);
}

TEST(CheckDigits, DaysAreThoseOfTheirMonth) {
  EXPECT_TRUE(is_day(2, 29));
  EXPECT_FALSE(is_day(2, 30));
  EXPECT_FALSE(is_day(13, 1));
  EXPECT_FALSE(is_day(0, 1));
  EXPECT_FALSE(is_day(1, 0));
}

}  // namespace
}  // namespace picket::apps::guard

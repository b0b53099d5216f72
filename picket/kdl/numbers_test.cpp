#include "picket/kdl/numbers.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::kdl {
namespace {

TEST(Number, IsKeptInSimplestDecimalForm) {
  struct Case {
    std::string_view written;
    std::string_view simplest;
  };
  for (const auto& [written, simplest] :
       {Case{"0", "0"}, Case{"007", "7"}, Case{"+5", "5"}, Case{"-5", "-5"}, Case{"1_000_", "1000"},
        Case{"0xff", "255"}, Case{"-0x0F", "-15"}, Case{"0o17", "15"}, Case{"0b1_0", "2"}, Case{"0x0", "0"},
        Case{"00.50", "0.50"}, Case{"1e3", "1E+3"}, Case{"1.5E-007", "1.5E-7"},
        Case{"0xFFFFFFFFFFFFFFFFF", "295147905179352825855"},
        Case{"0b1111111111111111111111111111111111111111111111111111111111111111", "18446744073709551615"}}) {
    SCOPED_TRACE(written);
    const auto number = parse_number(written);
    ASSERT_TRUE(number.has_value()) << number.error();
    EXPECT_EQ(number->text, simplest);
  }
}

TEST(Number, ThatIsWrongSaysWhatIsWrong) {
  struct Case {
    std::string_view written;
    std::string_view problem;
  };
  for (const auto& [written, problem] :
       {Case{"1.", "a digit is missing behind the point"}, Case{".5", "a digit is missing before the point"},
        Case{"1._7", "a digit is missing behind the point"}, Case{"1e", "a digit is missing in the exponent"},
        Case{"1e+_5", "a digit is missing in the exponent"}, Case{"10ms", "\"ms\" does not belong to a number"},
        Case{"1.0.0", "\".0\" does not belong to a number"}, Case{"0x", "no digits directly behind 0x"},
        Case{"0x_1", "no digits directly behind 0x"}, Case{"0o18", "\"8\" is no digit of a 0o number"},
        Case{"0b1é", "\"é\" is no digit of a 0b number"}}) {
    SCOPED_TRACE(written);
    const auto number = parse_number(written);
    ASSERT_FALSE(number.has_value());
    EXPECT_EQ(number.error(), problem);
  }
}

TEST(Number, LongerThanTheLimitIsRefused) {
  EXPECT_TRUE(parse_number(std::string(max_number_length, '9')).has_value());
  EXPECT_FALSE(parse_number(std::string(max_number_length + 1, '9')).has_value());
}

TEST(Number, ConvertsOnlyWhereNothingIsLost) {
  EXPECT_EQ(Number{"18446744073709551615"}.as_uint64(), 18446744073709551615U);
  EXPECT_EQ(Number{"18446744073709551616"}.as_uint64(), std::nullopt);
  EXPECT_EQ(Number{"-1"}.as_uint64(), std::nullopt);
  EXPECT_EQ(Number{"-0"}.as_uint64(), 0U);
  EXPECT_EQ(Number{"-9223372036854775808"}.as_int64(), INT64_MIN);
  EXPECT_EQ(Number{"9223372036854775808"}.as_int64(), std::nullopt);
  EXPECT_EQ(Number{"1.0"}.as_int64(), std::nullopt);
  EXPECT_EQ(Number{"1.5E+2"}.as_double(), 150.0);
  EXPECT_EQ(Number{"1E+1000"}.as_double(), std::nullopt);
  EXPECT_TRUE(Number{"-12"}.is_integer());
  for (const char* text : {"1.0", "1E+3", "#inf", "#nan"}) EXPECT_FALSE(Number{text}.is_integer()) << text;
  EXPECT_FALSE(Number{"#-inf"}.is_finite());
}

}  // namespace
}  // namespace picket::kdl

#include "picket/base/headers.hpp"

#include <array>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

constexpr std::array<Header, 4> kFields{{{"Host", "a"}, {"X-Two", "1"}, {"x-two", "2"}, {"empty", ""}}};
const Headers kHeaders{kFields};

TEST(Headers, LookUpIgnoresCaseAndYieldsTheFirstValue) {
  EXPECT_EQ(kHeaders.find("hOST"), "a");
  EXPECT_EQ(kHeaders.find("X-TWO"), "1");
  EXPECT_EQ(kHeaders.count("x-Two"), 2U);
}

TEST(Headers, EmptyValueIsNotAbsent) {
  EXPECT_EQ(kHeaders.find("empty"), "");
  EXPECT_FALSE(kHeaders.find("hos"));
}

TEST(Headers, OnlyLettersFoldTheirCase) { EXPECT_FALSE(same_name("a[", "a{")); }

}  // namespace
}  // namespace picket::base

#include "picket/transport/tls/hostnames.hpp"

#include <gtest/gtest.h>

namespace picket::transport::tls {
namespace {

class HostnamesOfTwo : public ::testing::Test {
 protected:
  HostnamesOfTwo() {
    for (const auto* const name : {"a.example", "Deep.b.example"}) EXPECT_TRUE(names_.add(name, 0));
    for (const auto* const name : {"*.b.example", "z.example"}) EXPECT_TRUE(names_.add(name, 1));
  }
  Hostnames names_;
};

TEST_F(HostnamesOfTwo, AreFoundInAnyCaseAndWithALastDot) {
  EXPECT_EQ(names_.find("a.example"), 0U);
  EXPECT_EQ(names_.find("A.EXAMPLE"), 0U);
  EXPECT_EQ(names_.find("a.example."), 0U);
  EXPECT_EQ(names_.find("z.example"), 1U);
}

TEST_F(HostnamesOfTwo, TakeOneLabelForAWildcardAndNoMore) {
  EXPECT_EQ(names_.find("x.b.example"), 1U);
  EXPECT_EQ(names_.find("X.B.Example"), 1U);
  EXPECT_EQ(names_.find("b.example"), std::nullopt);
  EXPECT_EQ(names_.find(".b.example"), std::nullopt);
  EXPECT_EQ(names_.find("x.y.b.example"), std::nullopt);
}

TEST_F(HostnamesOfTwo, TakeAnExactNameBeforeAWildcard) { EXPECT_EQ(names_.find("deep.b.example"), 0U); }

TEST_F(HostnamesOfTwo, AreNotFoundInPart) {
  for (const auto* const name : {"", ".", "example", "aa.example", "a.example.org", "a.exampl", "[::1]"})
    EXPECT_EQ(names_.find(name), std::nullopt) << name;
}

TEST_F(HostnamesOfTwo, AreThereOnce) {
  EXPECT_FALSE(names_.add("A.example", 1));
  EXPECT_FALSE(names_.add("*.B.example.", 0));
  EXPECT_TRUE(names_.add("b.example", 0));
}

}  // namespace
}  // namespace picket::transport::tls

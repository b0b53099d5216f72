#include "apps/guard/allow_list.hpp"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(AllowList, ComparesWithoutCaseAndWithoutWhatNumbersAreWrittenWith) {
  AllowList list;
  list.add("Info@Example.com");
  list.add("+1 (202) 555-0143");
  EXPECT_TRUE(list.contains("info@example.COM"));
  EXPECT_TRUE(list.contains("+1 202 555 0143"));
  EXPECT_FALSE(list.contains("info@example.org"));
  EXPECT_FALSE(AllowList{}.contains(""));
}

TEST(AllowList, ADomainStandsForAllItsAddresses) {
  AllowList list;
  list.add("@example.com");
  EXPECT_TRUE(list.contains("anyone.at.all@example.com"));
  EXPECT_FALSE(list.contains("anyone@sub.example.com"));
}

TEST(AllowList, IsReadFromAFileLineByLine) {
  const std::string file = ::testing::TempDir() + "picket_allow_list.txt";
  std::ofstream{file} << "# ours\n\n@example.com\n4111 1111 1111 1111\r\n";
  const auto list = AllowList::read(file);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 2U);
  EXPECT_TRUE(list->contains("4111-1111-1111-1111"));
  std::remove(file.c_str());
  const auto missing = AllowList::read(file);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail().find(file), std::string::npos);
}

}  // namespace
}  // namespace picket::apps::guard

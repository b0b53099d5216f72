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

TEST(AllowList, OnlyOfNumbersTheSignsDoNotCount) {
  AllowList list;
  for (const char* value : {"@my-company.com", "10.0.0.11", "@foo.co", "  ann@ex.org  ", "DE89 3704 0044 0532 0130 00"})
    list.add(value);
  for (const char* value : {"bob@my-company.com", "10.0.0.11", "Ann@ex.org", "x@foo.co", "de89370400440532013000"})
    EXPECT_TRUE(list.contains(value)) << value;
  for (const char* value : {"bob@mycompany.com", "bob@my.company.com", "100.0.1.1", "x@f.oo.co", "a.nn@ex.org",
                            "an-n@ex.org", "1000011", "10.0.01.1"})
    EXPECT_FALSE(list.contains(value)) << value;
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

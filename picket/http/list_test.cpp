#include "picket/http/list.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string_view> items(std::string_view list) {
  std::vector<std::string_view> all;
  while (const auto item = next_item(list)) all.push_back(*item);
  return all;
}

TEST(List, ItemsAreTrimmed) { EXPECT_THAT(items("a,b ,\tc d\t"), ElementsAre("a", "b", "c d")); }

TEST(List, EmptyItemsCountForNothing) {
  EXPECT_THAT(items(",, a ,\t,b,"), ElementsAre("a", "b"));
  EXPECT_THAT(items(" , "), IsEmpty());
  EXPECT_THAT(items(""), IsEmpty());
}

}  // namespace
}  // namespace picket::http

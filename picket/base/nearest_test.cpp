#include "picket/base/nearest.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(EditDistance, CountsEditsAndSwapsOfNeighbours) {
  struct Case {
    std::string_view a;
    std::string_view b;
    std::size_t distance;
  };
  for (const auto& [a, b, distance] :
       {Case{"", "", 0}, Case{"", "abc", 3}, Case{"abc", "abc", 0}, Case{"abc", "abd", 1}, Case{"abc", "ac", 1},
        Case{"abc", "acb", 1}, Case{"kitten", "sitting", 3}, Case{"ca", "abc", 3}}) {
    SCOPED_TRACE(std::string(a) + " " + std::string(b));
    EXPECT_EQ(edit_distance(a, b), distance);
    EXPECT_EQ(edit_distance(b, a), distance);
  }
}

TEST(Suggest, NamesTheNearestOrAll) {
  constexpr std::array<std::string_view, 3> known{"timeout-ms", "events", "pool"};
  EXPECT_EQ(suggest("timeot-ms", known), "did you mean \"timeout-ms\"?");
  EXPECT_EQ(suggest("timeout", known), "did you mean \"timeout-ms\"?");
  EXPECT_EQ(suggest("Events", known), "did you mean \"events\"?");
  EXPECT_EQ(suggest("frobnicate", known), "known: \"timeout-ms\", \"events\", \"pool\"");
  EXPECT_EQ(suggest(std::string(100'000, 'x'), known), "known: \"timeout-ms\", \"events\", \"pool\"");
  EXPECT_EQ(suggest("x", {}), "");
}

}  // namespace
}  // namespace picket::base

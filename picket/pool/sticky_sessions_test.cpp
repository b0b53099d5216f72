#include "picket/pool/sticky_sessions.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using std::chrono::seconds;

constexpr base::TimePoint start{seconds{100}};
constexpr Pin here{.connection = nullptr, .epoch = 1};
constexpr Pin there{.connection = nullptr, .epoch = 2};

TEST(StickySessions, AreKeptForAsLongAsTheyAreUsed) {
  StickySessions sessions{seconds{10}, 8};
  sessions.put("a", here, start);
  EXPECT_EQ(sessions.find("a", start + seconds{9}), here);
  EXPECT_EQ(sessions.find("a", start + seconds{18}), here) << "the look before was a use";
  EXPECT_FALSE(sessions.find("a", start + seconds{28}));
  EXPECT_EQ(sessions.size(start + seconds{28}), 0U);
}

TEST(StickySessions, ALookThatIsNoUseLengthensNothing) {
  StickySessions sessions{seconds{10}, 8};
  sessions.put("a", here, start);
  EXPECT_TRUE(sessions.has("a", start + seconds{9}));
  EXPECT_FALSE(sessions.has("a", start + seconds{10}));
  EXPECT_FALSE(sessions.refresh("a", start + seconds{10}));
}

TEST(StickySessions, OneThatMovesHasOnePlace) {
  StickySessions sessions{seconds{10}, 8};
  sessions.put("a", here, start);
  sessions.put("a", there, start);
  EXPECT_EQ(sessions.find("a", start), there);
  EXPECT_EQ(sessions.size(start), 1U);
  EXPECT_TRUE(sessions.clear("a"));
  EXPECT_FALSE(sessions.clear("a"));
  EXPECT_FALSE(sessions.has("a", start));
}

TEST(StickySessions, OverTheMostTheOneGoesThatWasNotUsedForTheLongest) {
  StickySessions sessions{seconds{10}, 2};
  sessions.put("a", here, start);
  sessions.put("b", here, start);
  EXPECT_TRUE(sessions.refresh("a", start + seconds{1}));
  sessions.put("c", here, start + seconds{2});
  EXPECT_TRUE(sessions.has("a", start + seconds{2}));
  EXPECT_FALSE(sessions.has("b", start + seconds{2}));
  EXPECT_TRUE(sessions.has("c", start + seconds{2}));
}

TEST(StickySessions, WithoutATimeNothingIsKept) {
  StickySessions sessions{{}, 2};
  sessions.put("a", here, start);
  EXPECT_FALSE(sessions.has("a", start));
}

}  // namespace
}  // namespace picket::pool

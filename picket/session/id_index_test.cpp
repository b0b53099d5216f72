#include "picket/session/id_index.hpp"

#include <deque>
#include <random>
#include <string>
#include <unordered_map>

#include <gtest/gtest.h>

namespace picket::session {
namespace {

TEST(IdIndex, EmptyOneFindsNothing) {
  const IdIndex index;
  EXPECT_EQ(index.find("a"), IdIndex::nothing);
  EXPECT_TRUE(index.empty());
}

TEST(IdIndex, FindsWhatWasInsertedUntilItIsErased) {
  IdIndex index;
  index.insert("a", 0);
  index.insert("b", 1);
  EXPECT_EQ(index.find("a"), 0U);
  EXPECT_EQ(index.find("b"), 1U);
  index.erase(0);
  EXPECT_EQ(index.find("a"), IdIndex::nothing);
  EXPECT_EQ(index.find("b"), 1U);
  EXPECT_EQ(index.size(), 1U);
}

TEST(IdIndex, AgreesWithAMapThroughRandomInsertsAndErases) {
  std::mt19937 random{7};
  IdIndex index;
  std::unordered_map<std::string, std::uint32_t> map;
  std::deque<std::string> ids(500);  // by entry: the index borrows them
  for (int step = 0; step < 50'000; ++step) {
    const auto entry = static_cast<std::uint32_t>(random() % ids.size());
    if (ids[entry].empty()) {
      ids[entry] = std::to_string(step);
      index.insert(ids[entry], entry);
      map.emplace(ids[entry], entry);
    } else {
      index.erase(entry);
      map.erase(ids[entry]);
      ids[entry].clear();
    }
    ASSERT_EQ(index.size(), map.size());
  }
  std::size_t seen = 0;
  index.each([&](std::uint32_t entry) {
    ++seen;
    EXPECT_EQ(map.at(ids[entry]), entry);
  });
  EXPECT_EQ(seen, map.size());
  for (const auto& [id, entry] : map) EXPECT_EQ(index.find(id), entry);
}

}  // namespace
}  // namespace picket::session

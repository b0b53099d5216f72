#include "apps/gateway/body/held_body.hpp"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace picket::apps::gateway::body {
namespace {

bool add(HeldBody& body, std::size_t size, char byte) {
  const auto space = body.space().first(size);
  std::memset(space.data(), byte, size);
  return body.add(size);
}

TEST(HeldBody, KeepsWhatIsReadInItsOrder) {
  base::BlockPool pool;
  pool.set_budget(1'000'000);
  HeldBody body{pool};
  ASSERT_TRUE(body.begin());
  EXPECT_TRUE(add(body, base::block_size - 1, 'a'));
  EXPECT_EQ(body.space().size(), 1U);
  EXPECT_TRUE(add(body, 1, 'b'));
  EXPECT_TRUE(add(body, 2, 'c'));
  ASSERT_EQ(body.pieces().size(), 2U);
  EXPECT_EQ(base::as_text(body.pieces()[0]), std::string(base::block_size - 1, 'a') + "b");
  EXPECT_EQ(base::as_text(body.pieces()[1]), "cc");
}

TEST(HeldBody, CountsWhatItHoldsAndLetsItGo) {
  base::BlockPool pool;
  pool.set_budget(5000);
  {
    HeldBody body{pool};
    ASSERT_TRUE(body.begin());
    EXPECT_TRUE(add(body, 900, 'a'));
    EXPECT_FALSE(add(body, 100, 'b')) << "over the budget";
    EXPECT_EQ(pool.held(), 4996U);
    body.clear();
    EXPECT_EQ(pool.held(), 0U);
    ASSERT_TRUE(body.begin());
    EXPECT_TRUE(add(body, 10, 'c'));
    EXPECT_EQ(base::as_text(body.pieces().front()), std::string(10, 'c'));
  }
  EXPECT_EQ(pool.held(), 0U);
}

TEST(HeldBody, DoesNotCountWhatIsLent) {
  base::BlockPool pool;
  HeldBody body{pool};
  body.lend(base::as_bytes("abc"));
  EXPECT_EQ(base::as_text(body.pieces().front()), "abc");
  EXPECT_EQ(pool.held(), 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::body

#include "apps/gateway/upstream/socket_budget.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace picket::apps::gateway::upstream {
namespace {

/// Idle connections that are nothing but their places.
class Owner : public IdleOwner {
 public:
  Owner() : IdleOwner(&Owner::since_of, &Owner::close_first, this) {}
  void keep(SocketBudget::Place place, int since) {
    idle_.push_back({std::move(place), base::TimePoint{std::chrono::seconds{since}}});
  }
  [[nodiscard]] std::size_t count() const { return idle_.size(); }

 private:
  struct Idle {
    SocketBudget::Place place;
    base::TimePoint since;
  };
  static base::TimePoint since_of(const void* self) {
    const auto& idle = static_cast<const Owner*>(self)->idle_;
    return idle.empty() ? base::TimePoint::max() : idle.front().since;
  }
  static void close_first(void* self) {
    auto& idle = static_cast<Owner*>(self)->idle_;
    idle.erase(idle.begin());
  }
  std::vector<Idle> idle_;
};

TEST(SocketBudget, TheLongestIdleGoesWhosesoeverItIs) {
  SocketBudget budget;
  Owner one;
  Owner other;
  budget.join(one);
  budget.join(other);
  one.keep(budget.take(), 2);
  other.keep(budget.take(), 1);
  one.keep(budget.take(), 3);
  budget.set_limit(3);
  const auto fourth = budget.take();
  EXPECT_EQ(other.count(), 0U);
  EXPECT_EQ(one.count(), 2U);
  EXPECT_EQ(budget.open(), 3U);
}

TEST(SocketBudget, WhereAllAreAtWorkOneMoreIsOpenedAllTheSame) {
  SocketBudget budget;
  budget.set_limit(1);
  const auto first = budget.take();
  {
    const auto second = budget.take();
    EXPECT_EQ(budget.open(), 2U);
  }
  EXPECT_EQ(budget.open(), 1U);
}

TEST(SocketBudget, ALimitThatWasLoweredIsKeptFromTheNextOnOn) {
  SocketBudget budget;
  Owner owner;
  budget.join(owner);
  for (int i = 0; i < 10; ++i) owner.keep(budget.take(), i);
  budget.set_limit(4);
  const auto next = budget.take();
  EXPECT_EQ(budget.open(), 4U);
}

TEST(SocketBudget, AnOwnerThatIsGoneIsNotAsked) {
  SocketBudget budget;
  {
    Owner owner;
    budget.join(owner);
    owner.keep(budget.take(), 1);
  }
  EXPECT_FALSE(budget.close_oldest());
  EXPECT_EQ(budget.open(), 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::upstream

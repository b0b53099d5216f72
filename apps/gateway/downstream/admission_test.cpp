#include "apps/gateway/downstream/admission.hpp"

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace picket::apps::gateway::downstream {
namespace {

TEST(Admission, AClientHasAsManyConnectionsAsItMayAndOthersAreNotConcerned) {
  Admission admission;
  auto first = admission.admit("10.0.0.1", 2);
  const auto second = admission.admit("10.0.0.1", 2);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(admission.admit("10.0.0.1", 2));
  EXPECT_TRUE(admission.admit("10.0.0.2", 2));
  first.reset();
  EXPECT_TRUE(admission.admit("10.0.0.1", 2));
}

TEST(Admission, WithoutALimitNobodyIsCounted) {
  Admission admission;
  const auto uncounted = admission.admit("10.0.0.1", 0);
  EXPECT_TRUE(uncounted);
  EXPECT_TRUE(admission.admit("10.0.0.1", 1));
}

TEST(Admission, IsExactOverThreads) {
  Admission admission;
  std::atomic<int> admitted{0};
  std::barrier all_have_tried{4};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i)
      workers.emplace_back([&] {
        std::vector<Admission::Place> places;
        for (int j = 0; j < 100; ++j)
          if (auto place = admission.admit("10.0.0.1", 50)) places.push_back(std::move(*place));
        admitted += static_cast<int>(places.size());
        all_have_tried.arrive_and_wait();
      });
  }
  EXPECT_EQ(admitted, 50);
}

TEST(Admission, OthersGiveUpOneConnectionAtMostAndAreAskedNoMoreOnceTheyPart) {
  Admission admission;
  transport::Worker asking;
  transport::Worker first;
  transport::Worker second;
  auto held = admission.admit("10.0.0.1", 1);
  int asked = 0;
  const auto give_up = [&](const std::string& client) {
    EXPECT_EQ(client, "10.0.0.1");
    ++asked;
    held.reset();
  };
  admission.join(asking, [](const std::string&) { ADD_FAILURE() << "who asks looks itself"; });
  admission.join(first, give_up);
  admission.join(second, give_up);
  const auto search = admission.ask_others(asking, "10.0.0.1", 1);
  EXPECT_EQ(*search, 2U);
  for (auto* const worker : {&first, &second}) worker->turn(base::Clock::now() + std::chrono::seconds{5});
  EXPECT_EQ(*search, 0U);
  EXPECT_EQ(asked, 1) << "there was room when the second one looked";
  EXPECT_TRUE(admission.admit("10.0.0.1", 1));
  admission.part(first);
  admission.part(second);
  EXPECT_EQ(*admission.ask_others(asking, "10.0.0.1", 1), 0U);
}

TEST(Admission, ComplainsOnceASecond) {
  Admission admission;
  const base::TimePoint start{};
  EXPECT_TRUE(admission.may_complain(start));
  EXPECT_FALSE(admission.may_complain(start + std::chrono::milliseconds{999}));
  EXPECT_TRUE(admission.may_complain(start + std::chrono::seconds{1}));
}

}  // namespace
}  // namespace picket::apps::gateway::downstream

#include "apps/gateway/reports/reload_requests.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::reports {
namespace {

using namespace std::chrono_literals;

TEST(ReloadRequests, OneInTenSecondsIsTaken) {
  ReloadRequests requests;
  const base::TimePoint now = base::TimePoint{} + 1h;
  EXPECT_FALSE(requests.ask(now)) << "nobody reloads yet";
  int reloads = 0;
  requests.on_request([&] { ++reloads; });
  EXPECT_TRUE(requests.ask(now));
  EXPECT_FALSE(requests.ask(now));
  EXPECT_FALSE(requests.ask(now + 10s - 1ms));
  EXPECT_TRUE(requests.ask(now + 10s));
  EXPECT_EQ(reloads, 2);
}

}  // namespace
}  // namespace picket::apps::gateway::reports

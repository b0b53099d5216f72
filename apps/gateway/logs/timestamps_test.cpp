#include "apps/gateway/logs/timestamps.hpp"

#include <ctime>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace picket::apps::gateway::logs {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::system_clock::time_point;

TEST(Timestamps, AreRfc3339InUtcWithMicroseconds) {
  Timestamps timestamps;
  const Time time{1'700'000'000s};
  EXPECT_EQ(timestamps.at(time), "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(timestamps.at(time + 1us), "2023-11-14T22:13:20.000001Z");
  EXPECT_EQ(timestamps.at(time + 999'999us), "2023-11-14T22:13:20.999999Z");
  EXPECT_EQ(timestamps.at(time + 1s + 20us), "2023-11-14T22:13:21.000020Z");
  EXPECT_EQ(timestamps.at(time), "2023-11-14T22:13:20.000000Z") << "a clock may be set back";
  EXPECT_EQ(timestamps.at(Time{1'709'210'096s + 123'456us}), "2024-02-29T12:34:56.123456Z");
}

TEST(Timestamps, AreOfNow) {
  Timestamps timestamps;
  const auto before = std::chrono::system_clock::now();
  const std::string text{timestamps.now()};
  EXPECT_TRUE(std::regex_match(text, std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"})) << text;
  std::tm parts{};
  ASSERT_NE(::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts), nullptr);
  const auto seconds = std::chrono::system_clock::from_time_t(::timegm(&parts));
  EXPECT_LE(before - seconds, 1s);
  EXPECT_LE(seconds, std::chrono::system_clock::now());
}

}  // namespace
}  // namespace picket::apps::gateway::logs

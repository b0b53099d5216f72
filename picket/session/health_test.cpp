#include "picket/session/health.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace picket::session {
namespace {

using namespace std::chrono_literals;
using wire::HealthState;

constexpr base::TimePoint now{100h};

TEST(Health, WhatAnAgentSaysIsKept) {
  constexpr std::array<wire::Text, 2> features{"body", "geo"};
  const Health degraded = health_of({.agent_id = "a",
                                     .state = HealthState::degraded,
                                     .disabled_features = features,
                                     .timeout_multiplier = 2.5F,
                                     .message = "half of it",
                                     .load = wire::Load{.in_flight = 7},
                                     .resources = wire::Resources{.memory_bytes = 9}},
                                    now);
  EXPECT_EQ(degraded.state, HealthState::degraded);
  EXPECT_EQ(degraded.disabled_features, (std::vector<std::string>{"body", "geo"}));
  EXPECT_EQ(degraded.timeout_multiplier, 2.5F);
  EXPECT_EQ(degraded.reason, "half of it");
  EXPECT_EQ(degraded.load->in_flight, 7U);
  EXPECT_EQ(degraded.resources->memory_bytes, 9U);
  EXPECT_EQ(degraded.valid_until, base::TimePoint::max());

  const Health draining = health_of({.state = HealthState::draining, .eta_ms = 1500}, now);
  EXPECT_EQ(draining.drain_eta, base::Duration{1500ms});
  const Health unhealthy =
      health_of({.state = HealthState::unhealthy, .reason = "no rules", .recoverable = false, .message = "m"}, now);
  EXPECT_EQ(unhealthy.reason, "no rules");
  EXPECT_FALSE(unhealthy.recoverable);
}

TEST(Health, TimeOutsAreStretchedAsFarAsIsBoundedAndNeverShortened) {
  const auto multiplier = [](float said, HealthState state = HealthState::degraded) {
    return health_of({.state = state, .timeout_multiplier = said}, now).timeout_multiplier;
  };
  EXPECT_EQ(multiplier(10), 10);
  EXPECT_EQ(multiplier(10.5F), 10);
  EXPECT_EQ(multiplier(std::numeric_limits<float>::infinity()), 10);
  EXPECT_EQ(multiplier(0.5F), 1);
  EXPECT_EQ(multiplier(-3), 1);
  EXPECT_EQ(multiplier(std::nanf("")), 1);
  EXPECT_EQ(multiplier(5, HealthState::healthy), 1) << "only a degraded agent may ask for it";
}

TEST(Health, ItIsValidAsLongAsTheAgentsOwnClockSays) {
  const auto until = [](std::uint64_t said, std::uint64_t at) {
    return health_of({.valid_until_ms = said, .timestamp_ms = at}, now).valid_until;
  };
  EXPECT_EQ(until(1'700'000'030'000, 1'700'000'000'000), now + 30s);
  EXPECT_EQ(until(1'700'000'000'000, 1'700'000'000'000), now);
  EXPECT_EQ(until(1, 1'700'000'000'000), now) << "it was over when it was said";
  EXPECT_EQ(until(std::numeric_limits<std::uint64_t>::max(), 1), now + std::chrono::hours{168});
  EXPECT_EQ(until(1'700'000'030'000, 0), base::TimePoint::max()) << "no clock to compare with";
}

TEST(Health, NoReportFillsMemoryOrALogLine) {
  const std::string words(100'000, '\n');
  const std::vector<wire::Text> features(10'000, wire::Text{words});
  const Health health = health_of(
      {.state = HealthState::degraded, .disabled_features = std::span{features}, .reason = wire::Text{words}}, now);
  EXPECT_EQ(health.disabled_features.size(), Health::most_features);
  for (const auto& kept : health.disabled_features) EXPECT_LT(kept.size(), 2 * Health::longest_words);
  EXPECT_LT(health.reason.size(), 2 * Health::longest_words);
  EXPECT_EQ(health.reason.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace picket::session

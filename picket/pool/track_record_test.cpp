#include "picket/pool/track_record.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::TimePoint start{seconds{100}};

TEST(TrackRecord, BeginsWithoutAFault) {
  const TrackRecord record;
  EXPECT_EQ(record.success_rate(start), 1);
  EXPECT_EQ(record.latency(), base::Duration{});
}

TEST(TrackRecord, TheFirstLatencyCountsWholeAndTheOthersByASixteenth) {
  TrackRecord record;
  record.answered(milliseconds{16});
  EXPECT_EQ(record.latency(), milliseconds{16});
  record.answered(milliseconds{32});
  EXPECT_EQ(record.latency(), milliseconds{17});
}

TEST(TrackRecord, FailuresInARowLowerItAndAnswersRaiseItAgain) {
  TrackRecord record;
  for (int i = 0; i < 4; ++i) record.failed(start);
  EXPECT_LT(record.success_rate(start), 0.95);
  EXPECT_GT(record.success_rate(start), 0.93);
  for (int i = 0; i < 64; ++i) record.answered(milliseconds{1});
  EXPECT_GT(record.success_rate(start), 0.97);
}

TEST(TrackRecord, WhatFailedIsForgivenByHalfInTheHalfLife) {
  TrackRecord record;
  for (int i = 0; i < 200; ++i) record.failed(start);
  const double then = record.success_rate(start);
  EXPECT_LT(then, 0.1);
  EXPECT_NEAR(1 - record.success_rate(start + TrackRecord::half_life), (1 - then) / 2, 1e-9);
  EXPECT_GT(record.success_rate(start + seconds{60}), 0.95);
}

}  // namespace
}  // namespace picket::pool

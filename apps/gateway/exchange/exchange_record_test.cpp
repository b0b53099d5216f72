#include "apps/gateway/exchange/exchange_record.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace picket::apps::gateway::exchange {
namespace {

using namespace std::chrono_literals;

TEST(ExchangeRecord, CountsByTheFirstDigitAndWhatIsNoStatusAsNoAnswer) {
  struct Case {
    std::uint16_t status;
    std::size_t counts_as;
  };
  for (const Case& each : {Case{200, 2}, Case{101, 1}, Case{599, 5}, Case{0, 0}, Case{600, 0}, Case{999, 0}}) {
    generation::ShardMetrics metrics;
    ExchangeRecord record;
    record.status = each.status;
    record.count(metrics, 1ms);
    for (std::size_t i = 0; i < metrics.requests_by_class.size(); ++i)
      EXPECT_EQ(metrics.requests_by_class[i].value(), i == each.counts_as ? 1U : 0U) << each.status << ' ' << i;
  }
}

TEST(ExchangeRecord, CountsBytesBothWays) {
  generation::ShardMetrics metrics;
  ExchangeRecord record;
  record.request_size = 3;
  record.response_size = 50;
  record.count(metrics, 1ms);
  record.count(metrics, 1ms);
  EXPECT_EQ(metrics.request_bytes.value(), 6U);
  EXPECT_EQ(metrics.response_bytes.value(), 100U);
}

TEST(ExchangeRecord, TellsAgentsWhatBecameOfIt) {
  ExchangeRecord record;
  record.status = 502;
  record.request_size = 3;
  record.response_size = 50;
  record.attempts = 2;
  const wire::RequestComplete summary = record.summary(1999us);
  EXPECT_EQ(summary.status, 502);
  EXPECT_EQ(summary.duration_ms, 1U);
  EXPECT_EQ(summary.request_body_size, 3U);
  EXPECT_EQ(summary.response_body_size, 50U);
  EXPECT_EQ(summary.upstream_attempts, 2U);
  EXPECT_FALSE(summary.error) << "nothing failed";
  record.reason = answers::Reason::bad_request;
  EXPECT_EQ(record.summary(1ms).error, name(answers::Reason::bad_request));
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

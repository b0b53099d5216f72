#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"
#include "tests/allocations/counting.hpp"

/// A body that streams through an agent: in steady state a chunk allocates nothing at either end, be it allowed or
/// replaced.
namespace picket::tests {
namespace {

/// Replaces chunks that begin with an r by as many bytes of its own, which it has ready.
class Replace final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_response_body(const agent::ResponseBodyChunk& chunk, agent::Context&) override {
    const bool replaces = !chunk.data.empty() && std::to_integer<char>(chunk.data.front()) == 'r';
    if (!replaces) return agent::Decision::allow();
    return agent::Decision::allow().replace_body("short");  // within what a string holds by itself
  }
};

class StreamAllocations : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  void TearDown() override {
    server_.stop();
    server_.wait();
  }

  transport::testing::TemporaryFolder folder_;
  agent::Server server_{{.listen = folder_.socket().text()}, [] { return std::make_unique<Replace>(); }};
  transport::Worker worker_;
};

TEST_P(StreamAllocations, ChunksAllocateNothingOnceWarm) {
  pool::Config config;
  config.health_check_interval = std::chrono::hours{1};
  pool::AgentPool pool{worker_, config};
  pool::Agent& agent = pool.add_agent({.id = "a", .endpoint = folder_.socket().text()}).value().get();
  ASSERT_TRUE(transport::testing::turn_until(worker_, [&] { return agent.ready_connections() == 4; }));
  inspection::AgentCounters counters;
  inspection::Chain chain;
  chain.filters.push_back({.agent = &agent,
                           .counters = &counters,
                           .events = {.response_body = true},
                           .timeout = std::chrono::seconds{60},
                           .response_body = {.gathers = 0}});
  base::Arena arena;
  const base::MintedId id = worker_.ids().mint();
  inspection::Inspection inspection{worker_, chain, nullptr, id, arena};
  inspection::BodyInspection& body = inspection.response_body();
  body.begin(0);
  std::uint64_t let_out = 0;
  const auto pass = [&] {
    body.feed(base::SharedBytes::borrowed(base::as_bytes(std::string_view{GetParam()})), false);
    while (body.has_to_ask()) {
      const inspection::Verdict verdict = transport::testing::run(worker_, body.judge());
      EXPECT_TRUE(verdict.goes_on());
      while (body.lets_out()) let_out += body.take().bytes.size();
    }
  };
  for (int i = 0; i < 1000; ++i) pass();
  EXPECT_EQ(allocations_once_warm(pass), 0U);
  EXPECT_GT(let_out, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Chunks, StreamAllocations, ::testing::Values("allowed as it is", "replaced by a short text"),
                         [](const auto& test) { return test.param.front() == 'a' ? "Allowed" : "Replaced"; });

}  // namespace
}  // namespace picket::tests

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"
#include "tests/allocations/counting.hpp"

/// A body that streams through an agent: in steady state a chunk that is allowed allocates nothing at either end; one
/// that is replaced, once at the agent's: its decision.
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

  static constexpr std::uint64_t chunks = 500;
  static constexpr std::uint64_t of_the_test = 8;

  /// How many bytes of them went on.
  static transport::Task<std::uint64_t> pass_chunks(inspection::BodyInspection& body, std::string_view chunk) {
    std::uint64_t let_out = 0;
    for (std::uint64_t i = 0; i < chunks; ++i) {
      body.feed(base::SharedBytes::borrowed(base::as_bytes(chunk)), false);
      while (body.has_to_ask()) {
        const auto verdict = co_await body.judge();
        EXPECT_TRUE(verdict.goes_on());
        while (body.lets_out()) let_out += body.take().bytes.size();
      }
    }
    EXPECT_GE(let_out, chunks);
    co_return let_out;
  }

  transport::testing::TemporaryFolder folder_;
  agent::Server server_{{.listen = folder_.socket().text()}, [] { return std::make_unique<Replace>(); }};
  transport::Worker worker_;
};

TEST_P(StreamAllocations, ChunksAllocateNothingOnceWarm) {
  worker_.blocks().set_budget(1 << 20);  // what is put in a chunk's place counts as held
  pool::Config config;
  config.health_check_interval = std::chrono::hours{1};
  pool::AgentPool pool{worker_, config};
  pool::Agent& agent =
      pool.add_agent({.id = "a", .endpoint = folder_.socket().text(), .events = {wire::EventKind::response_body_chunk}})
          .value()
          .get();
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
  const auto pass = [&] { transport::testing::run(worker_, pass_chunks(body, GetParam())); };
  for (int i = 0; i < 4; ++i) pass();
  std::uint64_t fewest = ~std::uint64_t{0};
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = allocations();
    pass();
    fewest = std::min(fewest, allocations() - before);
  }
  // The decision that replaces has one of its own at the agent's end.
  EXPECT_LE(fewest, GetParam().front() == 'r' ? chunks + of_the_test : of_the_test);
}

INSTANTIATE_TEST_SUITE_P(Chunks, StreamAllocations, ::testing::Values("allowed as it is", "replaced by a short text"),
                         [](const auto& test) { return test.param.front() == 'a' ? "Allowed" : "Replaced"; });

}  // namespace
}  // namespace picket::tests

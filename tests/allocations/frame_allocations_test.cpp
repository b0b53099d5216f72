#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"
#include "picket/websocket/assembly.hpp"
#include "tests/allocations/counting.hpp"

/// Frames of a WebSocket that an agent is asked about, put together and masked anew: in steady state one that is
/// allowed allocates nothing at either end.
namespace picket::tests {
namespace {

class Allows final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_websocket_frame(const agent::WebSocketFrame&, agent::Context&) override {
    return agent::Decision::allow();
  }
};

class FrameAllocations : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  void TearDown() override {
    server_.stop();
    server_.wait();
  }

  static constexpr std::uint64_t frames = 500;
  static constexpr std::uint64_t of_the_test = 8;

  transport::Task<std::size_t> pass_frames(inspection::FrameInspection& inspected, websocket::Assembly& assembly) {
    std::size_t passed = 0;
    for (std::uint64_t i = 0; i < frames; ++i) {
      std::copy(sent_.begin(), sent_.end(), read_.begin());
      std::span<char> bytes{read_};
      const auto frame = assembly.read(bytes);
      wire::WebSocketFrame event{
          .data = (*frame)->payload, .frame_index = i, .route_id = "r", .client_ip = "192.0.2.1"};
      const auto verdict = co_await inspected.judge(event);
      EXPECT_EQ(verdict.kind, inspection::FrameVerdict::Kind::passes);
      passed += assembly.seal(key_).size();
      assembly.forget();
    }
    co_return passed;
  }

  static constexpr websocket::MaskKey key_{1, 2, 3, 4};
  const std::string sent_ = [] {
    std::array<char, websocket::longest_head> space{};
    const std::string payload(1024, 'x');
    return std::string{websocket::write_head(space, {.size = payload.size(), .mask = key_})} + payload;
  }();
  std::string read_ = sent_;
  transport::testing::TemporaryFolder folder_;
  agent::Server server_{{.listen = folder_.socket().text()}, [] { return std::make_unique<Allows>(); }};
  transport::Worker worker_;
};

TEST_F(FrameAllocations, AFrameAllocatesNothingOnceWarm) {
  pool::Config config;
  config.health_check_interval = std::chrono::hours{1};
  pool::AgentPool pool{worker_, config};
  pool::Agent& agent =
      pool.add_agent({.id = "a", .endpoint = folder_.socket().text(), .events = {wire::EventKind::websocket_frame}})
          .value()
          .get();
  ASSERT_TRUE(transport::testing::turn_until(worker_, [&] { return agent.ready_connections() == 4; }));
  inspection::AgentCounters counters;
  inspection::Chain chain;
  chain.filters.push_back({.agent = &agent,
                           .counters = &counters,
                           .events = {.websocket_frame = true},
                           .timeout = std::chrono::seconds{60}});
  base::Arena arena;
  const base::MintedId id = worker_.ids().mint();
  inspection::Inspection inspection{worker_, chain, nullptr, id, arena};
  websocket::Assembly assembly{websocket::Sender::client, 100'000};
  const auto pass = [&] {
    EXPECT_EQ(transport::testing::run(worker_, pass_frames(inspection.frames(), assembly)), frames * sent_.size());
  };
  for (int i = 0; i < 4; ++i) pass();
  std::uint64_t fewest = ~std::uint64_t{0};
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = allocations();
    pass();
    fewest = std::min(fewest, allocations() - before);
  }
  EXPECT_LE(fewest, of_the_test);
}

}  // namespace
}  // namespace picket::tests

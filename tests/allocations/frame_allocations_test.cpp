#include <algorithm>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "picket/websocket/assembly.hpp"
#include "tests/allocations/asking.hpp"

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
};

TEST_F(FrameAllocations, AFrameAllocatesNothingOnceWarm) {
  Asking asking{[] { return std::make_unique<Allows>(); },
                wire::EventKind::websocket_frame,
                {.events = {.websocket_frame = true}}};
  websocket::Assembly assembly{websocket::Sender::client, 100'000};
  const auto pass = [&] {
    auto passing = pass_frames(asking.inspection().frames(), assembly);
    EXPECT_EQ(transport::testing::run(asking.worker, std::move(passing)), frames * sent_.size());
  };
  EXPECT_LE(fewest_allocations(pass), of_the_test);
}

}  // namespace
}  // namespace picket::tests

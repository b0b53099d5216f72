#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/pool/reverse/listener.hpp"
#include "picket/transport/testing.hpp"

/// For the tests of agents that dial: a listener on the test's thread, and agents played by hand.
namespace picket::pool::reverse::testing {

namespace transport_testing = transport::testing;

/// What an agent says; without an encoding as those of the reference do.
struct Registering {
  std::string id = "edge-1";
  std::optional<std::string> token = {};
  std::vector<wire::Encoding> encodings = {};
};

inline std::string bytes_of(const Registering& agent) {
  wire::ReverseRegistration registration{.agent_id = agent.id, .capabilities = {.agent_id = agent.id}};
  if (agent.token) registration.auth_token = *agent.token;
  registration.supported_encodings = agent.encodings;
  wire::Output output{transport::stream_framing};
  EXPECT_TRUE(wire::encode(wire::Format{}, registration, output));
  return output.flatten();
}

/// The answer to a registration, owned.
struct Answer {
  bool success = false;
  std::string error;
  std::optional<std::uint32_t> connections_wanted;
};

/// One connection of an agent that dials.
class PlayedAgent {
 public:
  PlayedAgent(const transport::Endpoint& endpoint, transport::Worker& worker)
      : peer(transport_testing::RawPeer::connect(endpoint, &worker)) {}
  explicit PlayedAgent(transport_testing::RawPeer connected) : peer(std::move(connected)) {}

  Answer registers(const Registering& agent = {}) {
    peer.send_bytes(bytes_of(agent));
    return answer();
  }
  Answer answer() {
    const auto frame = peer.receive();
    if (!frame) return {.error = "(closed without an answer)"};
    base::Arena arena;
    const auto message = frame->as<wire::ReverseAnswer>(wire::Format{}, arena);
    return {message.success, std::string{message.error.value_or("")}, message.connections_wanted};
  }

  transport_testing::RawPeer peer;
};

/// Where agents dial that feed one agent of a pool, whatever id they have. Lifetime: it outlives the pool.
class Reception {
 public:
  using Deliver = Registry::Deliver;

  /// `workers`: as many connections are wanted of each agent.
  Reception(transport::Worker& worker, std::size_t workers, const std::string& agent, ListenerOptions options,
            Deliver deliver)
      : registry_(worker, workers, std::move(deliver)) {
    EXPECT_TRUE(registry_.use({.claims = {{agent, {"*"}}}, .max_connections_per_agent = 64}));
    listener_ = Listener::open(registry_, std::move(options)).value();
    listener_->start();
  }
  Reception(const Reception&) = delete;
  Reception& operator=(const Reception&) = delete;
  ~Reception() {
    listener_->close();
    EXPECT_TRUE(transport_testing::turn_until(registry_.worker(), [&] { return listener_->is_over(); }));
  }

  [[nodiscard]] std::string address() const { return listener_->endpoint().spelled(); }

 private:
  Registry registry_;
  std::shared_ptr<Listener> listener_;
};

/// A registry with listeners; who registers is answered by `deliver`.
class ReverseTest : public ::testing::Test {
 protected:
  explicit ReverseTest(std::size_t workers = 1)
      : registry_(worker_, workers, [this](Connection connection) { deliver_(std::move(connection)); }) {}
  ~ReverseTest() override {
    for (const auto& listener : listeners_) listener->close();
    EXPECT_TRUE(until(
        [&] { return std::ranges::all_of(listeners_, [](const auto& listener) { return listener->is_over(); }); }));
  }

  Listener& listen(ListenerOptions options = {.endpoint = {}}) {
    if (options.endpoint.size() == 0) options.endpoint = folder_.socket();
    options.on_refused = [this](std::string_view peer, const base::Error& reason) {
      refusals_.push_back(std::string{peer} + ": " + reason.message());
    };
    listeners_.push_back(Listener::open(registry_, std::move(options)).value());
    listeners_.back()->start();
    return *listeners_.back();
  }
  void use(Rules rules) { ASSERT_TRUE(registry_.use(std::move(rules))); }
  PlayedAgent dial(const Listener& listener) { return {listener.endpoint(), worker_}; }

  template <class Predicate>
  bool until(Predicate&& holds) {
    return transport_testing::turn_until(worker_, holds);
  }
  void turn() { transport_testing::turn_for(worker_, std::chrono::milliseconds{2}); }

  transport_testing::TemporaryFolder folder_;
  transport::Worker worker_;
  std::vector<std::string> refusals_;
  std::function<void(Connection)> deliver_ = [](const Connection&) {};
  Registry registry_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace picket::pool::reverse::testing

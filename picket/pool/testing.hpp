#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"

/// What the pool's tests share: an agent played by hand, on the thread of the pool under test.
namespace picket::pool::testing {

namespace transport_testing = transport::testing;

/// How a played agent answers the handshake.
struct Terms {
  wire::Format format{};
  std::vector<std::int32_t> events{1, 2, 3, 4, 5, 6, 7};
};
inline constexpr wire::Format plain{};  ///< As peers of the reference: JSON, one event of an exchange at a time.
inline constexpr wire::Format extended{.encoding = wire::Encoding::msgpack, .raw_bytes = true, .event_reply = true};

/// One connection of the pool, seen from the agent.
class PlayedConnection {
 public:
  PlayedConnection(transport_testing::RawPeer accepted, const Terms& terms)
      : peer(std::move(accepted)), format_(terms.format) {
    (void)peer.receive();  // the handshake
    std::vector<wire::Text> extensions;
    if (format_.raw_bytes) extensions.push_back(wire::extension_raw_bytes);
    if (format_.event_reply) extensions.push_back(wire::extension_event_reply);
    const wire::HandshakeResponse answer{
        .protocol_version = 2,
        .capabilities = {.agent_id = "a", .name = "played", .version = "1", .supported_events = terms.events},
        .success = true,
        .encoding = format_.encoding,
        .extensions = extensions};
    peer.send(wire::Format{}, answer);
  }

  /// What an answer must say to be believed.
  struct Event {
    wire::FrameType type{};
    std::string id;
    std::optional<std::uint32_t> chunk;
    std::string data;  ///< A chunk's body.
    std::string uri;   ///< Of request_headers.
  };
  /// The next frame as an event; pings are answered on the way.
  Event event() {
    const auto frame = next();
    if (!frame) return {};
    base::Arena arena;
    switch (frame->type()) {
      case wire::FrameType::request_headers: {
        const auto message = frame->as<wire::RequestHeaders>(format_, arena);
        return {frame->type(), std::string{message.metadata.correlation_id}, {}, {}, std::string{message.uri}};
      }
      case wire::FrameType::request_body_chunk: {
        const auto message = frame->as<wire::RequestBodyChunk>(format_, arena);
        return {frame->type(),
                std::string{message.correlation_id},
                message.chunk_index,
                std::string{base::as_text(message.data)},
                {}};
      }
      case wire::FrameType::guardrail_inspect:
        return {
            frame->type(), std::string{frame->as<wire::GuardrailInspect>(format_, arena).correlation_id}, {}, {}, {}};
      case wire::FrameType::request_complete:
        return {
            frame->type(), std::string{frame->as<wire::RequestComplete>(format_, arena).correlation_id}, {}, {}, {}};
      case wire::FrameType::cancel:
        return {frame->type(), std::string{frame->as<wire::Cancel>(format_, arena).correlation_id}, {}, {}, {}};
      default: return {frame->type(), {}, {}, {}, {}};
    }
  }
  /// An answer as bytes, to be sent with others in one piece.
  std::string answer_bytes(const Event& event, wire::AgentResponse response = {}) const {
    response.correlation_id = event.id;
    if (format_.event_reply) response.reply_to = wire::ReplyTo{.type = event.type, .index = event.chunk};
    wire::Output output{transport::stream_framing};
    EXPECT_TRUE(wire::encode(format_, response, output));
    return output.flatten();
  }
  void answer(const Event& event, const wire::AgentResponse& response = {}) {
    peer.send_bytes(answer_bytes(event, response));
  }
  template <class Message>
  void send(const Message& message) {
    peer.send(format_, message);
  }
  bool answers_pings = true;
  transport_testing::RawPeer peer;

 private:
  std::optional<transport_testing::OwnedFrame> next() {
    while (auto frame = peer.receive()) {
      if (frame->type() != wire::FrameType::ping) return frame;
      base::Arena arena;
      const auto ping = frame->as<wire::Ping>(format_, arena);
      if (answers_pings) peer.send(format_, wire::Pong{ping.sequence, ping.timestamp_ms});
    }
    return std::nullopt;
  }

  wire::Format format_;
};

/// An exchange and the events of it, kept as long as a test needs them.
class Asked {
 public:
  Asked(transport::Worker& worker, Agent& agent) : id_(worker.ids().mint()), exchange_(std::in_place, agent, id_) {}
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  ~Asked() = default;

  Call& headers(std::string_view uri = "/", base::Deadline deadline = {}) {
    auto& event = heads_.emplace_back();
    event.metadata.request_id = id_.text();
    event.metadata.client_ip = "192.0.2.1";
    event.metadata.protocol = "HTTP/1.1";
    event.metadata.timestamp = "2026-01-01T00:00:00Z";
    event.method = "GET";
    event.uri = uris_.emplace_back(uri);
    return calls_.emplace_back(*exchange_, &event, wire::EventKind::request_headers, deadline);
  }
  Call& body(std::string_view data, bool is_last = true, base::Deadline deadline = {}) {
    auto& event = chunks_.emplace_back();
    event.data = base::as_bytes(data);
    event.is_last = is_last;
    event.chunk_index = static_cast<std::uint32_t>(chunks_.size() - 1);
    return calls_.emplace_back(*exchange_, &event, wire::EventKind::request_body_chunk, deadline);
  }
  Call& guardrail(std::string_view prompt, base::Deadline deadline = {}) {
    auto& event = prompts_.emplace_back();
    event.content = prompt;
    return calls_.emplace_back(*exchange_, &event, wire::EventKind::guardrail_inspect, deadline);
  }
  /// Ends the newest call, whatever its state.
  void abandon() { calls_.pop_back(); }
  [[nodiscard]] Exchange& exchange() { return *exchange_; }
  [[nodiscard]] const base::CorrelationId& id() const { return id_; }
  void end() {
    calls_.clear();
    exchange_.reset();
  }

 private:
  base::MintedId id_;
  std::deque<std::string> uris_;
  std::deque<wire::RequestHeaders> heads_;
  std::deque<wire::RequestBodyChunk> chunks_;
  std::deque<wire::GuardrailInspect> prompts_;
  std::optional<Exchange> exchange_;
  std::deque<Call> calls_;
};

/// A pool with one agent, and that agent played by hand.
class PoolTest : public ::testing::Test {
 protected:
  /// Short retries, one connection, no health pings: a test sets what it is about.
  static Config quick(std::uint32_t connections = 1) {
    Config config;
    config.connections_per_agent = connections;
    config.reconnect_interval = std::chrono::milliseconds{10};
    config.max_reconnect_interval = std::chrono::milliseconds{20};
    return config;
  }
  Agent& add(const Config& config, AgentSpec spec = {}) {
    spec.id = "a";
    spec.endpoint = folder_.socket().text();
    spec.config = config;
    return pool_.add_agent(spec).value().get();
  }
  PlayedConnection accept(const Terms& terms = {}) { return {listener_.accept(), terms}; }
  /// A connection that the pool has found ready.
  PlayedConnection ready(Agent& agent, const Terms& terms = {}) {
    const std::size_t before = agent.ready_connections();
    PlayedConnection connection = accept(terms);
    EXPECT_TRUE(until([&] { return agent.ready_connections() == before + 1; }));
    return connection;
  }
  /// The agent is connected to, and its end closes.
  void lose_a_connection(Agent& agent) {
    auto dying = ready(agent);
    dying.peer.close();
    ASSERT_TRUE(until([&] { return agent.ready_connections() == 0; }));
  }
  template <class Predicate>
  bool until(Predicate&& holds) {
    return transport_testing::turn_until(worker_, holds);
  }
  bool ends(const Call& call) {
    return until([&] { return call.done(); });
  }
  void turn() { transport_testing::turn_for(worker_, std::chrono::milliseconds{1}); }
  base::Deadline in(base::Duration duration) { return base::Deadline::after(base::Clock::now(), duration); }

  transport_testing::TemporaryFolder folder_;
  transport::Worker worker_;
  transport_testing::RawListener listener_{folder_.socket(), &worker_};
  AgentPool pool_{worker_};
};

inline base::ErrorKind kind_of(const Call& call) {
  EXPECT_TRUE(call.done() && !call.result());
  return call.done() && !call.result() ? call.result().error().kind() : base::ErrorKind::io;
}

}  // namespace picket::pool::testing

#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"

/// For tests of this folder only: a proxy played by hand against a served handler.
namespace picket::agent::testing {

inline constexpr wire::Format plain{};
inline constexpr wire::Format extended{.encoding = wire::Encoding::msgpack, .raw_bytes = true, .event_reply = true};

enum class Completes : std::uint8_t { answered, one_way };

/// One connection to a server under test. Every wait ends, with a failed test.
class PlayedProxy {
 public:
  explicit PlayedProxy(const transport::Endpoint& endpoint, const wire::Format& format = plain,
                       Completes completes = Completes::answered)
      : peer(transport::testing::RawPeer::connect(endpoint)), format_(format) {
    constexpr std::array<std::uint32_t, 1> versions{2};
    std::vector<wire::Text> extensions;
    if (format.event_reply) extensions = {wire::extension_raw_bytes, wire::extension_event_reply};
    if (completes == Completes::one_way) extensions.push_back(wire::extension_one_way_complete);
    constexpr std::array<std::int32_t, 3> events{1, 2, 5};
    const std::array<wire::Encoding, 1> encodings{format.encoding};
    const wire::HandshakeRequest request{.supported_versions = versions,
                                         .proxy_id = "played",
                                         .proxy_version = "1",
                                         .supported_encodings = encodings,
                                         .extensions = extensions,
                                         .events = events};
    peer.send(plain, request);
    const auto frame = peer.receive();
    EXPECT_TRUE(frame && frame->as<wire::HandshakeResponse>(plain, arena_).success);
  }

  template <class Message>
  void send(const Message& message) {
    peer.send(format_, message);
  }
  void headers(std::string_view id, std::string_view uri = "/") {
    send(wire::RequestHeaders{.metadata = {.correlation_id = id,
                                           .request_id = id,
                                           .client_ip = "192.0.2.1",
                                           .protocol = "HTTP/1.1",
                                           .timestamp = "2026-01-01T00:00:00Z"},
                              .method = "GET",
                              .uri = uri});
  }
  void body(std::string_view id, std::string_view data, std::uint32_t index = 0, bool is_last = true) {
    send(wire::RequestBodyChunk{
        .correlation_id = id, .data = base::as_bytes(data), .is_last = is_last, .chunk_index = index});
  }
  void cancel(std::string_view id) { send(wire::Cancel{.correlation_id = id}); }
  void complete(std::string_view id) { send(wire::RequestComplete{.correlation_id = id, .status = 200}); }

  /// The next frame, which must be an answer; its views live as long as this proxy.
  wire::AgentResponse answer() {
    auto frame = peer.receive_past(wire::FrameType::health_status);
    if (!frame) {
      ADD_FAILURE() << "the server closed";
      return {};
    }
    frames_.push_back(std::make_unique<transport::testing::OwnedFrame>(std::move(*frame)));
    return frames_.back()->as<wire::AgentResponse>(format_, arena_);
  }
  /// The id of the next answer.
  std::string answered() { return std::string{answer().correlation_id}; }
  /// Whether everything sent before is dealt with: an answered ping says so for what is answered on the loop.
  void settle() {
    peer.send(format_, wire::Ping{.sequence = 7});
    const auto frame = peer.receive();
    EXPECT_TRUE(frame && frame->type() == wire::FrameType::pong);
  }

  transport::testing::RawPeer peer;

 private:
  wire::Format format_;
  base::Arena arena_;
  std::vector<std::unique_ptr<transport::testing::OwnedFrame>> frames_;
};

/// Waits for what other threads do; false where it never comes.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate&& holds) {
  const base::TimePoint give_up = base::Clock::now() + transport::testing::patience;
  while (!holds()) {
    if (base::Clock::now() > give_up) return false;
    ::usleep(500);
  }
  return true;
}

/// A server with one handler type on a socket of its own.
class ServerTest : public ::testing::Test {
 protected:
  Server& serve(const HandlerFactory& factory, ServerOptions options = {}) {
    if (options.listen.empty()) options.listen = {folder_.socket().text()};
    server_.emplace(std::move(options), factory);
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message();
    return *server_;
  }
  [[nodiscard]] transport::Endpoint endpoint() const { return folder_.socket(); }
  void TearDown() override { stop(); }
  void stop() {
    if (!server_) return;
    server_->stop();
    server_->wait();
    server_.reset();
  }

  transport::testing::TemporaryFolder folder_;
  std::optional<Server> server_;
};

inline Info under_test() { return {.id = "t", .name = "under test", .version = "1"}; }

}  // namespace picket::agent::testing

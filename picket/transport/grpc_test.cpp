#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "picket/session/handshake.hpp"
#include "picket/transport/grpc_link.hpp"
#include "picket/transport/grpc_server.hpp"
#include "picket/transport/grpc_status.hpp"
#include "picket/transport/testing.hpp"

/// Both ends of gRPC connections on one worker, and clients by hand.
namespace picket::transport {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::turn_until;

/// Answers what an agent is asked with what the test says.
class AgentEnd final : public AgentLink::Owner {
 public:
  void begin(const MakeAgentLink& make, const session::AgentConfig& config) {
    link = make(std::make_unique<session::AgentHandshake>(std::make_shared<const session::AgentConfig>(config),
                                                          session::grpc_handshake),
                *this);
  }
  void on_actions(AgentLink& from) override {
    for (std::size_t i = 0; i < from.session()->actions().size(); ++i) {
      const auto action = from.session()->actions()[i];
      const auto* const arrived = std::get_if<session::Arrived>(&action);
      if (arrived == nullptr) continue;
      seen.push_back(std::string(wire::name(arrived->ref.key.type)));
      if (const auto* const* head = std::get_if<const wire::RequestHeaders*>(&arrived->message)) uri = (*head)->uri;
      if (const auto* const* chunk = std::get_if<const wire::RequestBodyChunk*>(&arrived->message))
        body += base::as_text((*chunk)->data);
      if (answers) {
        from.session()->respond(arrived->ref, answer, from.worker().now());
      } else {
        unanswered.push_back(arrived->ref);
      }
    }
    from.session()->clear_actions();
    from.flush_later();
  }
  void on_closed(AgentLink&, const base::Error& reason) override { ends.push_back(reason.message()); }

  std::shared_ptr<AgentLink> link;
  std::vector<std::string> seen;
  std::vector<std::string> ends;
  std::vector<session::EventRef> unanswered;
  std::string uri;
  std::string body;
  wire::AgentResponse answer;
  bool answers = true;
};

/// Notes what a proxy hears.
class ProxyEnd final : public ProxyLink::Owner {
 public:
  void on_actions(ProxyLink& from) override {
    for (auto& action : from.session()->actions()) {
      if (const auto* const answered = std::get_if<session::Answered>(&action))
        decisions.push_back(answered->response->decision.index());
      if (const auto* const failed = std::get_if<session::Failed>(&action)) failures.push_back(failed->error.message());
    }
    from.session()->clear_actions();
  }
  void on_closed(ProxyLink&, const base::Error& reason) override { ends.push_back(reason.message()); }

  std::vector<std::size_t> decisions;
  std::vector<std::string> failures;
  std::vector<std::string> ends;
};

class Grpc : public ::testing::Test {
 protected:
  Grpc() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    server_ = std::make_shared<GrpcServer>(
        Channel{worker_, ends[0]}, [this](const MakeAgentLink& make) { agent_.begin(make, agent_config_); },
        [this](GrpcServer&) { is_over_ = true; });
    server_->start();
    client_descriptor_ = ends[1];
  }
  ~Grpc() override {
    if (link_) link_->close();
    server_->close();
    if (agent_.link) agent_.link->close();
  }

  void connect(session::ProxyConfig config = {}) {
    link_ =
        GrpcLink::adopt(Channel{worker_, client_descriptor_}, "localhost",
                        std::make_unique<session::ProxyHandshake>(
                            std::make_shared<const session::ProxyConfig>(std::move(config)), session::grpc_handshake),
                        proxy_);
    ASSERT_TRUE(turn_until(worker_, [&] { return link_->session() != nullptr || !proxy_.ends.empty(); }));
  }
  template <class Event>
  void ask(const base::CorrelationId& id, Event& event) {
    const auto status = link_->session()->send(id, &event, base::Deadline{}, {}, worker_.now());
    EXPECT_TRUE(status) << status.error().message();
    link_->flush_later();
  }

  Worker worker_;
  session::AgentConfig agent_config_{.info = {.agent_id = "a", .name = "n", .version = "1"}};
  AgentEnd agent_;
  ProxyEnd proxy_;
  std::shared_ptr<GrpcServer> server_;
  std::shared_ptr<GrpcLink> link_;
  int client_descriptor_ = -1;
  bool is_over_ = false;
};

TEST_F(Grpc, AnEventIsAskedAndAnswered) {
  connect();
  ASSERT_NE(link_->session(), nullptr);
  EXPECT_EQ(link_->session()->agent().agent_id, "a");
  EXPECT_EQ(link_->session()->format().encoding, wire::Encoding::protobuf);
  EXPECT_TRUE(link_->session()->format().event_reply);
  agent_.answer.decision = wire::Block{.status = 451};
  const auto id = worker_.ids().mint();
  wire::RequestHeaders head{.metadata = {.request_id = "r", .client_ip = "192.0.2.1", .protocol = "HTTP/1.1"},
                            .method = "GET",
                            .uri = "/asked"};
  ask(id, head);
  ASSERT_TRUE(turn_until(worker_, [&] { return !proxy_.decisions.empty(); }));
  EXPECT_EQ(agent_.uri, "/asked");
  EXPECT_THAT(proxy_.decisions, ElementsAre(1U)) << "a block";
}

TEST_F(Grpc, AConfigurationIsAcceptedBeforeAnythingIsAsked) {
  connect({.config_json = R"({"level":3})"});
  ASSERT_NE(link_->session(), nullptr);
  EXPECT_THAT(agent_.seen, ElementsAre("configure"));
}

TEST_F(Grpc, AnAgentThatIsSlowToAcceptAcknowledgesNothingBefore) {
  agent_.answers = false;
  link_ = GrpcLink::adopt(Channel{worker_, client_descriptor_}, "localhost",
                          std::make_unique<session::ProxyHandshake>(
                              std::make_shared<const session::ProxyConfig>(session::ProxyConfig{.config_json = "{}"}),
                              session::grpc_handshake),
                          proxy_);
  ASSERT_TRUE(turn_until(worker_, [&] { return !agent_.unanswered.empty(); }));
  for (int i = 0; i < 20; ++i) worker_.turn(worker_.now() + 1ms);
  EXPECT_EQ(link_->session(), nullptr);
  agent_.link->session()->respond(agent_.unanswered.front(), {}, worker_.now());
  agent_.link->flush_later();
  ASSERT_TRUE(turn_until(worker_, [&] { return link_->session() != nullptr; }));
  EXPECT_THAT(proxy_.ends, ::testing::IsEmpty());
}

TEST_F(Grpc, AConfigurationThatIsRefusedEndsTheStreamWithTheReason) {
  agent_.answer.decision = wire::Block{.status = 403, .body = "no such level"};
  connect({.config_json = R"({"level":99})"});
  EXPECT_EQ(link_->session(), nullptr);
  ASSERT_EQ(proxy_.ends.size(), 1U);
  EXPECT_THAT(proxy_.ends[0], HasSubstr("grpc-status 9"));
  EXPECT_THAT(proxy_.ends[0], HasSubstr("no such level"));
}

TEST_F(Grpc, BodiesArriveWholeAndInTheirOrder) {
  connect();
  const auto id = worker_.ids().mint();
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += static_cast<char>('a' + i % 26);
  const std::string all = text + text + text;
  wire::RequestHeaders head{.method = "POST", .uri = "/"};
  ask(id, head);
  std::array<wire::RequestBodyChunk, 3> chunks;
  for (std::uint32_t i = 0; i < 3; ++i) {
    chunks[i] = {.data = base::as_bytes(text), .is_last = i == 2, .chunk_index = i};
    ask(id, chunks[i]);
  }
  ASSERT_TRUE(turn_until(worker_, [&] { return proxy_.decisions.size() == 4; }));
  EXPECT_TRUE(agent_.body == all);
}

TEST_F(Grpc, ManyExchangesShareTheStream) {
  connect();
  std::vector<base::MintedId> ids;
  wire::RequestHeaders head{.method = "GET", .uri = "/"};
  for (int i = 0; i < 500; ++i) {
    ids.push_back(worker_.ids().mint());
    ask(ids.back(), head);
  }
  ASSERT_TRUE(turn_until(worker_, [&] { return proxy_.decisions.size() == 500; }));
  EXPECT_EQ(agent_.seen.size(), 500U);
}

TEST_F(Grpc, AProxyThatGoesEndsTheAgentsConversation) {
  connect();
  link_->close();
  ASSERT_TRUE(turn_until(worker_, [&] { return !agent_.ends.empty() && is_over_; }));
  EXPECT_EQ(agent_.ends.size(), 1U);
}

TEST_F(Grpc, AnAgentThatGoesFailsWhatWaits) {
  agent_.answers = false;
  connect();
  const auto id = worker_.ids().mint();
  wire::RequestHeaders head{.method = "GET", .uri = "/"};
  ask(id, head);
  ASSERT_TRUE(turn_until(worker_, [&] { return !agent_.seen.empty(); }));
  server_->close();
  ASSERT_TRUE(turn_until(worker_, [&] { return !proxy_.ends.empty(); }));
  EXPECT_EQ(proxy_.failures.size(), 1U);
}

TEST_F(Grpc, AnAgentThatDrainsSaysSoByGoaway) {
  connect();
  server_->drain();
  ASSERT_TRUE(turn_until(worker_, [&] { return link_->session()->health().state == wire::HealthState::draining; }));
  const auto id = worker_.ids().mint();
  wire::RequestHeaders head{.method = "GET", .uri = "/"};
  ask(id, head);  // of an exchange that has begun
  ASSERT_TRUE(turn_until(worker_, [&] { return !proxy_.decisions.empty(); }));
}

TEST_F(Grpc, AnAgentThatBreaksHttp2EndsTheConnectionOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  link_ = GrpcLink::adopt(
      Channel{worker_, ends[0]}, "localhost",
      std::make_unique<session::ProxyHandshake>(std::make_shared<const session::ProxyConfig>(session::ProxyConfig{}),
                                                session::grpc_handshake),
      proxy_);
  for (int i = 0; i < 5; ++i) worker_.turn(worker_.now() + 1ms);
  // Settings, and a head whose status is no number: the stream is reset, and closed while that is written.
  constexpr std::string_view answer(
      "\0\0\0\x04\0\0\0\0\0\0\0\x0d\x01\x04\0\0\0\x01\0\x07:status\x03"
      "abc",
      9 + 9 + 13);
  ASSERT_EQ(::send(ends[1], answer.data(), answer.size(), 0), static_cast<ssize_t>(answer.size()));
  ASSERT_TRUE(turn_until(worker_, [&] { return !proxy_.ends.empty(); }));
  for (int i = 0; i < 5; ++i) worker_.turn(worker_.now() + 1ms);
  EXPECT_THAT(proxy_.ends, ElementsAre(HasSubstr("reset")));
  ::close(ends[1]);
}

/// A client of HTTP/2 by hand.
class Client final : public Http2Link::Owner {
 public:
  Client(Worker& worker, int descriptor)
      : link_(std::make_shared<Http2Link>(Channel{worker, descriptor}, http2::Role::client, http2::Limits{}, *this)) {
    link_->serve();
  }
  ~Client() { link_->close(); }

  void call(std::string_view path, std::string_view message, std::string_view type = "application/grpc") {
    const std::array<base::Header, 6> head{{{":method", "POST"},
                                            {":scheme", "http"},
                                            {":path", path},
                                            {":authority", "a"},
                                            {"te", "trailers"},
                                            {"content-type", type}}};
    body_.text.assign(http2::grpc_prefix_size, '\0');
    http2::write_grpc_prefix(body_.text.data(), message.size());
    body_.text += message;
    const auto id = link_->connection().request(base::Headers(head), &body_);
    ASSERT_TRUE(id);
    link_->connection().finish(*id);
    link_->flush_later();
  }

  std::string heads;
  std::string answered;
  bool has_ended = false;

 private:
  struct Text final : http2::Outgoing {
    [[nodiscard]] std::size_t size() const noexcept override { return text.size(); }
    [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override {
      out[0] = {const_cast<char*>(text.data()) + skip, text.size() - skip};
      return 1;
    }
    void consume(std::size_t size) override { text.erase(0, size); }
    std::string text;
  };
  void on_connected() override {}
  void on_head(http2::StreamId, http2::HeadKind, base::Headers fields, bool) override {
    for (const auto& [name, value] : fields) heads.append(name).append("=").append(value).append(" ");
  }
  void on_data(http2::StreamId, std::string_view bytes) override { answered += bytes; }
  void on_end(http2::StreamId) override { has_ended = true; }
  void on_closed(http2::StreamId, http2::ErrorCode) override {}
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}
  void on_over(const base::Error&) override { has_ended = true; }

  Text body_;
  std::shared_ptr<Http2Link> link_;
};

TEST_F(Grpc, TheHealthServiceSaysWhetherTheAgentServes) {
  Client client(worker_, client_descriptor_);
  client.call("/grpc.health.v1.Health/Check", "");
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_EQ(client.answered, std::string("\0\0\0\0\x02\x08\x01", 7));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
}

TEST_F(Grpc, WhoWatchesHearsThatItDoesNotServeAndThatItDoesAgain) {
  Client client(worker_, client_descriptor_);
  client.call("/grpc.health.v1.Health/Watch", "");
  const auto said = [&](std::size_t messages) {
    return turn_until(worker_, [&] { return client.answered.size() == 7 * messages; })
               ? static_cast<int>(client.answered.back())
               : -1;
  };
  EXPECT_EQ(said(1), 1);
  server_->set_serving(false);
  EXPECT_EQ(said(2), 2);
  server_->set_serving(false);  // nothing new
  server_->set_serving(true);
  EXPECT_EQ(said(3), 1);
  server_->drain();
  EXPECT_EQ(said(4), 2);
  server_->set_serving(true);
  EXPECT_FALSE(client.has_ended);
}

TEST_F(Grpc, AServiceThatNobodyKnowsHasNoHealth) {
  Client client(worker_, client_descriptor_);
  client.call("/grpc.health.v1.Health/Check", "\x0a\x05other");
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=5"));
}

TEST_F(Grpc, AMethodThatNobodyKnowsIsUnimplemented) {
  Client client(worker_, client_descriptor_);
  client.call("/zentinel.agent.v2.AgentServiceV2/Other", "");
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=12"));
}

TEST_F(Grpc, WhatIsNoGrpcIsRefused) {
  Client client(worker_, client_descriptor_);
  client.call("/zentinel.agent.v2.AgentServiceV2/ProcessStream", "", "application/json");
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr(":status=415"));
}

TEST_F(Grpc, MessagesThatAreNoneEndTheStreamWithAReason) {
  Client client(worker_, client_descriptor_);
  client.call("/zentinel.agent.v2.AgentServiceV2/ProcessStream", "\xff\xff\xff");
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=3"));
  EXPECT_THAT(agent_.ends, ::testing::SizeIs(1));
}

TEST(GrpcStatusText, IsEscapedAndReadBack) {
  EXPECT_EQ(grpc_message("100% caf\xc3\xa9\n"), "100%25 caf%C3%A9%0A");
  const std::array<base::Header, 2> trailers{{{"grpc-status", "9"}, {"grpc-message", "no%20such%25"}}};
  const base::Error error = grpc_error(base::Headers(trailers));
  EXPECT_EQ(error.kind(), base::ErrorKind::connection_failed);
  EXPECT_THAT(error.message(), HasSubstr("no such%"));
}

}  // namespace
}  // namespace picket::transport

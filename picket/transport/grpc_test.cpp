#include "picket/transport/testing/grpc.hpp"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "picket/transport/grpc_status.hpp"

namespace picket::transport {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using ::testing::ElementsAre;
using testing::Grpc;
using ::testing::HasSubstr;
using testing::turn_until;

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
  EXPECT_EQ(agent_.http_version, "HTTP/1.1") << "agents of the reference read it there";
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

TEST_F(Grpc, AnAgentWithoutOurExtensionsIsSentNoMessageThatItsLibraryEndsTheStreamOver) {
  connect({.extensions = false});
  EXPECT_EQ(link_->session()->agent().largest_event, 4U * 1024 * 1024);
  const auto id = worker_.ids().mint();
  const std::string text(4U * 1024 * 1024, 'x');
  wire::RequestBodyChunk chunk{.data = base::as_bytes(text), .is_last = true};
  const auto refused = link_->session()->send(id, &chunk, base::Deadline{}, {}, worker_.now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), base::ErrorKind::message_too_large);
  chunk.data = chunk.data.first(text.size() - 1024);
  ask(id, chunk);
  ASSERT_TRUE(turn_until(worker_, [&] { return !proxy_.decisions.empty(); }));
  EXPECT_EQ(agent_.body.size(), text.size() - 1024);
}

TEST_F(Grpc, AnAgentWithOurExtensionsIsSentWhatSocketsCarry) {
  connect();
  EXPECT_EQ(link_->session()->agent().largest_event, 16U * 1024 * 1024);
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

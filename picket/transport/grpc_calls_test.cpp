#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/transport/testing/grpc.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/envelope.hpp"

/// Calls that carry no conversation: health, ProcessEvent, reflection, and those that are refused.
namespace picket::transport {
namespace {

using testing::Client;
using ::testing::ElementsAre;
using testing::Grpc;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::turn_until;

constexpr std::string_view process_event = "/zentinel.agent.v2.AgentServiceV2/ProcessEvent";
constexpr std::string_view reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// A ProxyToAgent.
template <class Message>
std::string envelope(const Message& message) {
  wire::Output output;
  EXPECT_TRUE(wire::encode(session::grpc_handshake, message, output));
  return output.flatten();
}

wire::RequestHeaders head(std::string_view id) {
  return {.metadata = {.correlation_id = id, .client_ip = "192.0.2.1"}, .method = "GET", .uri = "/asked"};
}

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

TEST_F(Grpc, OneEventIsAskedAndAnsweredByACall) {
  agent_.answer.decision = wire::Block{.status = 451};
  Client client(worker_, client_descriptor_);
  client.call(process_event, envelope(head("one")));
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
  EXPECT_EQ(agent_.uri, "/asked");
  ASSERT_GT(client.answered.size(), http2::grpc_prefix_size);
  const std::string message = client.answered.substr(http2::grpc_prefix_size) + std::string(64, '\0');
  const auto frame =
      wire::open_envelope(wire::Envelope::agent_to_proxy, std::string_view{message}.substr(0, message.size() - 64));
  ASSERT_TRUE(frame);
  base::Arena memory;
  const auto answer = wire::decode<wire::AgentResponse>(session::grpc_handshake, frame->payload, memory);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->correlation_id, "one");
  EXPECT_TRUE(std::holds_alternative<wire::Block>(answer->decision));
}

TEST_F(Grpc, CallsOfOneConnectionShareTheExchangesState) {
  {
    Client first(worker_, client_descriptor_);
    first.call(process_event, envelope(head("one")));
    ASSERT_TRUE(turn_until(worker_, [&] { return first.has_ended; }));
    first.next();
    first.call(process_event,
               envelope(wire::RequestBodyChunk{
                   .correlation_id = "one", .data = base::as_bytes(std::string_view{"body"}), .is_last = true}));
    ASSERT_TRUE(turn_until(worker_, [&] { return first.has_ended; }));
    EXPECT_THAT(first.heads, HasSubstr("grpc-status=0"));
  }
  EXPECT_THAT(agent_.seen, ElementsAre("request_headers", "request_body_chunk"));
  EXPECT_EQ(agent_.body, "body");
  EXPECT_EQ(agent_.begun, 1);
}

TEST_F(Grpc, AnEventThatIsAnsweredLaterIsAnsweredToWhoeverAsked) {
  agent_.answers = false;
  Client client(worker_, client_descriptor_);
  client.call(process_event, envelope(head("one")));
  ASSERT_TRUE(turn_until(worker_, [&] { return !agent_.unanswered.empty(); }));
  EXPECT_FALSE(client.has_ended);
  agent_.link->session()->respond(agent_.unanswered.front(), {}, worker_.now());
  agent_.link->flush_later();
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
}

TEST_F(Grpc, AnAgentThatEndsAnswersNoEventAnyMoreAndSaysSo) {
  agent_.answers = false;
  Client client(worker_, client_descriptor_);
  client.call(process_event, envelope(head("one")));
  ASSERT_TRUE(turn_until(worker_, [&] { return !agent_.unanswered.empty(); }));
  agent_.link->close();
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=14"));
}

TEST_F(Grpc, APingAndAHandshakeAreAnsweredByACallToo) {
  Client client(worker_, client_descriptor_);
  client.call(process_event, envelope(wire::HandshakeRequest{.supported_versions = {}}));
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.answered, HasSubstr("a")) << "the agent's id";
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
  client.next();
  client.call(process_event, std::string("\x5a\x02\x08\x07", 4));  // ping { sequence: 7 }
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
  EXPECT_THAT(client.answered.substr(http2::grpc_prefix_size), ::testing::StartsWith("\x3a"));  // pong
}

struct Hostile {
  const char* what;
  std::string bytes;
  const char* status;
};

TEST_F(Grpc, CallsOfOneEventThatAreNoneEndWithTheirStatus) {
  const std::string event = Client::prefixed(envelope(head("one")));
  const std::string huge("\0\xff\xff\xff\xff", 5);
  const std::array cases{
      Hostile{"nothing", "", "grpc-status=12"},
      Hostile{"two messages", event + event, "grpc-status=12"},
      Hostile{"compressed", "\x01" + event.substr(1), "grpc-status=12"},
      Hostile{"huge", huge, "grpc-status=8"},
      Hostile{"cut", event.substr(0, event.size() - 1), "grpc-status=12"},
      Hostile{"no message", Client::prefixed("\xff\xff\xff"), "grpc-status=3"},
      Hostile{"empty", Client::prefixed(""), "grpc-status=3"},
      Hostile{"a cancel", Client::prefixed(std::string("\x4a\x05\x0a\x03one", 7)), "grpc-status=3"},
      Hostile{"an event that is none", Client::prefixed(std::string("\x12\x02\x0a\x7f", 4)), "grpc-status=3"}};
  Client client(worker_, client_descriptor_);
  for (const auto& [what, bytes, status] : cases) {
    client.next();
    client.send(process_event, bytes);
    ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; })) << what;
    EXPECT_THAT(client.heads, HasSubstr(status)) << what;
    EXPECT_THAT(client.answered, IsEmpty()) << what;
  }
  EXPECT_THAT(agent_.seen, IsEmpty());
  client.next();
  client.send(process_event, event);
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0")) << "the connection lives";
}

constexpr std::string_view control_stream = "/zentinel.agent.v2.AgentServiceV2/ControlStream";

/// An AgentControl.
template <class Message>
std::string control(const Message& message) {
  wire::Output output;
  EXPECT_TRUE(wire::encode({.encoding = wire::Encoding::protobuf, .stream = wire::Stream::control}, message, output));
  return Client::prefixed(output.flatten());
}

TEST_F(Grpc, WhatIsSaidOnAControlStreamIsHeardAndAnswered) {
  Client client(worker_, client_descriptor_);
  client.send(control_stream,
              control(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::degraded}) +
                  control(wire::MetricsReport{.agent_id = "a"}) + control(wire::LogMessage{.message = "words"}) +
                  control(wire::ConfigUpdateRequest{.update = wire::RequestReload{}, .request_id = "question"}),
              false);
  ASSERT_TRUE(turn_until(worker_, [&] { return client.answered.find("question") != std::string::npos; }));
  EXPECT_EQ(controlled_, "health_status metrics_report log config_update_request ");
  EXPECT_FALSE(client.has_ended);
  const std::size_t before = client.answered.size();
  server_->drain(std::chrono::seconds{5});
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_EQ(client.answered.substr(before).substr(http2::grpc_prefix_size, 1), "\x1a") << "a drain";
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
}

TEST_F(Grpc, WhatIsNoAgentsWordOnAControlStreamEndsIt) {
  Client client(worker_, client_descriptor_);
  client.send(control_stream, Client::prefixed("\x3a\x02\x08\x01"), false);
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=3"));
  EXPECT_THAT(controlled_, IsEmpty());
}

TEST_F(Grpc, ReflectionListsTheServices) {
  Client client(worker_, client_descriptor_);
  client.call(reflection, std::string("\x3a\x00", 2));
  ASSERT_TRUE(turn_until(worker_, [&] { return client.has_ended; }));
  EXPECT_THAT(client.answered, HasSubstr("zentinel.agent.v2.AgentServiceV2"));
  EXPECT_THAT(client.answered, HasSubstr("grpc.health.v1.Health"));
  EXPECT_THAT(client.heads, HasSubstr("grpc-status=0"));
}

TEST_F(Grpc, WhoAsksWithoutReadingIsNotAnsweredForEver) {
  std::string flood;
  for (int i = 0; i < 10'000; ++i)
    flood += Client::prefixed(
        "\x1a\x0f"
        "agent_v2.proto");
  Client client(worker_, client_descriptor_);
  client.takes = false;
  client.send(reflection, flood);
  for (int i = 0; i < 200; ++i) worker_.turn(worker_.now() + std::chrono::milliseconds{1});
  EXPECT_LT(client.answered.size(), 2U * 1024 * 1024);
}

}  // namespace
}  // namespace picket::transport

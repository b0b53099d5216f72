#include "picket/session/registration.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/testing/frames.hpp"

/// The opening of connections that the agent dials: both ends against each other, and each against a bad peer.
namespace picket::session {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using base::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::FrameType;

class RegistrationTest : public ::testing::Test {
 protected:
  using ProxyEnd = transport::StreamFraming<ProxySession>;
  using AgentEnd = transport::StreamFraming<AgentSession>;

  void start(ProxyConfig proxy_config = {}, AgentConfig agent_config = {}, Application application = {"waf-1", {}}) {
    agent_config.info.agent_id = "waf";
    admitted_ = std::make_shared<const ProxyConfig>(std::move(proxy_config));
    proxy_.emplace(std::make_unique<ProxyRegistration>(
                       RegistrationConfig{.proxy_id = "edge", .proxy_version = "1", .timeout = 10s},
                       [this](const Applicant& applicant) { return admit(applicant); }),
                   start_time);
    agent_.emplace(std::make_unique<AgentRegistration>(std::make_shared<const AgentConfig>(std::move(agent_config)),
                                                       std::move(application)),
                   start_time);
  }
  Conversation<ProxySession>& proxy() { return proxy_->conversation(); }
  Conversation<AgentSession>& agent() { return agent_->conversation(); }

  /// Moves what each end writes to the other, `piece` bytes at a time, until nothing is left.
  void converse(std::size_t piece = 1'000'000) {
    for (int quiet = 0; quiet < 2;) {
      const std::string to_proxy = take_output(*agent_);
      feed_in_pieces(*proxy_, to_proxy, piece);
      const std::string to_agent = take_output(*proxy_);
      feed_in_pieces(*agent_, to_agent, piece);
      answer_configuration();
      quiet = to_proxy.empty() && to_agent.empty() ? quiet + 1 : 0;
    }
  }
  void to_proxy(std::string_view bytes) { feed_in_pieces(*proxy_, bytes, bytes.size()); }
  void to_agent(std::string_view bytes) { feed_in_pieces(*agent_, bytes, bytes.size()); }
  std::string proxy_writes() { return take_output(*proxy_); }
  std::string take_agents_first_word() { return take_output(*agent_); }

  template <class Message>
  Message read(std::string_view frame) {
    const Padded& bytes = fed_.emplace_back(frame);
    const auto peek = transport::peek_frame(bytes.view());
    EXPECT_TRUE(peek && peek->frame);
    EXPECT_EQ(peek->frame->type, Message::type);
    return wire::decode<Message>({}, peek->frame->payload, arena_).value();
  }

  std::vector<std::string> applied_;  // id and token of who asked to be admitted
  std::optional<std::string> refusal_;
  std::optional<wire::Block> objection_;  // of the agent to its configuration

 private:
  base::Result<Admission> admit(const Applicant& applicant) {
    applied_.push_back(std::string{applicant.agent_id} + ":" + std::string{applicant.token.value_or("-")});
    if (refusal_) return base::fail(ErrorKind::connection_failed, *refusal_);
    return Admission{.config = admitted_, .connection_id = "c-1", .connections_wanted = 3};
  }
  template <class End>
  void feed_in_pieces(End& end, std::string_view bytes, std::size_t piece) {
    while (!bytes.empty()) {
      end.feed(fed_.emplace_back(bytes.substr(0, piece)).view(), start_time);
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
  void answer_configuration() {
    auto* const session = agent().session();
    if (session == nullptr) return;
    for (const auto& action : session->actions()) {
      const auto* const arrived = std::get_if<Arrived>(&action);
      if (arrived == nullptr || arrived->ref.key.type != FrameType::configure) continue;
      wire::AgentResponse response;
      if (objection_) response.decision = *objection_;
      EXPECT_TRUE(session->respond(arrived->ref, response, start_time));
    }
    session->clear_actions();
  }

  std::shared_ptr<const ProxyConfig> admitted_;
  std::optional<ProxyEnd> proxy_;
  std::optional<AgentEnd> agent_;
  std::deque<Padded> fed_;
  base::Arena arena_;
};

TEST_F(RegistrationTest, AnAgentThatDialsIsAConnectionLikeAnyOther) {
  for (const std::size_t piece : {1'000'000U, 1U, 7U}) {
    start({.events = {wire::EventKind::request_headers}});
    converse(piece);
    ASSERT_NE(proxy().session(), nullptr);
    ASSERT_NE(agent().session(), nullptr);
    EXPECT_EQ(proxy().session()->state(), ProxySession::State::ready);
    EXPECT_EQ(proxy().session()->agent().agent_id, "waf");
    EXPECT_TRUE(proxy().session()->means_its_list());
    EXPECT_EQ(proxy().session()->format(), (wire::Format{wire::Encoding::msgpack, true, true}));
    EXPECT_EQ(agent().session()->format(), proxy().session()->format());
    EXPECT_THAT(agent().session()->announced_events(), ElementsAre(wire::EventKind::request_headers));
    EXPECT_EQ(agent().session()->connections_wanted(), 3U);
  }
}

TEST_F(RegistrationTest, EventsAreAskedAndAnsweredAfterIt) {
  start();
  converse();
  const base::CorrelationId id{0, 0, 0x1111};
  wire::RequestHeaders event{
      .metadata = {.correlation_id = id.text(), .timestamp = "2026-01-01T00:00:00Z"}, .method = "GET", .uri = "/"};
  proxy().session()->clear_actions();
  ASSERT_TRUE(proxy().session()->send(id, &event, base::Deadline{start_time + 1s}, 7, start_time));
  to_agent(proxy_writes());
  const auto& arrived = std::get<Arrived>(agent().session()->actions().back());
  ASSERT_TRUE(agent().session()->respond(arrived.ref, {}, start_time));
  converse();
  ASSERT_EQ(proxy().session()->actions().size(), 1U);
  EXPECT_EQ(std::get<Answered>(proxy().session()->actions()[0]).tag, 7U);
}

TEST_F(RegistrationTest, WhoAsksToBeAdmittedAndWithWhichTokenIsTheOwnersToJudge) {
  start({}, {}, {"waf-1", "s3cret"});
  converse();
  start();
  converse();
  EXPECT_THAT(applied_, ElementsAre("waf-1:s3cret", "waf-1:-"));
}

TEST_F(RegistrationTest, ARefusalIsToldToTheAgentWithItsReason) {
  start();
  refusal_ = "no agent block claims 'waf-1'";
  converse();
  ASSERT_TRUE(proxy().end());
  ASSERT_TRUE(agent().end());
  EXPECT_EQ(proxy().session(), nullptr);
  EXPECT_EQ(agent().session(), nullptr);
  EXPECT_EQ(agent().end()->kind(), ErrorKind::connection_failed);
  EXPECT_THAT(agent().end()->detail(), HasSubstr("no agent block claims 'waf-1'"));
}

TEST_F(RegistrationTest, ItsConfigurationFollowsAndMayBeRefused) {
  start({.config_json = R"({"paranoia-level":2})"});
  to_proxy(take_agents_first_word());
  const std::string written = proxy_writes();
  EXPECT_THAT(types_of(written), ElementsAre(FrameType::handshake_response, FrameType::configure));
  const auto answer = read<wire::ReverseAnswer>(written);
  ASSERT_TRUE(answer.config);
  EXPECT_EQ(to_json(*answer.config), R"({"paranoia-level":2})");
  EXPECT_EQ(proxy().session(), nullptr) << "until it is accepted";

  for (const bool accepts : {true, false}) {
    start({.config_json = "{}"});
    if (!accepts) objection_ = wire::Block{.status = 400, .body = "unknown key"};
    converse();
    EXPECT_EQ(proxy().session() != nullptr, accepts);
    if (!accepts) EXPECT_THAT(proxy().opening()->refusal().value_or(""), HasSubstr("unknown key"));
  }
}

TEST_F(RegistrationTest, AnAgentOfTheReferenceIsAnsweredAsByTheReference) {
  start({.events = {wire::EventKind::request_headers}, .config_json = "{}"});
  to_proxy(frame_of({}, wire::ReverseRegistration{.agent_id = "waf-1", .capabilities = {.agent_id = "a"}}));
  const std::string written = proxy_writes();
  const auto answer = read<wire::ReverseAnswer>(written);
  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.proxy_id, "edge");
  EXPECT_EQ(answer.connection_id, "c-1");
  EXPECT_FALSE(answer.encoding || answer.config || answer.connections_wanted);
  EXPECT_TRUE(answer.extensions.empty() && answer.events.empty());
  to_proxy(frame_of({}, wire::AgentResponse{.correlation_id = "picket-configure"}));
  ASSERT_NE(proxy().session(), nullptr);
  EXPECT_EQ(proxy().session()->format(), wire::Format{});
  EXPECT_FALSE(proxy().session()->means_its_list());
}

TEST_F(RegistrationTest, AProxyOfTheReferenceIsSpokenToInJson) {
  start();
  to_agent(frame_of({}, wire::ReverseAnswer{.success = true, .proxy_id = "z", .connection_id = "c"}));
  ASSERT_NE(agent().session(), nullptr);
  EXPECT_EQ(agent().session()->format(), wire::Format{});
  EXPECT_FALSE(agent().session()->connections_wanted());
}

TEST_F(RegistrationTest, WhatIsNoRegistrationIsRefusedWithItsReason) {
  const wire::Capabilities a{.agent_id = "a"};
  const struct {
    std::string bytes;
    ErrorKind kind;
    std::string_view says;
  } rows[] = {
      {frame_of({}, wire::Ping{}), ErrorKind::invalid_message, "expected a registration first, got ping"},
      {raw_frame(FrameType::handshake_request, "{"), ErrorKind::invalid_message, "the registration: "},
      {frame_of({}, wire::HandshakeRequest{.supported_versions = std::array<std::uint32_t, 1>{2}}),
       ErrorKind::invalid_message, "protocol_version"},
      {frame_of({}, wire::ReverseRegistration{.protocol_version = 3, .agent_id = "x", .capabilities = a}),
       ErrorKind::version_mismatch, "speaks 2, not 3"},
      {frame_of({}, wire::ReverseRegistration{.agent_id = "", .capabilities = a}), ErrorKind::invalid_message,
       "an agent id of 0 bytes"},
      {frame_of({}, wire::ReverseRegistration{.agent_id = std::string(300, 'x'), .capabilities = a}),
       ErrorKind::invalid_message, "an agent id of 300 bytes"},
  };
  for (const auto& row : rows) {
    start();
    to_proxy(row.bytes);
    ASSERT_TRUE(proxy().end()) << row.says;
    EXPECT_EQ(proxy().end()->kind(), row.kind);
    const auto answer = read<wire::ReverseAnswer>(proxy_writes());
    EXPECT_FALSE(answer.success);
    EXPECT_THAT(std::string{answer.error.value_or("")}, HasSubstr(row.says));
    EXPECT_TRUE(applied_.empty()) << "nobody was asked";
  }
}

TEST_F(RegistrationTest, BadAnswersEndTheAgentsEndWithTheirReason) {
  const struct {
    std::string bytes;
    ErrorKind kind;
    std::string_view says;
  } rows[] = {
      {frame_of({}, wire::Ping{}), ErrorKind::invalid_message, "the answer to the registration first, got ping"},
      {raw_frame(FrameType::handshake_response, "what?"), ErrorKind::invalid_message, "it said [what?]"},
      {frame_of({}, wire::ReverseAnswer{.error = "no\nplace"}), ErrorKind::connection_failed, "no\\x0aplace"},
      {frame_of({}, wire::ReverseAnswer{}), ErrorKind::connection_failed, "it gave no reason; it said"},
      {frame_of({}, wire::ReverseAnswer{.success = true, .encoding = wire::Encoding::msgpack}),
       ErrorKind::invalid_message, "was not offered"},
      {std::string(4, '\0'), ErrorKind::invalid_message, "length 0"},
  };
  for (const auto& row : rows) {
    start({}, {.encodings = {wire::Encoding::json}});
    to_agent(row.bytes);
    ASSERT_TRUE(agent().end()) << row.says;
    EXPECT_EQ(agent().end()->kind(), row.kind);
    EXPECT_THAT(agent().end()->detail(), HasSubstr(row.says));
    EXPECT_EQ(agent().session(), nullptr);
  }
}

TEST_F(RegistrationTest, SilenceEndsEitherEndInTime) {
  start({}, {.handshake_timeout = 3s});
  EXPECT_EQ(agent().next_wakeup(), start_time + 3s);
  agent().tick(start_time + 3s);
  ASSERT_TRUE(agent().end());
  EXPECT_EQ(agent().end()->kind(), ErrorKind::timeout);
  EXPECT_EQ(proxy().next_wakeup(), start_time + 10s);
  proxy().tick(start_time + 10s);
  ASSERT_TRUE(proxy().end());
  EXPECT_EQ(proxy().end()->kind(), ErrorKind::timeout);
}

TEST_F(RegistrationTest, ASecondOneOnTheConnectionIsAProtocolError) {
  start();
  const std::string word = take_agents_first_word();
  to_proxy(word);
  ASSERT_NE(proxy().session(), nullptr);
  to_proxy(word);
  ASSERT_TRUE(proxy().end());
  EXPECT_THAT(proxy().end()->detail(), HasSubstr("an agent must not send handshake_request here"));

  start();
  converse();
  to_agent(frame_of({}, wire::ReverseAnswer{.success = true}));
  ASSERT_TRUE(agent().end());
  EXPECT_THAT(agent().end()->detail(), HasSubstr("a proxy must not send handshake_response here"));
}

TEST_F(RegistrationTest, OneThatComesTooLateChangesNothing) {
  start();
  proxy().tick(start_time + 10s);
  to_proxy(take_agents_first_word());
  EXPECT_EQ(proxy().session(), nullptr);
  EXPECT_EQ(proxy_writes(), "");
  EXPECT_TRUE(applied_.empty());
}

}  // namespace
}  // namespace picket::session

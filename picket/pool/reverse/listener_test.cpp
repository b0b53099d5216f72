#include "picket/pool/reverse/listener.hpp"

#include <algorithm>

#include <gmock/gmock.h>

#include "picket/pool/reverse/testing.hpp"
#include "picket/transport/testing/certificates.hpp"

namespace picket::pool::reverse {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using ::testing::HasSubstr;
using testing::PlayedAgent;
using testing::Registering;
using ::testing::SizeIs;
using wire::FrameType;

Rules one_claim() { return {.claims = {{"edge", {"edge-*"}}}}; }

/// Whoever registers is kept where he was delivered.
class ReverseListenerTest : public testing::ReverseTest {
 protected:
  explicit ReverseListenerTest(std::size_t workers = 1) : ReverseTest(workers) {
    use(one_claim());
    deliver_ = [this](Connection connection) { joined_.push_back(std::move(connection)); };
  }
  bool joins(std::size_t count) {
    return until([&] { return joined_.size() == count; });
  }
  void expect_refused(const Answer& answer, std::string_view says) {
    EXPECT_FALSE(answer.success);
    EXPECT_THAT(answer.error, HasSubstr(says));
  }

  std::vector<Connection> joined_;
};

TEST_F(ReverseListenerTest, WhoMayRegisterIsHandedOnWithWhatHeSaid) {
  const Listener& listener = listen();
  PlayedAgent agent = dial(listener);
  agent.peer.send_bytes(testing::bytes_of({}));
  ASSERT_TRUE(joins(1));
  EXPECT_EQ(joined_[0].agent, "edge");
  EXPECT_EQ(joined_[0].received, testing::bytes_of({}));
  EXPECT_EQ(joined_[0].connections_wanted, 1U) << "one a worker";
  EXPECT_EQ(registry_.metrics().registered.value(), 1U);
  EXPECT_EQ(registry_.metrics().connections.value(), 1);
  joined_.clear();
  EXPECT_TRUE(until([&] { return registry_.metrics().connections.value() == 0; }));
  EXPECT_TRUE(agent.peer.ends());
}

class OfTwoWorkers : public ReverseListenerTest {
 protected:
  OfTwoWorkers() : ReverseListenerTest(2) {}
};

TEST_F(OfTwoWorkers, AnAgentsConnectionsAreSpread) {
  const Listener& listener = listen();
  std::vector<PlayedAgent> agents;
  for (const char* const id : {"edge-1", "edge-1", "edge-2", "edge-2"}) {
    agents.push_back(dial(listener));
    agents.back().peer.send_bytes(testing::bytes_of({.id = id, .encodings = {wire::Encoding::json}}));
    ASSERT_TRUE(joins(agents.size()));
    EXPECT_EQ(joined_.back().connections_wanted, 2U);
  }
  EXPECT_EQ(joined_[0].worker, 0U);
  EXPECT_EQ(joined_[1].worker, 1U);
  EXPECT_EQ(joined_[2].worker, 0U);
  EXPECT_EQ(joined_[3].worker, 1U);
}

TEST_F(OfTwoWorkers, AConnectionOfAnAgentThatIsNotToldHowManyAreWantedIsForBoth) {
  const Listener& listener = listen();
  PlayedAgent agent = dial(listener);
  agent.peer.send_bytes(testing::bytes_of({}));
  ASSERT_TRUE(joins(2));
  EXPECT_EQ(joined_[0].worker, 0U);
  EXPECT_EQ(joined_[1].worker, 1U);
  EXPECT_EQ(joined_[0].received, joined_[1].received);
  EXPECT_EQ(registry_.metrics().connections.value(), 1);
  EXPECT_EQ(registry_.relays(), 1U);
  refuse(worker_, std::move(joined_.back()), "not now");
  joined_.pop_back();
  expect_refused(agent.answer(), "not now");
  EXPECT_TRUE(agent.peer.ends()) << "one end that closes ends all";
  joined_.clear();
  EXPECT_TRUE(until([&] { return registry_.relays() == 0 && registry_.metrics().connections.value() == 0; }));
}

TEST_F(ReverseListenerTest, ARegistrationMayComeByteByByte) {
  const Listener& listener = listen();
  PlayedAgent agent = dial(listener);
  for (const char byte : testing::bytes_of({})) {
    agent.peer.send_bytes({&byte, 1});
    turn();
  }
  EXPECT_TRUE(joins(1));
}

TEST_F(ReverseListenerTest, WhoMayNotIsToldWhyAndClosed) {
  Rules rules = one_claim();
  rules.secrets = {{"edge-s", "right"}};
  rules.max_connections_per_agent = 1;
  use(rules);
  const Listener& listener = listen();
  PlayedAgent held = dial(listener);
  held.peer.send_bytes(testing::bytes_of({"edge-held"}));
  ASSERT_TRUE(joins(1));
  const struct {
    Registering agent;
    std::string_view says;
  } rows[] = {
      {{"nobody"}, "no agent block claims the id 'nobody'"}, {{"edge-s"}, "needs an auth_token"},
      {{"edge-s", "wrong"}, "not that of the id 'edge-s'"},  {{"edge-held"}, "1 connections already, 1 are the most"},
      {{"edge-held", "t"}, "held by another agent"},         {{""}, "an agent id of 0 bytes"},
  };
  for (const auto& row : rows) {
    PlayedAgent agent = dial(listener);
    expect_refused(agent.registers(row.agent), row.says);
    EXPECT_TRUE(agent.peer.ends());
    EXPECT_THAT(refusals_.back(), HasSubstr(row.says));
  }
  EXPECT_EQ(registry_.metrics().refused.value(), std::size(rows));
  EXPECT_THAT(joined_, SizeIs(1));
}

TEST_F(ReverseListenerTest, WhatIsNoRegistrationIsRefusedInWords) {
  const Listener& listener = listen();
  const std::string huge{"\x00\xff\xff\xff\x01", 5};
  const struct {
    std::string bytes;
    std::string_view says;
  } rows[] = {
      {huge, "65536 are the most"},
      {std::string(4, '\0'), "length 0"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "16777216"},
      {std::string("\0\0\0\x01\x41", 5), "expected a registration first, got ping"},
      {std::string("\0\0\0\x03\x01{}", 7), "the registration: "},
  };
  for (const auto& row : rows) {
    PlayedAgent agent = dial(listener);
    agent.peer.send_bytes(row.bytes);
    expect_refused(agent.answer(), row.says);
    EXPECT_TRUE(agent.peer.ends());
  }
  EXPECT_THAT(joined_, SizeIs(0));
}

TEST_F(ReverseListenerTest, ARefusalIsReadByWhoeverSendsOn) {
  const Listener& listener = listen();
  PlayedAgent agent = dial(listener);
  agent.peer.send_bytes(testing::bytes_of({"nobody"}) + std::string(100'000, 'x'));
  expect_refused(agent.answer(), "no agent block claims");
}

TEST_F(ReverseListenerTest, SilenceIsRefusedInTime) {
  const Listener& listener = listen({.endpoint = {}, .hearing = {.handshake_timeout = 20ms}});
  PlayedAgent silent = dial(listener);
  PlayedAgent slow = dial(listener);
  slow.peer.send_bytes(std::string_view{testing::bytes_of({})}.substr(0, 100));
  expect_refused(silent.answer(), "did not register in time");
  expect_refused(slow.answer(), "did not register in time");
  EXPECT_EQ(listener.unregistered(), 0U);
}

TEST_F(ReverseListenerTest, WhoLeavesBeforeHeHasRegisteredIsForgotten) {
  const Listener& listener = listen();
  {
    PlayedAgent agent = dial(listener);
    agent.peer.send_bytes("\x00");
    EXPECT_TRUE(until([&] { return listener.unregistered() == 1; }));
  }
  EXPECT_TRUE(until([&] { return listener.unregistered() == 0; }));
}

TEST_F(ReverseListenerTest, ManyWhoSayNothingDoNotKeepOthersOut) {
  const Listener& listener = listen({.endpoint = {}, .max_unregistered = 4});
  std::vector<PlayedAgent> silent;
  for (int i = 0; i < 12; ++i) silent.push_back(dial(listener));
  PlayedAgent agent = dial(listener);
  agent.peer.send_bytes(testing::bytes_of({}));
  EXPECT_TRUE(joins(1));
  EXPECT_LE(listener.unregistered(), 4U);
  expect_refused(silent.front().answer(), "too many agents register at once");
}

TEST_F(ReverseListenerTest, AThousandThatRegisterAtOnceAllHearAnAnswer) {
  Rules rules = one_claim();
  rules.max_connections_per_agent = 1;
  use(rules);
  const Listener& listener = listen({.endpoint = {}, .socket = {.backlog = 1024}});
  std::vector<PlayedAgent> agents;
  for (int i = 0; i < 500; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      agents.push_back(dial(listener));
      agents.back().peer.send_bytes(testing::bytes_of({"edge-" + std::to_string(i)}));
    }
  }
  EXPECT_TRUE(until([&] { return joined_.size() + refusals_.size() == 1000; })) << joined_.size();
  EXPECT_THAT(joined_, SizeIs(500));
  EXPECT_TRUE(std::ranges::all_of(
      refusals_, [](const auto& refusal) { return refusal.find("1 connections already") != std::string::npos; }));
}

TEST_F(ReverseListenerTest, ClosedItTellsThoseWhoseRegistrationIsNotWhole) {
  Listener& listener = listen();
  PlayedAgent agent = dial(listener);
  agent.peer.send_bytes("\x00");
  EXPECT_TRUE(until([&] { return listener.unregistered() == 1; }));
  listener.close();
  expect_refused(agent.answer(), "takes no registrations any more");
  agent.peer.close();
  EXPECT_TRUE(until([&] { return listener.is_over(); }));
}

TEST_F(ReverseListenerTest, OverTlsTheRegistrationIsHeardAndTheConnectionHandedOnWithIt) {
  const transport::testing::Authority authority;
  const auto issued = authority.issue("proxy", "DNS:proxy.test");
  const auto server =
      transport::tls::Context::server({.certificate_file = issued.certificate_file, .key_file = issued.key_file});
  const auto client = transport::tls::Context::client({.ca_file = authority.ca_file(), .server_name = "proxy.test"});
  ASSERT_TRUE(server && client);
  const Listener& listener =
      listen({.endpoint = transport::Endpoint::tcp("127.0.0.1", 0).value(), .hearing = {.tls = *server}});
  auto raw = transport::testing::RawPeer::connect(listener.endpoint(), &worker_);
  PlayedAgent agent{transport::testing::RawPeer{::dup(raw.descriptor()), &worker_, (*client)->layer("proxy.test")}};
  raw.close();
  deliver_ = [this](Connection connection) { refuse(worker_, std::move(connection), "over TLS"); };
  expect_refused(agent.registers(), "over TLS");

  PlayedAgent clear = dial(listener);
  clear.peer.send_bytes(testing::bytes_of({}));
  EXPECT_TRUE(clear.peer.ends());
  EXPECT_THAT(refusals_.back(), HasSubstr("127.0.0.1:"));
}

TEST_F(ReverseListenerTest, WhatCannotBeMeantSoIsNotUsed) {
  EXPECT_FALSE(registry_.use({.require_auth = true}));
  const Listener& listener = listen();
  PlayedAgent agent = dial(listener);
  agent.peer.send_bytes(testing::bytes_of({}));
  EXPECT_TRUE(joins(1)) << "the rules before hold";
}

}  // namespace
}  // namespace picket::pool::reverse

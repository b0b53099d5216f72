#include "picket/transport/frame_link.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "picket/base/limits.hpp"
#include "picket/session/testing/frames.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/trickle_layer.hpp"

namespace picket::transport {
namespace {

using namespace std::chrono_literals;
using session::testing::frame_of;
using session::testing::types_of;
using ::testing::ElementsAre;
using testing::Kind;
using testing::make_layer;
using testing::make_peer_layer;
using testing::RawPeer;
using testing::turn_until;
using wire::FrameType;

/// Owns the agent's end of a connection: answers every event, notes the end.
class AgentEnd final : public AgentLink::Owner {
 public:
  void on_actions(AgentLink& link) override {
    auto& session = *link.session();
    for (std::size_t i = 0; i < session.actions().size(); ++i) {
      const auto action = session.actions()[i];
      if (const auto* const arrived = std::get_if<session::Arrived>(&action)) {
        ++events;
        if (on_event) on_event();
        if (answers) {
          session.respond(arrived->ref, answer, link.worker().now());
        } else {
          unanswered.push_back(arrived->ref);
        }
      }
    }
    session.clear_actions();
    if (touches) link.flush_later();
    if (close_when_called) link.close();
  }
  void on_closed(AgentLink&, const base::Error& reason) override { ends.push_back(reason); }

  std::vector<base::Error> ends;
  wire::AgentResponse answer;
  int events = 0;
  std::vector<session::EventRef> unanswered;
  std::function<void()> on_event;
  bool answers = true;
  bool touches = false;
  bool close_when_called = false;
};

std::unique_ptr<session::AgentOpening> begins() {
  return session::testing::handshake(session::AgentConfig{.info = {.agent_id = "a", .name = "n", .version = "1"}});
}

std::string handshake(wire::TextList extensions = {}) {
  constexpr std::array<std::uint32_t, 1> versions{2};
  return frame_of({},
                  wire::HandshakeRequest{
                      .supported_versions = versions, .proxy_id = "p", .proxy_version = "1", .extensions = extensions});
}
std::string ping(std::uint64_t sequence) { return frame_of({}, wire::Ping{.sequence = sequence}); }
std::string chunk(std::string_view id, std::string_view data = "x") {
  return frame_of({}, wire::RequestBodyChunk{.correlation_id = id, .data = base::as_bytes(data), .is_last = true});
}

/// The agent's end on one side of a socket pair, this test on the other.
class LinkTest : public ::testing::TestWithParam<Kind> {
 protected:
  RawPeer& join() { return join(SOCK_STREAM, GetParam()); }
  RawPeer& join(int type, Kind kind) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    link_ = FrameLink<session::AgentSession>::adopt(Channel{worker_, ends[0], make_layer(kind)}, begins(), owner_);
    return peer_.emplace(ends[1], &worker_, make_peer_layer(kind));
  }
  void TearDown() override {
    if (link_) link_->close();
  }

  Worker worker_;
  AgentEnd owner_;
  std::shared_ptr<AgentLink> link_;
  std::optional<RawPeer> peer_;
};

INSTANTIATE_TEST_SUITE_P(Channels, LinkTest, ::testing::Values(Kind::plain, Kind::layered, Kind::tls),
                         testing::name_of);

/// Shows the link's writes one by one.
class LinkWriteTest : public LinkTest {
 protected:
  RawPeer& join() { return LinkTest::join(SOCK_SEQPACKET, Kind::plain); }
  /// What one write of the link brought.
  std::string next_write() {
    std::string bytes(1'000'000, '\0');
    ssize_t size = -1;
    EXPECT_TRUE(turn_until(
        worker_, [&] { return (size = ::recv(peer_->descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT)) >= 0; }));
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
};

// ---- writing

TEST_F(LinkWriteTest, WhatOneTurnProducesLeavesInOneWrite) {
  RawPeer& peer = join();
  peer.send_bytes(handshake() + ping(1) + chunk("1") + ping(2) + chunk("2"));
  // What the session answers by itself comes before what its owner is asked.
  EXPECT_THAT(types_of(next_write()), ElementsAre(FrameType::handshake_response, FrameType::pong, FrameType::pong,
                                                  FrameType::agent_response, FrameType::agent_response));
}

TEST_F(LinkWriteTest, EachTurnWritesWhatItProduced) {
  RawPeer& peer = join();
  peer.send_bytes(handshake());
  EXPECT_THAT(types_of(next_write()), ElementsAre(FrameType::handshake_response));
  peer.send_bytes(chunk("1"));
  EXPECT_THAT(types_of(next_write()), ElementsAre(FrameType::agent_response));
}

TEST_F(LinkWriteTest, OwnerMayTouchTheLinkWhileItIsCalled) {
  RawPeer& peer = join();
  owner_.touches = true;
  peer.send_bytes(handshake());
  (void)next_write();
  peer.send_bytes(chunk("1") + chunk("2"));
  EXPECT_THAT(types_of(next_write()), ElementsAre(FrameType::agent_response, FrameType::agent_response));
  // What waits for company leaves in time, too.
  peer.send_bytes(frame_of({}, wire::RequestComplete{.correlation_id = "1"}));
  EXPECT_THAT(types_of(next_write()), ElementsAre(FrameType::agent_response));
}

TEST_P(LinkTest, FramesArriveWhateverTheSplitOfTheStream) {
  RawPeer& peer = join();
  const std::string bytes = handshake() + chunk("1") + chunk("2", std::string(9000, 'b')) + chunk("3");
  for (std::size_t i = 0; i < bytes.size(); i += 700) {
    peer.send_bytes(bytes.substr(i, 700));
    worker_.turn(base::Clock::now() + 1ms);
  }
  for (const auto type : {FrameType::handshake_response, FrameType::agent_response, FrameType::agent_response,
                          FrameType::agent_response}) {
    const auto frame = peer.receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type(), type);
  }
}

// ---- a peer that does not read

TEST_P(LinkTest, PeerThatDoesNotReadIsNotReadFromEither) {
  RawPeer& peer = join();
  peer.send_bytes(handshake());
  while (link_->session() == nullptr) worker_.turn(base::Clock::now() + 1ms);
  const std::string question = chunk("1", std::string(1000, 'q'));
  const std::string tag(4000, 't');
  const std::array<wire::Text, 1> tags{tag};
  owner_.answer.audit.tags = tags;
  // Questions until neither side takes a byte: everything that is in between is full.
  std::size_t asked = 0;
  std::string rest;
  for (int quiet = 0; quiet < 50; ++quiet) {
    while (true) {
      if (rest.empty()) {
        rest = question;
        ++asked;
      }
      const Transfer sent = peer.send_some(rest);
      if (sent.outcome != Transfer::Outcome::moved) break;
      rest.erase(0, sent.size);
      quiet = 0;
    }
    worker_.turn(base::Clock::now() + 1ms);
    ASSERT_LT(link_->session()->output().size(), 4U * 1024 * 1024) << "answers pile up without bound";
    ASSERT_LT(asked, 100'000U) << "questions are taken without bound";
  }
  EXPECT_LT(owner_.events, static_cast<int>(asked));

  // Once it reads, everything that it asked is answered.
  if (rest.size() != question.size()) {
    peer_->send_bytes(rest);  // also drains: waiting turns the worker
  } else {
    --asked;
  }
  EXPECT_EQ(peer.receive()->type(), FrameType::handshake_response);
  for (std::size_t i = 0; i < asked; ++i) ASSERT_EQ(peer.receive()->type(), FrameType::agent_response) << i;
  EXPECT_TRUE(owner_.ends.empty());
}

TEST_P(LinkTest, PeerThatIsNotAnsweredIsNotReadFromUntilItIsEvenWhereNothingIsWritten) {
  RawPeer& peer = join();
  constexpr std::array<wire::Text, 1> extensions{wire::extension_one_way_complete};
  peer.send_bytes(handshake(extensions));
  EXPECT_EQ(peer.receive()->type(), FrameType::handshake_response);
  owner_.answers = false;
  const auto completions = [](std::size_t from, std::size_t count) {
    std::string bytes;
    for (std::size_t i = from; i < from + count; ++i)
      bytes += frame_of({}, wire::RequestComplete{.correlation_id = std::to_string(i)});
    return bytes;
  };
  constexpr std::size_t most = base::limits::max_unanswered_events;
  constexpr std::size_t more = 500;
  peer.send_bytes(completions(0, most));
  ASSERT_TRUE(turn_until(worker_, [&] { return owner_.unanswered.size() == most; }));
  std::string rest = completions(most, more) + ping(1);
  for (std::size_t sent = 1; sent != 0 && !rest.empty(); rest.erase(0, sent)) sent = peer.send_some(rest).size;
  testing::turn_for(worker_, 20ms);
  EXPECT_LT(owner_.unanswered.size(), most + more) << "questions are taken without bound";

  owner_.answers = true;
  for (const auto& ref : owner_.unanswered) link_->session()->respond(ref, {}, worker_.now());
  link_->flush_later();
  peer.send_bytes(rest);
  EXPECT_EQ(peer.receive()->type(), FrameType::pong);
  EXPECT_EQ(owner_.events, static_cast<int>(most + more));
}

TEST_P(LinkTest, ABusyPeerDoesNotKeepAnotherWaiting) {
  RawPeer& busy = join();
  busy.send_bytes(handshake());
  (void)busy.receive();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  AgentEnd other;
  const auto other_link =
      FrameLink<session::AgentSession>::adopt(Channel{worker_, ends[0], make_layer(GetParam())}, begins(), other);
  RawPeer patient{ends[1], &worker_, make_peer_layer(GetParam())};
  patient.send_bytes(handshake());
  (void)patient.receive();

  std::string events;
  while (events.size() < std::size_t{64} * 1024) events += chunk("1");
  busy.send_bytes(events);
  patient.send_bytes(chunk("1"));
  int before = -owner_.events;
  other.on_event = [&] { before += owner_.events; };
  ASSERT_TRUE(turn_until(worker_, [&] { return other.events == 1; }));
  EXPECT_LT(static_cast<std::size_t>(before) * chunk("1").size(), std::size_t{32} * 1024);
  other_link->close();
}

TEST(LayeredLink, TriesToWriteAgainOnlyOnceItsPeerHasSaidSomething) {
  Worker worker;
  AgentEnd owner;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  auto layer = std::make_unique<testing::TrickleLayer>();
  const testing::TrickleLayer& seen = *layer;
  const auto link =
      FrameLink<session::AgentSession>::adopt(Channel{worker, ends[0], std::move(layer)}, begins(), owner);
  RawPeer peer{ends[1], &worker, make_peer_layer(Kind::layered)};
  peer.send_bytes(handshake());
  EXPECT_EQ(peer.receive()->type(), FrameType::handshake_response);
  const std::string tag(5 * testing::TrickleLayer::bytes_per_leave, 't');
  const std::array<wire::Text, 1> tags{tag};
  owner.answer.audit.tags = tags;
  peer.send_bytes(chunk("1"));
  ASSERT_TRUE(turn_until(worker, [&] { return owner.events == 1; }));
  testing::turn_for(worker, 5ms);
  const int attempts = seen.write_attempts();
  testing::turn_for(worker, 20ms);
  EXPECT_EQ(seen.write_attempts(), attempts);
  EXPECT_EQ(peer.receive()->type(), FrameType::agent_response);
  link->close();
}

TEST(LayeredLink, GoesOnToReadOnceItsLayerCouldWrite) {
  Worker worker;
  AgentEnd owner;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  testing::have_little_room(ends[0]);
  const auto link =
      FrameLink<session::AgentSession>::adopt(Channel{worker, ends[0], make_layer(Kind::layered)}, begins(), owner);
  RawPeer peer{ends[1], &worker};
  EXPECT_TRUE(testing::answers_all_questions(peer, [&] { testing::turn_for(worker, 100us); }));
  link->close();
}

// ---- the end

TEST_P(LinkTest, PeersCloseIsReportedOnce) {
  RawPeer& peer = join();
  peer.send_bytes(handshake());
  (void)peer.receive();
  peer.close();
  ASSERT_TRUE(turn_until(worker_, [&] { return !owner_.ends.empty(); }));
  testing::turn_for(worker_, 2ms);
  ASSERT_EQ(owner_.ends.size(), 1U);
  EXPECT_EQ(owner_.ends[0].kind(), base::ErrorKind::connection_closed);
}

TEST_P(LinkTest, WhatArrivedBeforeTheCloseIsStillServed) {
  RawPeer& peer = join();
  peer.send_bytes(handshake() + chunk("1") + chunk("2"));
  ::shutdown(peer.descriptor(), SHUT_WR);
  ASSERT_TRUE(turn_until(worker_, [&] { return !owner_.ends.empty(); }));
  EXPECT_EQ(owner_.events, 2);
}

TEST_P(LinkTest, OwnersCloseIsNotReportedBack) {
  RawPeer& peer = join();
  peer.send_bytes(handshake());
  (void)peer.receive();
  link_->close();
  EXPECT_TRUE(peer.ends());
  testing::turn_for(worker_, 2ms);
  EXPECT_TRUE(owner_.ends.empty());
}

TEST_P(LinkTest, OwnerMayCloseWhileItIsCalled) {
  RawPeer& peer = join();
  owner_.close_when_called = true;
  peer.send_bytes(handshake() + chunk("1"));
  EXPECT_TRUE(peer.ends());
  EXPECT_TRUE(owner_.ends.empty());
}

TEST_P(LinkTest, CloseWritesWhatIsQueued) {
  RawPeer& peer = join();
  peer.send_bytes(handshake());
  (void)peer.receive();
  ASSERT_TRUE(link_->session()->send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining}));
  link_->close();
  const auto farewell = peer.receive();
  ASSERT_TRUE(farewell);
  EXPECT_EQ(farewell->type(), FrameType::health_status);
  EXPECT_TRUE(peer.ends());
}

TEST_P(LinkTest, RefusedHandshakeSaysWhyBeforeTheClose) {
  RawPeer& peer = join();
  peer.send_bytes(ping(1));
  const auto refusal = peer.receive();
  ASSERT_TRUE(refusal);
  base::Arena arena;
  const auto answer = refusal->as<wire::HandshakeResponse>({}, arena);
  EXPECT_FALSE(answer.success);
  EXPECT_TRUE(answer.error);
  EXPECT_TRUE(peer.ends());
  ASSERT_EQ(owner_.ends.size(), 1U);
  EXPECT_EQ(owner_.ends[0].kind(), base::ErrorKind::invalid_message);
}

TEST_P(LinkTest, FrameOverTheLimitEndsTheConnectionBeforeItIsHeld) {
  RawPeer& peer = join();
  peer.send_bytes(handshake());
  (void)peer.receive();
  peer.send_bytes({"\xff\xff\xff\xff\x10", 5});
  EXPECT_TRUE(peer.ends());
  ASSERT_EQ(owner_.ends.size(), 1U);
  EXPECT_EQ(owner_.ends[0].kind(), base::ErrorKind::message_too_large);
}

}  // namespace
}  // namespace picket::transport

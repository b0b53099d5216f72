#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "picket/session/testing/frames.hpp"
#include "picket/transport/frame_link.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/trickle_layer.hpp"

namespace picket::transport {
namespace {

using namespace std::chrono_literals;
using session::testing::frame_of;
using ::testing::ElementsAre;
using testing::Kind;
using testing::make_layer;
using testing::make_peer_layer;
using testing::RawPeer;
using testing::turn_until;
using wire::FrameType;

class ProxyEnd final : public ProxyLink::Owner {
 public:
  void on_actions(ProxyLink& link) override { link.session()->clear_actions(); }
  void on_closed(ProxyLink&, const base::Error& reason) override { ends.push_back(reason); }
  std::vector<base::Error> ends;
};

class DialTest : public ::testing::Test {
 protected:
  void dial(session::ProxyConfig config = {}, base::Duration timeout = 10s) {
    link_ = FrameLink<session::ProxySession>::dial(Channel{worker_}, folder_.socket(),
                                                   session::testing::handshake(std::move(config)), timeout, owner_);
  }
  void TearDown() override {
    if (link_) link_->close();
  }
  base::ErrorKind end() {
    EXPECT_TRUE(turn_until(worker_, [&] { return !owner_.ends.empty(); }));
    return owner_.ends.empty() ? base::ErrorKind::io : owner_.ends[0].kind();
  }
  testing::TemporaryFolder folder_;
  Worker worker_;
  ProxyEnd owner_;
  std::shared_ptr<ProxyLink> link_;
};

TEST_F(DialTest, NobodyThereIsAFailedConnectionThatNamesTheAddress) {
  dial();
  EXPECT_EQ(end(), base::ErrorKind::connection_failed);
  EXPECT_NE(owner_.ends[0].detail().find(folder_.socket().text()), std::string::npos);
}

TEST_F(DialTest, HandshakeIsTheFirstThingSent) {
  testing::RawListener listener{folder_.socket(), &worker_};
  dial();
  auto peer = listener.accept();
  EXPECT_EQ(peer.receive()->type(), FrameType::handshake_request);
}

/// What a tap heard: types, and payloads of large frames.
class Listening final : public session::Tap {
 public:
  void on_sent(const wire::FrameView& frame, base::TimePoint) override { sent.push_back(frame.type); }
  void on_received(const wire::FrameView& frame, base::TimePoint) override {
    received.push_back(frame.type);
    longest = std::max(longest, frame.payload.size());
  }
  std::vector<FrameType> sent;
  std::vector<FrameType> received;
  std::size_t longest = 0;
};

TEST_F(DialTest, ATapHearsEachFrameWholeOnceItIsWrittenOrRead) {
  Listening tap;
  testing::RawListener listener{folder_.socket(), &worker_};
  session::ProxyConfig config;
  config.proxy_id.assign(300'000, 'p');  // more than one write
  link_ = FrameLink<session::ProxySession>::dial(Channel{worker_}, folder_.socket(),
                                                 session::testing::handshake(config), 10s, owner_, &tap);
  auto peer = listener.accept();
  EXPECT_EQ(peer.receive()->type(), FrameType::handshake_request);
  EXPECT_THAT(tap.sent, ElementsAre(FrameType::handshake_request));
  const std::string version(50'000, 'v');
  peer.send(wire::Format{},
            wire::HandshakeResponse{
                .protocol_version = 2, .capabilities = {.agent_id = "a", .version = version}, .success = true});
  peer.send_bytes(frame_of({}, wire::Ping{.sequence = 1}));
  EXPECT_EQ(peer.receive()->type(), FrameType::pong);
  EXPECT_THAT(tap.received, ElementsAre(FrameType::handshake_response, FrameType::ping));
  EXPECT_GT(tap.longest, version.size());
  EXPECT_THAT(tap.sent, ElementsAre(FrameType::handshake_request, FrameType::pong));
  link_->close();
}

TEST_F(DialTest, SilentPeerIsLeftAtTheHandshakesDeadline) {
  testing::RawListener listener{folder_.socket(), &worker_};
  dial({.handshake_timeout = 20ms});
  auto peer = listener.accept();
  EXPECT_EQ(end(), base::ErrorKind::timeout);
  EXPECT_TRUE(peer.ends());
}

TEST_F(DialTest, PeerThatNeverAnswersInTlsIsLeftAtTheHandshakesDeadlineToo) {
  testing::RawListener listener{folder_.socket(), &worker_};
  link_ = FrameLink<session::ProxySession>::dial(
      Channel{worker_, testing::make_dialled_layer(Kind::tls)}, folder_.socket(),
      session::testing::handshake(session::ProxyConfig{.handshake_timeout = 20ms}), 10s, owner_);
  auto peer = listener.accept();
  EXPECT_EQ(end(), base::ErrorKind::timeout);
  EXPECT_TRUE(peer.ends());
}

TEST_F(DialTest, WhyThereIsNoTlsIsTheReasonForTheEnd) {
  testing::RawListener listener{folder_.socket(), &worker_};
  link_ =
      FrameLink<session::ProxySession>::dial(Channel{worker_, testing::make_dialled_layer(Kind::tls)}, folder_.socket(),
                                             session::testing::handshake(session::ProxyConfig{}), 10s, owner_);
  auto peer = listener.accept();
  peer.send_bytes("plain");
  EXPECT_EQ(end(), base::ErrorKind::connection_failed);
  EXPECT_THAT(owner_.ends[0].detail(), ::testing::HasSubstr("the peer does not speak TLS"));
}

TEST_F(DialTest, ServerTooBusyToAcceptIsAnErrorNotAConnection) {
  const Endpoint endpoint = folder_.socket();
  const int busy = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(busy, endpoint.address(), endpoint.size()), 0);
  ASSERT_EQ(::listen(busy, 0), 0);
  const auto first = RawPeer::connect(endpoint);
  dial();
  EXPECT_EQ(end(), base::ErrorKind::connection_failed);
  ::close(busy);
}

/// This process's end of a TCP connection to `server`; -1: there is none.
int descriptor_to(const Endpoint& server) {
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && size == server.size() &&
        std::memcmp(&peer, server.address(), size) == 0)
      return descriptor;
  }
  return -1;
}

TEST_F(DialTest, OverTcpSmallWritesLeaveAtOnce) {
  auto listener = Listener::open(worker_, Endpoint::tcp("127.0.0.1", 0).value(), {});
  ASSERT_TRUE(listener);
  Listening tap;
  link_ = FrameLink<session::ProxySession>::dial(
      Channel{worker_}, listener->endpoint(), session::testing::handshake(session::ProxyConfig{}), 10s, owner_, &tap);
  ASSERT_TRUE(turn_until(worker_, [&] { return !tap.sent.empty(); }));
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(descriptor_to(listener->endpoint()), IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
  EXPECT_NE(value, 0);
  link_->close();
}

TEST_F(DialTest, HandshakePassesALayerThatWritesLittleAtATime) {
  testing::RawListener listener{folder_.socket(), &worker_};
  const std::string name(3 * testing::TrickleLayer::bytes_per_leave, 'n');
  session::ProxyConfig config;
  config.proxy_id = name;
  link_ = FrameLink<session::ProxySession>::dial(Channel{worker_, make_layer(Kind::layered)}, folder_.socket(),
                                                 session::testing::handshake(config), 10s, owner_);
  auto peer = listener.accept(make_peer_layer(Kind::layered));
  const auto request = peer.receive();
  ASSERT_TRUE(request);
  base::Arena arena;
  EXPECT_EQ(request->as<wire::HandshakeRequest>({}, arena).proxy_id, name);
}

TEST_F(DialTest, ClosedBeforeItIsConnectedItNeverCallsBack) {
  testing::RawListener listener{folder_.socket(), &worker_};
  dial();
  link_->close();
  testing::turn_for(worker_, 5ms);
  EXPECT_TRUE(owner_.ends.empty());
}

}  // namespace
}  // namespace picket::transport

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "picket/agent/internal/dialling.hpp"
#include "picket/agent/testing/played_proxy.hpp"

/// Agents that dial their proxy: the token, the registration, and how they come back.
namespace picket::agent {
namespace {

using namespace std::chrono_literals;
using internal::dialled_endpoint;
using internal::token_of;
using testing::eventually;
using ::testing::HasSubstr;
using transport::ClearText;
using transport::testing::OwnedFrame;
using transport::testing::RawListener;
using transport::testing::RawPeer;
using wire::FrameType;

class TokenTest : public ::testing::Test {
 protected:
  DialOptions in_file(std::string_view text, std::filesystem::perms mode = std::filesystem::perms::owner_read |
                                                                           std::filesystem::perms::owner_write) {
    const auto path = folder_.path() / "token";
    std::ofstream{path} << text;
    std::filesystem::permissions(path, mode);
    return {.token_file = path.string()};
  }
  transport::testing::TemporaryFolder folder_;
};

TEST_F(TokenTest, IsWhatTheFileSaysWithoutTheEndOfItsLine) {
  EXPECT_EQ(token_of(in_file("s3cret\n")).value(), "s3cret");
  EXPECT_EQ(token_of(in_file("s3 cret\r\n")).value(), "s3 cret");
  auto both = in_file("file");
  both.token = "environment";
  EXPECT_EQ(token_of(both).value(), "file");
  EXPECT_EQ(token_of({.token = "environment"}).value(), "environment");
  EXPECT_EQ(token_of({}).value(), std::nullopt);
}

TEST_F(TokenTest, OfAFileThatIsNoSecretIsRefused) {
  using std::filesystem::perms;
  EXPECT_THAT(token_of(in_file("\n")).error().detail(), HasSubstr("is empty"));
  EXPECT_THAT(token_of(in_file(std::string(5000, 'x'))).error().detail(), HasSubstr("more than 4096"));
  EXPECT_THAT(token_of({.token_file = (folder_.path() / "none").string()}).error().detail(), HasSubstr("No such file"));
  EXPECT_THAT(token_of(in_file("s3cret", perms::owner_all | perms::others_read)).error().detail(),
              HasSubstr("everybody may read"));
  EXPECT_TRUE(token_of(in_file("s3cret", perms::owner_all | perms::group_read)));
}

TEST(DialledEndpoint, IsWhereFramesAreSpoken) {
  EXPECT_TRUE(dialled_endpoint("unix:/run/x", ClearText::refused));
  EXPECT_TRUE(dialled_endpoint("tls:127.0.0.1:1", ClearText::refused));
  EXPECT_TRUE(dialled_endpoint("tls:proxy.example:1", ClearText::refused)->is_name());
  EXPECT_FALSE(dialled_endpoint("tcp:127.0.0.1:1", ClearText::refused));
  EXPECT_TRUE(dialled_endpoint("tcp:127.0.0.1:1", ClearText::allowed));
  EXPECT_THAT(dialled_endpoint("grpc+unix:/run/x", ClearText::allowed).error().detail(),
              HasSubstr("do not register over gRPC"));
  EXPECT_THAT(dialled_endpoint("proxy.example:1", ClearText::allowed).error().detail(),
              ::testing::Not(HasSubstr("grpc")));
}

class Allowing final : public Handler {
 public:
  [[nodiscard]] Info info() const override { return testing::under_test(); }
  Reply on_request_headers(const RequestHeaders&, Context&) override { return Decision::allow(); }
};

/// A proxy that listens, played by hand.
class DialTest : public ::testing::Test {
 protected:
  void serve(ServerOptions options = {}) {
    options.dial.proxies = {folder_.socket("proxy").text()};
    options.log = [this](std::string_view line) {
      const std::lock_guard lock{mutex_};
      log_ += std::string{line} + "\n";
    };
    server_.emplace(std::move(options), [] { return std::make_unique<Allowing>(); });
    ASSERT_TRUE(server_->start());
  }
  ~DialTest() override {
    if (!server_) return;
    server_->stop();
    server_->wait();
  }
  /// A connection that was registered, and what it said.
  RawPeer accept(std::uint32_t wanted, std::string_view* id = nullptr) {
    RawPeer peer = listener_.accept();
    frame_.emplace(peer.receive_past(FrameType::ping).value());
    const auto registration = frame_->as<wire::ReverseRegistration>(wire::Format{}, arena_);
    if (id != nullptr) *id = registration.agent_id;
    token_ = registration.auth_token.value_or("(none)");
    peer.send(wire::Format{}, wire::ReverseAnswer{.success = true,
                                                  .proxy_id = "p",
                                                  .proxy_version = "1",
                                                  .connection_id = "c",
                                                  .connections_wanted = wanted});
    return peer;
  }
  void ask(RawPeer& peer) {
    peer.send(wire::Format{}, wire::RequestHeaders{.metadata = {.correlation_id = "x",
                                                                .request_id = "x",
                                                                .client_ip = "192.0.2.1",
                                                                .protocol = "HTTP/1.1",
                                                                .timestamp = "2026-01-01T00:00:00Z"},
                                                   .method = "GET",
                                                   .uri = "/"});
    const auto frame = peer.receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type(), FrameType::agent_response);
  }
  std::string log() {
    const std::lock_guard lock{mutex_};
    return log_;
  }

  transport::testing::TemporaryFolder folder_;
  transport::Worker worker_;  // which the listener turns while it waits
  RawListener listener_{folder_.socket("proxy"), &worker_};
  std::optional<OwnedFrame> frame_;
  base::Arena arena_;
  std::string token_;
  std::mutex mutex_;
  std::string log_;
  std::optional<Server> server_;
};

TEST_F(DialTest, AnAgentRegistersUnderItsIdAndIsAsked) {
  serve({.dial = {.token = "s3cret"}});
  std::string_view id;
  RawPeer peer = accept(1, &id);
  EXPECT_EQ(id, "t");
  EXPECT_EQ(token_, "s3cret");
  ask(peer);
  EXPECT_TRUE(eventually([&] { return log().find("registered with unix:") != std::string::npos; }));
}

TEST_F(DialTest, ItMakesAsManyConnectionsAsTheProxyWantsOnAllItsThreads) {
  serve({.dial = {.agent_id = "edge-1"}, .threads = 2});
  std::string_view id;
  RawPeer first = accept(3, &id);
  EXPECT_EQ(id, "edge-1");
  RawPeer second = accept(3);
  RawPeer third = accept(3);
  for (RawPeer* const peer : {&first, &second, &third}) ask(*peer);
  EXPECT_FALSE(listener_.has_connection());
}

TEST_F(DialTest, AProxyThatIsLostIsDialledAgain) {
  serve();
  {
    RawPeer peer = accept(1);
    ask(peer);
  }
  RawPeer again = accept(1);
  ask(again);
  EXPECT_THAT(log(), HasSubstr("which is dialled again"));
}

TEST_F(DialTest, ARefusalIsLoggedWithItsReasonAndTriedAgain) {
  serve();
  {
    RawPeer peer = listener_.accept();
    ASSERT_TRUE(peer.receive());
    peer.send(wire::Format{}, wire::ReverseAnswer{.error = "no agent block claims the id"});
  }
  EXPECT_TRUE(eventually([&] { return log().find("no agent block claims the id") != std::string::npos; }));
  RawPeer again = accept(1);
  ask(again);
}

TEST_F(DialTest, StoppedItSaysThatItDrainsAndDialsNoMore) {
  serve();
  RawPeer peer = accept(1);
  ask(peer);
  server_->stop();
  const auto frame = peer.receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type(), FrameType::health_status);
  EXPECT_TRUE(peer.ends());
  server_->wait();
  EXPECT_FALSE(listener_.has_connection());
}

TEST_F(DialTest, AProxyThatIsListedTwiceIsSaidToBe) {
  const std::string twice = folder_.socket("proxy").text();
  Server server{{.dial = {.proxies = {twice, twice}}}, [] { return std::make_unique<Allowing>(); }};
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().detail(), twice + " is listed twice");
}

TEST_F(DialTest, AServerThatNeitherListensNorDialsIsNoServer) {
  Server server{{}, [] { return std::make_unique<Allowing>(); }};
  EXPECT_FALSE(server.start());
}

}  // namespace
}  // namespace picket::agent

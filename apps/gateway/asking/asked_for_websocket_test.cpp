#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/asking/testing/asking.hpp"
#include "apps/gateway/asking/testing/http2_server.hpp"

/// WebSockets to an upstream that speaks HTTP/2 (RFC 8441).
namespace picket::apps::gateway::asking {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using gateway::testing::Running;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::ErrorCode;
using ::testing::HasSubstr;
using testing::Http2Server;
using ::testing::Not;
using testing::StreamId;

const std::vector<base::SharedBytes> no_pieces;
constexpr int headers_frame = 1;

/// The types of what a client sends first (RFC 9113 §4.1), behind its preface.
std::vector<int> frames_in(std::string_view bytes) {
  constexpr std::size_t preface = 24;
  constexpr std::size_t frame_head = 9;
  std::vector<int> types;
  bytes.remove_prefix(std::min(preface, bytes.size()));
  while (bytes.size() >= frame_head) {
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
    types.push_back(bytes[3]);
    bytes.remove_prefix(std::min(bytes.size(), frame_head + (byte(0) << 16U) + (byte(1) << 8U) + byte(2)));
  }
  return types;
}

/// A handshake to an upstream of HTTP/2 in clear.
struct Switching : testing::Asking {
  explicit Switching(bool takes_websockets = true, const config::UpstreamTimeouts& timeouts = {})
      : testing::Asking(1, {.id = "app",
                            .min_version = config::HttpVersion::http2,
                            .max_version = config::HttpVersion::http2,
                            .timeouts = timeouts}) {
    EXPECT_TRUE(connect());
    far.emplace(accept());
    server.emplace(worker(), *far, takes_websockets);
    fields.push_back({"Sec-WebSocket-Version", "13"});
  }
  void begin_handshake(std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==") {
    fields.push_back({"Sec-WebSocket-Key", key});
    side->begin({.method = "GET", .target = "/chat", .fields = fields, .length = {}, .upgrade = "websocket"});
  }
  /// Writes what waits; the upstream has it.
  StreamId asked() {
    Running<base::Status> writing{worker(), side->write(no_pieces, true)};
    const StreamId stream = server->asked();
    EXPECT_TRUE(server->until([&] { return writing.is_over(); }));
    EXPECT_TRUE(writing.result());
    return stream;
  }
  base::Result<const http::ResponseHead*> head_of_answer() {
    Running<base::Result<const http::ResponseHead*>> reading{worker(), side->answer()};
    EXPECT_TRUE(server->until([&] { return reading.is_over(); }));
    return reading.result();
  }
  /// A tunnel that stands.
  StreamId switched() {
    begin_handshake();
    const StreamId stream = asked();
    server->answer(stream, "200");
    EXPECT_TRUE(head_of_answer());
    return stream;
  }
  /// What one read brings; with '!' why it failed.
  std::string read_tunnel() {
    std::string into(100, '\0');
    Running<base::Result<std::size_t>> reading{worker(), side->tunnel_end()->read(into, {})};
    EXPECT_TRUE(server->until([&] { return reading.is_over(); }));
    const auto size = reading.result();
    return size ? into.substr(0, *size) : "!" + size.error().detail();
  }
  void write_tunnel(std::string_view bytes) {
    Running<base::Status> writing{worker(), side->tunnel_end()->write(bytes, {})};
    EXPECT_TRUE(server->until([&] { return writing.is_over(); }));
    EXPECT_TRUE(writing.result());
  }

  std::optional<testing::FarEnd> far;
  std::optional<Http2Server> server;
};

// ---- the handshake

TEST(AskedForWebSocket, TheHandshakeIsAnExtendedConnectAndItsAnswerTheOneToItsKey) {
  Switching switching;
  switching.begin_handshake();
  const StreamId stream = switching.asked();
  EXPECT_THAT(switching.server->heard(stream).heads,
              ElementsAre(":method=CONNECT :protocol=websocket :scheme=http :authority=a.test :path=/chat "
                          "sec-websocket-version=13"));
  EXPECT_FALSE(switching.server->heard(stream).has_ended);
  switching.server->answer(stream, "200", {{"sec-websocket-protocol", "a"}, {"sec-websocket-accept", "theirs"}});
  const auto head = switching.head_of_answer();
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ((*head)->status, 101);
  EXPECT_EQ((*head)->framing, http::Framing::none);
  std::vector<std::string> answered;
  for (const auto& [name, value] : (*head)->headers) answered.push_back(std::string{name} + "=" + std::string{value});
  EXPECT_THAT(answered, ElementsAre("sec-websocket-protocol=a", "sec-websocket-accept=s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

TEST(AskedForWebSocket, NobodyAsksBeforeTheUpstreamHasOfferedIt) {
  Switching switching;
  switching.begin_handshake();
  Running<base::Status> writing{switching.worker(), switching.side->write(no_pieces, true)};
  gateway::testing::turn_for(switching.worker(), 20ms);
  EXPECT_FALSE(writing.is_over()) << "the upstream has said nothing";
  EXPECT_THAT(frames_in(switching.far->take()), Not(Contains(headers_frame)));
  switching.cancel.request(wire::CancelReason::client_disconnect);
  EXPECT_FALSE(writing.result());
}

TEST(AskedForWebSocket, AnUpstreamThatDoesNotOfferItIsNotAskedAndServesOn) {
  Switching switching{false};
  switching.begin_handshake();
  Running<base::Status> writing{switching.worker(), switching.side->write(no_pieces, true)};
  ASSERT_TRUE(switching.server->until([&] { return writing.is_over(); }));
  EXPECT_FALSE(writing.result());
  const auto head = switching.head_of_answer();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind(), ErrorKind::serialization);
  EXPECT_THAT(head.error().detail(), HasSubstr("ENABLE_CONNECT_PROTOCOL"));
  EXPECT_FALSE(switching.side->has_another(head.error()));
  switching.next();
  ASSERT_TRUE(switching.connect());
  EXPECT_FALSE(switching.is_connected_to()) << "on the same connection";
  switching.begin({});
  const StreamId stream = switching.asked();
  switching.server->answer_with(stream, "200", "plain");
  ASSERT_TRUE(switching.head_of_answer());
}

TEST(AskedForWebSocket, WhoIsCancelledWhileTheOfferIsAwaitedGoesOnAtOnce) {
  Switching switching;
  switching.begin_handshake();
  Running<base::Status> writing{switching.worker(), switching.side->write(no_pieces, true)};
  switching.cancel.request(wire::CancelReason::client_disconnect);
  EXPECT_FALSE(writing.result());
}

TEST(AskedForWebSocket, AConnectionThatEndsBeforeItHasOfferedAnythingIsNoAnswer) {
  Switching switching;
  switching.begin_handshake();
  Running<base::Status> writing{switching.worker(), switching.side->write(no_pieces, true)};
  switching.far->close();
  EXPECT_FALSE(writing.result());
  Running<base::Result<const http::ResponseHead*>> reading{switching.worker(), switching.side->answer()};
  const auto head = reading.result();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind(), ErrorKind::connection_closed);
}

TEST(AskedForWebSocket, WhoAwaitsTheOfferIsCountedWithWhoAsks) {
  Switching switching;
  switching.begin_handshake();
  Running<base::Status> writing{switching.worker(), switching.side->write(no_pieces, true)};
  std::vector<std::unique_ptr<AskedUpstream>> others;
  transport::Cancel cancel;
  const exchange::UpstreamTerms terms;
  for (int i = 0; i < 99; ++i) {
    auto& other =
        others.emplace_back(std::make_unique<AskedUpstream>(switching.service(), cancel, false, switching.arena()));
    ASSERT_TRUE(gateway::testing::run(switching.worker(), other->connect(terms, switching.heard)));
    other->begin({.method = "GET", .target = "/", .fields = switching.fields, .length = {}});
    ASSERT_TRUE(gateway::testing::run(switching.worker(), other->write(no_pieces, true)));
  }
  EXPECT_FALSE(switching.is_connected_to());
  AskedUpstream last{switching.service(), cancel, false, switching.arena()};
  Running<base::Status> connecting{switching.worker(), last.connect(terms, switching.heard)};
  gateway::testing::turn_for(switching.worker(), 20ms);
  EXPECT_TRUE(switching.is_connected_to()) << "the first connection has a hundred";
  switching.cancel.request(wire::CancelReason::client_disconnect);
  EXPECT_FALSE(writing.result());
}

TEST(AskedForWebSocket, ALengthOfNothingIsNotSaid) {
  Switching switching;
  switching.fields.push_back({"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="});
  switching.side->begin({.method = "GET",
                         .target = "/chat",
                         .fields = switching.fields,
                         .length = exchange::BodyLength::of(0),
                         .wants_trailers = true,
                         .upgrade = "websocket"});
  const StreamId stream = switching.asked();
  EXPECT_THAT(switching.server->heard(stream).heads.front(), Not(HasSubstr("content-length")));
  EXPECT_THAT(switching.server->heard(stream).heads.front(), Not(HasSubstr("te=")));
}

TEST(AskedForWebSocket, SettingsThatDoNotComeInTimeAreATimeOut) {
  Switching switching{true, {.read = 50ms}};
  switching.begin_handshake();
  Running<base::Status> writing{switching.worker(), switching.side->write(no_pieces, true)};
  const base::Status written = writing.result();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::timeout);
}

TEST(AskedForWebSocket, WithoutAKeyItIsAPlainRequest) {
  for (const std::string_view key : {"short", "dGhlIHNhbXBsZSBub25jZQ=!", "dGhlIHNhbXBsZSBub25jZ Q=="}) {
    Switching switching;
    switching.begin_handshake(key);
    const StreamId stream = switching.asked();
    EXPECT_THAT(switching.server->heard(stream).heads.front(), HasSubstr(":method=GET ")) << key;
    EXPECT_TRUE(switching.server->heard(stream).has_ended);
  }
  Switching twice;
  twice.fields.push_back({"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="});
  twice.begin_handshake();
  EXPECT_THAT(twice.server->heard(twice.asked()).heads.front(), HasSubstr(":method=GET "));
}

TEST(AskedForWebSocket, ARefusalIsAnAnswerLikeAnyOtherAndEndsTheRequest) {
  Switching switching;
  switching.begin_handshake();
  const StreamId stream = switching.asked();
  switching.server->answer_with(stream, "403", "no");
  const auto head = switching.head_of_answer();
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ((*head)->status, 403);
  EXPECT_EQ(switching.read_all(), "no");
  switching.side->finish();
  ASSERT_TRUE(switching.server->until_closed(stream));
  EXPECT_EQ(switching.server->heard(stream).closed, ErrorCode::no_error);
}

TEST(AskedForWebSocket, AnySuccessIsASwitchButThoseThatNothingMayFollow) {
  for (const std::string_view status : {"200", "201", "206", "299"}) {
    Switching switching;
    switching.begin_handshake();
    switching.server->answer(switching.asked(), status);
    const auto head = switching.head_of_answer();
    ASSERT_TRUE(head) << status << ": " << head.error().message();
    EXPECT_EQ((*head)->status, 101) << status;
  }
  for (const std::string_view status : {"204", "205"}) {
    Switching switching;
    switching.begin_handshake();
    const StreamId stream = switching.asked();
    switching.server->answer(stream, status);
    const auto head = switching.head_of_answer();
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().kind(), ErrorKind::invalid_message);
    EXPECT_THAT(head.error().detail(), HasSubstr("no tunnel"));
    switching.side.reset();
    ASSERT_TRUE(switching.server->until_closed(stream));
    EXPECT_EQ(switching.server->heard(stream).closed, ErrorCode::cancel);
  }
}

// ---- the tunnel

TEST(AskedForWebSocket, BytesPassBothWaysUntilBothHaveEndedAndNothingIsReset) {
  Switching switching;
  const StreamId stream = switching.switched();
  switching.write_tunnel("up");
  switching.server->say(stream, "down");
  EXPECT_EQ(switching.read_tunnel(), "down");
  switching.server->finish(stream);
  EXPECT_EQ(switching.read_tunnel(), "") << "its end";
  switching.write_tunnel(" still");
  switching.side->tunnel_end()->shutdown_write();
  switching.side->reset(exchange::ResetCode::cancelled);  // as of every tunnel that is over
  switching.side.reset();
  ASSERT_TRUE(switching.server->until_closed(stream));
  EXPECT_EQ(switching.server->heard(stream).closed, ErrorCode::no_error);
  EXPECT_EQ(switching.server->heard(stream).body, "up still");
}

TEST(AskedForWebSocket, ATunnelThatIsCutIsReset) {
  Switching switching;
  const StreamId stream = switching.switched();
  switching.side->tunnel_end()->cut();
  ASSERT_TRUE(switching.server->until_closed(stream));
  EXPECT_EQ(switching.server->heard(stream).closed, ErrorCode::cancel);
}

TEST(AskedForWebSocket, AnUpstreamThatResetsCutsTheTunnelBehindItsBytes) {
  Switching switching;
  const StreamId stream = switching.switched();
  switching.server->say(stream, "part");
  ASSERT_TRUE(switching.server->until([&] { return switching.side->has_bytes(); }));
  switching.server->reset(stream, ErrorCode::internal_error);
  ASSERT_TRUE(switching.server->until_closed(stream));
  EXPECT_EQ(switching.read_tunnel(), "part");
  EXPECT_THAT(switching.read_tunnel(), HasSubstr("reset"));
}

TEST(AskedForWebSocket, WhoIsStoppedGoesOnAtOnce) {
  Switching switching;
  switching.switched();
  std::string into(10, '\0');
  Running<base::Result<std::size_t>> reading{switching.worker(), switching.side->tunnel_end()->read(into, {})};
  EXPECT_FALSE(reading.is_over());
  switching.side->tunnel_end()->stop();
  EXPECT_FALSE(reading.result());
}

TEST(AskedForWebSocket, AWriteWaitsForTheUpstreamsCreditAndStopsAtItsDeadline) {
  Switching switching;
  const StreamId stream = switching.switched();
  switching.server->hold(stream);
  const std::string large(2 * Http2Server::window, 'x');
  const base::Deadline soon = base::Deadline::after(switching.worker().now(), 200ms);
  Running<base::Status> writing{switching.worker(), switching.side->tunnel_end()->write(large, soon)};
  ASSERT_TRUE(switching.server->until([&] { return writing.is_over(); }));
  const base::Status written = writing.result();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::timeout);
  EXPECT_LE(switching.server->heard(stream).body.size(), Http2Server::window);
}

TEST(AskedForWebSocket, ALastWordIsHeardToItsEndWhateverFollows) {
  Switching switching;
  const StreamId stream = switching.switched();
  switching.side->tunnel_end()->write_last("bye");
  switching.side->tunnel_end()->stop();
  switching.side->tunnel_end()->cut();
  switching.side->reset(exchange::ResetCode::cancelled);
  switching.side.reset();
  ASSERT_TRUE(switching.server->until([&] { return switching.server->heard(stream).has_ended; }));
  EXPECT_EQ(switching.server->heard(stream).body, "bye");
  switching.server->settle();
  EXPECT_FALSE(switching.server->heard(stream).closed) << "the upstream may end it in its time";
  switching.server->finish(stream);
  ASSERT_TRUE(switching.server->until_closed(stream));
  EXPECT_EQ(switching.server->heard(stream).closed, ErrorCode::no_error);
}

}  // namespace
}  // namespace picket::apps::gateway::asking

#include "apps/gateway/http2/http2_connection.hpp"

#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "apps/gateway/exchange/testing/world.hpp"
#include "apps/gateway/http2/testing/http2_peer.hpp"

namespace picket::apps::gateway::http2 {
namespace {

using exchange::testing::World;
using gateway::testing::FarEnd;
using gateway::testing::Pair;
using picket::http2::ErrorCode;
using picket::http2::StreamId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A connection whose client and whose upstream are the test's.
class Connected : public ::testing::Test, private Http2Connection::Owner {
 protected:
  explicit Connected(int send_buffer = 0) {
    const int descriptor = pair_.stream.release();
    if (send_buffer != 0)
      EXPECT_EQ(::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer), 0);
    connection_.emplace(static_cast<Http2Connection::Owner&>(*this), transport::Channel{world_.worker, descriptor},
                        world_.peer, "127.0.0.1:80");
    transport::spawn(serve());
  }
  ~Connected() override {
    connection_->close();
    EXPECT_TRUE(until_over());
  }

  /// What the upstream is asked next.
  FarEnd upstream(std::string_view request_line) {
    EXPECT_TRUE(peer_.until([this] { return listener_->has_connection(); }));
    FarEnd far{world_.worker, ::dup(listener_->accept().descriptor())};
    std::string head;
    EXPECT_TRUE(peer_.until([&] { return (head += far.take()).find("\r\n\r\n") != std::string::npos; }));
    EXPECT_THAT(head, StartsWith(std::string{request_line} + " HTTP/1.1\r\n"));
    return far;
  }
  /// A request that the upstream has, and has not answered.
  std::pair<StreamId, FarEnd> asked(std::string_view path) {
    const StreamId id = peer_.get(path);
    return {id, upstream("GET " + std::string{path})};
  }
  static void refuse(const FarEnd& far) { far.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"); }
  /// A request that has its answer, and no end yet.
  StreamId answered_early() {
    const StreamId id = peer_.put("/a", "begun");
    refuse(upstream("PUT /a"));
    EXPECT_TRUE(peer_.until([&] { return peer_.heard(id).has_ended; }));
    return id;
  }
  static void answer(const FarEnd& far, std::string_view body) {
    far.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
  }
  [[nodiscard]] bool until_body(StreamId id, std::string_view body) {
    return peer_.until([&] { return peer_.heard(id).has_ended; }) && peer_.heard(id).body == body;
  }
  [[nodiscard]] bool until_over() {
    return gateway::testing::turn_until(world_.worker, [this] { return is_over_; });
  }
  /// How that ends, once the client has said what it has to say.
  [[nodiscard]] int end(const FarEnd& far) {
    peer_.settle();
    return far.end();
  }
  generation::ShardMetrics& metrics() { return world_.shard.metrics; }

 private:
  // ---- Http2Connection::Owner
  [[nodiscard]] const std::shared_ptr<generation::Service>& service() const noexcept override { return service_; }
  void on_idle() override { is_idle_ = true; }
  void on_busy() override { is_idle_ = false; }

  transport::Task<void> serve() {
    co_await connection_->serve({});
    is_over_ = true;
  }

  transport::Endpoint endpoint_ = gateway::testing::free_endpoint();

 protected:
  static constexpr std::chrono::milliseconds request_timeout{1'500};
  World world_{{},
               World::asked_about_requests,
               {endpoint_},
               {.id = "app"},
               {{.id = "clients", .host = "127.0.0.1", .port = 80, .request_timeout = request_timeout}}};
  Pair pair_{world_.worker};
  testing::Http2Peer peer_{world_.worker, pair_.far};
  std::optional<Http2Connection> connection_;
  bool is_idle_ = false;
  bool is_over_ = false;

 private:
  std::shared_ptr<generation::Service> service_ = world_.shared_service();
  std::optional<transport::testing::RawListener> listener_{std::in_place, endpoint_, &world_.worker};
};

TEST_F(Connected, ARequestIsServedAndAnswered) {
  EXPECT_TRUE(is_idle_);
  auto [id, far] = asked("/a");
  EXPECT_FALSE(is_idle_);
  answer(far, "hello");
  EXPECT_TRUE(until_body(id, "hello"));
  EXPECT_THAT(peer_.heard(id).heads, ElementsAre(HasSubstr(":status=200")));
  EXPECT_EQ(peer_.heard(id).closed, ErrorCode::no_error);
  EXPECT_TRUE(is_idle_);
  EXPECT_EQ(metrics().http2.streams.value(), 1U);
  EXPECT_EQ(metrics().http2.streams_cut.value(), 0U);
}

TEST_F(Connected, AStalledStreamAndOneThatIsResetHoldNoOtherUp) {
  const auto [stalled, stalled_far] = asked("/stalled");
  const auto [reset, reset_far] = asked("/reset");
  const auto [other, other_far] = asked("/other");
  peer_.hold(stalled);
  const std::string large(2 * testing::Http2Peer::window, 'x');
  stalled_far.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n");
  std::size_t sent = 0;
  EXPECT_TRUE(peer_.until([&] {
    sent += stalled_far.send_some(std::string_view{large}.substr(sent));
    return peer_.heard(stalled).body.size() == testing::Http2Peer::window;
  }));
  peer_.reset(reset);
  EXPECT_EQ(end(reset_far), 0) << "nobody wants what it would answer";
  answer(other_far, "other");
  EXPECT_TRUE(until_body(other, "other"));
  EXPECT_EQ(peer_.heard(stalled).body.size(), testing::Http2Peer::window);
  peer_.release(stalled);
  EXPECT_TRUE(peer_.until([&] {
    sent += stalled_far.send_some(std::string_view{large}.substr(sent));
    return peer_.heard(stalled).has_ended;
  }));
  EXPECT_EQ(peer_.heard(stalled).body.size(), large.size());
  EXPECT_EQ(metrics().http2.streams_cut.value(), 1U);
}

TEST_F(Connected, ARequestThatIsTakenBackWithTheReadThatBroughtItAsksNobody) {
  const StreamId id = peer_.get("/a");
  peer_.write();
  peer_.reset(id);
  EXPECT_TRUE(peer_.until([&] { return metrics().http2.streams_cut.value() == 1; }));
  const auto [next, far] = asked("/b");
  answer(far, "b");
  EXPECT_TRUE(until_body(next, "b"));
  EXPECT_EQ(metrics().requests_by_class[0].value(), 1U);
}

TEST_F(Connected, AHeadOverTheLimitIsToldSoAndTheNextOneIsServed) {
  const std::string large(40'000, 'x');
  const StreamId id = peer_.get("/a", {{"x-large", large}});
  EXPECT_TRUE(peer_.until_closed(id));
  EXPECT_THAT(peer_.heard(id).heads, ElementsAre(HasSubstr(":status=431")));
  const auto [next, far] = asked("/b");
  answer(far, "b");
  EXPECT_TRUE(until_body(next, "b"));
}

TEST_F(Connected, AnAnswerBeforeTheEndOfTheBodyIsWholeAndTheRestIsNotWanted) {
  const StreamId id = peer_.put("/a", "begun");
  const FarEnd far = upstream("PUT /a");
  far.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(until_body(id, "no"));
  EXPECT_TRUE(peer_.until_closed(id));
  EXPECT_EQ(peer_.heard(id).closed, ErrorCode::no_error) << "RFC 9113 §8.1";
  EXPECT_EQ(metrics().http2.streams_cut.value(), 0U);
}

TEST_F(Connected, AnAnswerBeforeTheEndOfTheBodyIsReadBeforeTheResetBehindIt) {
  const StreamId id = answered_early();
  EXPECT_FALSE(peer_.heard(id).closed) << "curl 7.88 drops an answer that comes in one read with it";
  EXPECT_TRUE(peer_.until_closed(id));
  EXPECT_EQ(peer_.heard(id).closed, ErrorCode::no_error);
}

TEST_F(Connected, EachEarlyAnswerHasItsOwnTimeUntilTheReset) {
  const StreamId first = peer_.put("/a", "begun");
  const StreamId second = peer_.put("/b", "begun");
  const FarEnd far = upstream("PUT /a");
  const FarEnd other = upstream("PUT /b");
  refuse(far);
  EXPECT_TRUE(peer_.until([&] { return peer_.heard(first).has_ended; }));
  transport::testing::turn_for(world_.worker, std::chrono::milliseconds{30});
  const base::TimePoint answered = base::Clock::now();
  refuse(other);
  EXPECT_TRUE(peer_.until_closed(first));
  EXPECT_TRUE(peer_.until_closed(second));
  EXPECT_GE(base::Clock::now() - answered, std::chrono::milliseconds{49});
}

TEST_F(Connected, AnEarlyAnswerOnAConnectionThatEndsIsReadBeforeTheResetBehindItToo) {
  const StreamId id = peer_.put("/a", "begun");
  const FarEnd far = upstream("PUT /a");
  connection_->drain();
  refuse(far);
  EXPECT_TRUE(peer_.until([&] { return peer_.heard(id).has_ended; }));
  EXPECT_FALSE(peer_.heard(id).closed);
  EXPECT_TRUE(peer_.until_closed(id));
  EXPECT_EQ(peer_.heard(id).closed, ErrorCode::no_error);
  EXPECT_TRUE(until_over());
}

TEST_F(Connected, ADrainBehindAnEarlyAnswerWaitsForWhatItsClientIsToBeTold) {
  const StreamId id = answered_early();
  connection_->drain();
  EXPECT_FALSE(peer_.heard(id).closed);
  EXPECT_TRUE(peer_.until_closed(id));
  EXPECT_EQ(peer_.heard(id).closed, ErrorCode::no_error);
  EXPECT_TRUE(until_over());
}

TEST_F(Connected, AClientThatGivesItsBodyUpCostsTheUpstreamsConnectionOnly) {
  const StreamId id = peer_.put("/a", "begun");
  const FarEnd far = upstream("PUT /a");
  peer_.reset(id);
  EXPECT_EQ(end(far), 0);
  const auto [next, next_far] = asked("/b");
  answer(next_far, "b");
  EXPECT_TRUE(until_body(next, "b"));
}

TEST_F(Connected, AnUpstreamThatBreaksOffShowsAsAStreamThatIsReset) {
  auto [id, far] = asked("/a");
  far.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
  EXPECT_TRUE(peer_.until([&] { return peer_.heard(id).body == "begun"; }));
  far.close();
  EXPECT_TRUE(peer_.until_closed(id));
  EXPECT_NE(peer_.heard(id).closed, ErrorCode::no_error);
  EXPECT_FALSE(peer_.heard(id).has_ended);
  EXPECT_FALSE(is_over_);
}

// ---- the end of the connection

TEST_F(Connected, ADrainLetsWhatIsUnderWayComeToItsEnd) {
  const auto [id, far] = asked("/a");
  connection_->drain();
  EXPECT_TRUE(peer_.until([&] { return peer_.last_served() == id; }));
  EXPECT_FALSE(is_over_);
  answer(far, "hello");
  EXPECT_TRUE(until_body(id, "hello"));
  EXPECT_EQ(end(pair_.far), 0);
  pair_.far.close();
  EXPECT_TRUE(until_over());
}

TEST_F(Connected, ADrainEndsAConnectionThatHasNothingToDo) {
  connection_->drain();
  EXPECT_TRUE(peer_.until([&] { return peer_.last_served() == 0; }));
  EXPECT_FALSE(is_idle_) << "it is not there to be closed for another one's sake any more";
  pair_.far.close();
  EXPECT_TRUE(until_over());
}

TEST_F(Connected, WhatIsUnderWayHearsThatTheClientHasLeft) {
  const auto [id, far] = asked("/a");
  const StreamId idle = peer_.put("/b", "begun");
  const FarEnd other = upstream("PUT /b");
  EXPECT_NE(id, idle);
  pair_.far.close();
  EXPECT_TRUE(until_over());
  EXPECT_EQ(far.end(), 0);
  EXPECT_EQ(other.end(), 0);
  EXPECT_EQ(metrics().requests_by_class[0].value(), 2U);
}

/// HEADERS behind which CONTINUATION is to come: ":method: GET".
std::string half_a_head(StreamId id) { return {0, 0, 1, 1, 1, 0, 0, 0, static_cast<char>(id), '\x82'}; }

TEST_F(Connected, AHeadThatDoesNotGoOnEndsTheConnectionThoughAnotherStreamIsUnderWay) {
  const auto [id, far] = asked("/long");
  far.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
  EXPECT_TRUE(peer_.until([&] { return peer_.heard(id).body == "begun"; }));
  const auto began = base::Clock::now();
  pair_.far.send(half_a_head(id + 2));
  EXPECT_TRUE(until_over());
  EXPECT_GE(base::Clock::now() - began, request_timeout);
  EXPECT_EQ(far.end(), 0) << "its client is gone";
}

TEST_F(Connected, AHeadThatComesWholeBesideAnotherStreamIsForgotten) {
  const auto [id, far] = asked("/long");
  far.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun");
  EXPECT_TRUE(peer_.until([&] { return peer_.heard(id).body == "begun"; }));
  const auto [next, next_far] = asked("/b");
  const StreamId malformed = peer_.get("/c", {{"connection", "close"}});
  EXPECT_TRUE(peer_.until_closed(malformed));
  answer(next_far, "b");
  EXPECT_TRUE(until_body(next, "b"));
  gateway::testing::turn_for(world_.worker, 2 * request_timeout);
  far.send("ends");
  EXPECT_TRUE(until_body(id, "begunends"));
  EXPECT_FALSE(is_over_);
}

TEST_F(Connected, AnAbortEndsWhatIsUnderWay) {
  const auto [id, far] = asked("/a");
  connection_->abort();
  EXPECT_TRUE(until_over());
  EXPECT_EQ(far.end(), 0);
}

/// Little of an answer is taken at once.
class Narrow : public Connected {
 protected:
  Narrow() : Connected(4096) {}
};

TEST_F(Narrow, AnAnswerWhoseEndStandsInAFrameIsNoneThatItsClientHasLeft) {
  const auto [id, far] = asked("/a");
  peer_.read(false);
  const std::string body(40'000, 'x');
  answer(far, body);
  gateway::testing::turn_for(world_.worker, std::chrono::milliseconds{20});
  EXPECT_EQ(metrics().requests_by_class[2].value(), 0U) << "some of it is still to be written";
  peer_.read(true);
  EXPECT_TRUE(until_body(id, body));
  EXPECT_TRUE(peer_.until([&] { return is_idle_; }));
  EXPECT_EQ(metrics().response_bytes.value(), body.size()) << "it was taken for one that was given up";
  EXPECT_EQ(metrics().http2.streams_cut.value(), 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::http2

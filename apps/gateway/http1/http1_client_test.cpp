#include "apps/gateway/http1/http1_client.hpp"

#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/world.hpp"
#include "apps/gateway/testing/loop.hpp"

namespace picket::apps::gateway::http1 {
namespace {

using namespace std::chrono_literals;
using exchange::BodyLength;
using testing::Pair;
using testing::run;
using testing::Running;
using testing::turn_until;

constexpr BodyLength unknown{.kind = BodyLength::Kind::unknown};
const http::RequestHead get{.method = "GET", .target = "/"};
const http::RequestHead get_by_http_10{.method = "GET", .target = "/", .version = 10, .keep_alive = false};

/// One request of a client whose end the test holds. Who brings a pair of its own resets the side before it goes.
class Client : public ::testing::Test {
 protected:
  Http1Client& asks(const http::RequestHead& request) { return asks(request, pair_); }
  Http1Client& asks(const http::RequestHead& request, Pair& pair) {
    side_.emplace(world_.service(), pair.stream, buffered_, request);
    side_->on_gone([this] { ++gone_; });
    return *side_;
  }
  void begin(std::uint16_t status, BodyLength length, bool is_last = false) {
    side_->begin(
        {.status = status, .reason = {}, .fields = fields_, .length = length, .is_last_of_connection = is_last});
  }
  base::Status write(std::string_view bytes, bool last) { return run(world_.worker, side_->write(bytes, last)); }
  base::Result<std::size_t> read(std::span<char> into) { return run(world_.worker, side_->read(into, late())); }
  static base::Deadline late() { return base::Deadline{base::Clock::now() + 20s}; }

  exchange::testing::World world_;
  Pair pair_{world_.worker};
  base::Buffer buffered_;
  base::Arena arena_;
  http::FieldList fields_{arena_};
  int gone_ = 0;
  std::optional<Http1Client> side_;
};

// ---- the answer

TEST_F(Client, TheHeadWaitsForTheFirstBytesAndLeavesWithThem) {
  asks(get);
  fields_.push_back({"X-A", "1"});
  begin(200, BodyLength::of(3));
  EXPECT_FALSE(pair_.far.has_input());
  EXPECT_TRUE(write("abc", true));
  pair_.far.expect("HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_FALSE(pair_.far.has_input());
  EXPECT_TRUE(side_->keeps_alive());
}

TEST_F(Client, AHeadThatHasNotLeftIsReplaced) {
  asks(get);
  begin(200, BodyLength::of(3));
  begin(502, BodyLength::of(2));
  EXPECT_TRUE(write("no", true));
  pair_.far.expect("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno");
}

TEST_F(Client, ABodyOfUnknownLengthGoesInChunks) {
  asks(get);
  begin(200, unknown);
  EXPECT_TRUE(write("abc", false));
  pair_.far.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(write("de", true));
  pair_.far.expect("2\r\nde\r\n0\r\n\r\n");
}

TEST_F(Client, ABodyOfAnotherLengthThanItsHeadSaysIsCut) {
  for (const std::string_view body : {"abcd", "ab"}) {
    Pair pair{world_.worker};
    asks(get, pair);
    begin(200, BodyLength::of(3));
    EXPECT_FALSE(write(body, true));
    EXPECT_EQ(pair.far.end(), 0) << "nothing of it has left";
    side_.reset();
  }
}

TEST_F(Client, OfHttp10GetsABodyOfUnknownLengthUpToTheEndOfTheConnection) {
  http::RequestHead request = get_by_http_10;
  request.keep_alive = true;
  asks(request);
  begin(200, unknown);
  EXPECT_TRUE(write("abc", true));
  pair_.far.expect("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  EXPECT_FALSE(side_->keeps_alive());
}

TEST_F(Client, TheConnectionTakesAnotherRequestWhereNothingSpeaksAgainstIt) {
  struct Case {
    std::string_view what;
    int version = 11;
    bool keep_alive = true;
    bool has_unread_body = false;
    bool is_last = false;
    std::string_view says;
  };
  for (const Case& each : {Case{.what = "1.1"}, Case{.what = "1.0 that asks", .version = 10, .says = "keep-alive"},
                           Case{.what = "1.1 that does not", .keep_alive = false, .says = "close"},
                           Case{.what = "a body that nobody has read", .has_unread_body = true, .says = "close"},
                           Case{.what = "the gateway drains", .is_last = true, .says = "close"}}) {
    SCOPED_TRACE(each.what);
    const http::RequestHead request{.method = "PUT",
                                    .target = "/",
                                    .version = each.version,
                                    .framing = each.has_unread_body ? http::Framing::length : http::Framing::none,
                                    .content_length = each.has_unread_body ? 5U : 0U,
                                    .keep_alive = each.keep_alive};
    asks(request);
    begin(204, {}, each.is_last);
    EXPECT_TRUE(write({}, true));
    const std::string says = each.says.empty() ? std::string{} : "Connection: " + std::string{each.says} + "\r\n";
    pair_.far.expect("HTTP/1.1 204 No Content\r\n" + says + "\r\n");
    EXPECT_EQ(side_->keeps_alive(), each.says != "close");
  }
}

TEST_F(Client, InterimAnswersLeaveAtOnceAndNeverToHttp10) {
  asks(get).interim(103, {}, fields_);
  pair_.far.expect("HTTP/1.1 103 Early Hints\r\n\r\n");
  asks(get_by_http_10).interim(103, {}, fields_);
  begin(204, {});
  EXPECT_TRUE(write({}, true));
  pair_.far.expect("HTTP/1.1 204");
}

TEST_F(Client, WhatIsNotTakenOfAnInterimAnswerLeavesBeforeTheHeadWhicheverThatIs) {
  asks(get);
  std::size_t filled = 0;
  const std::string large(64 * 1024, 'x');
  for (const std::string_view bytes : {std::string_view{large}, std::string_view{"x"}}) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    for (std::size_t size = 1; size != 0; filled += size) size = pair_.stream.write_now({&part, 1}).value();
  }
  side_->interim(103, {}, fields_);
  begin(200, BodyLength::of(3));
  begin(502, BodyLength::of(2));
  Running<base::Status> writing{world_.worker, side_->write("no", true)};
  EXPECT_EQ(pair_.far.receive(filled).size(), filled);
  pair_.far.expect("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(writing.result());
  EXPECT_FALSE(pair_.far.has_input());
}

TEST_F(Client, WhoTakesNothingHasTheTimeOfAWrite) {
  world_.service().timeouts.write = 20ms;
  asks(get);
  begin(200, unknown);
  const auto written = write(std::string(4 << 20, 'x'), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), base::ErrorKind::timeout);
}

TEST_F(Client, SeesThatAnAnswerIsNotWhole) {
  for (const BodyLength& length : {BodyLength::of(5), unknown}) {
    Pair pair = Pair::tcp(world_.worker);
    asks(get, pair);
    begin(200, length);
    EXPECT_TRUE(write("abc", false));
    side_->reset(exchange::ResetCode::broken);
    EXPECT_EQ(pair.far.receive(1000).find("0\r\n\r\n"), std::string::npos);
    EXPECT_EQ(pair.far.end(), 0);
    side_.reset();
  }
}

TEST_F(Client, OfHttp10SeesAResetWhereAnAnswerIsNotWholeAndTheEndWhereItIs) {
  for (const bool is_whole : {false, true}) {
    Pair pair = Pair::tcp(world_.worker);
    asks(get_by_http_10, pair);
    begin(200, unknown);
    EXPECT_TRUE(write("abc", is_whole));
    is_whole ? pair.stream.close() : side_->reset(exchange::ResetCode::broken);
    EXPECT_EQ(pair.far.end(), is_whole ? 0 : ECONNRESET);
    side_.reset();
  }
}

// ---- the request's body

http::RequestHead put(std::uint64_t length) {
  return {.method = "PUT", .target = "/", .framing = http::Framing::length, .content_length = length};
}

TEST_F(Client, WhatIsNotAskedForIsNotTaken) {
  const http::RequestHead request = put(100 << 20);
  asks(request);
  EXPECT_GT(pair_.far.fill(), 0U);
  testing::turn_for(world_.worker, 20ms);
  EXPECT_EQ(pair_.far.fill(), 0U) << "it was read although nobody asked";
  std::string memory(1000, '\0');
  EXPECT_EQ(read(memory).value(), memory.size());
  EXPECT_TRUE(buffered_.empty()) << "more was read than was asked for";
  EXPECT_FALSE(side_->body_is_read());
}

TEST_F(Client, ABodyEndsWhereItsLengthSaysAndTheNextRequestStays) {
  const http::RequestHead request = put(5);
  buffered_.append("abc");
  asks(request);
  EXPECT_FALSE(side_->body_has_come());
  pair_.send("deGET /next");
  std::string memory(100, '\0');
  EXPECT_EQ(read(memory).value(), 3U);
  EXPECT_EQ(read(memory).value(), 2U);
  EXPECT_EQ(memory.substr(0, 2), "de");
  EXPECT_TRUE(side_->body_is_read());
  EXPECT_EQ(read(memory).value(), 0U);
  begin(204, {});
  EXPECT_TRUE(side_->keeps_alive());
}

TEST_F(Client, ABodyThatHasComeIsTakenFromWhereItLies) {
  const http::RequestHead request = put(3);
  buffered_.append("abcGET /next");
  const char* const at = buffered_.data();
  asks(request);
  EXPECT_TRUE(side_->body_has_come());
  const auto whole = side_->take_whole();
  ASSERT_TRUE(whole);
  EXPECT_EQ(base::as_text(whole->view()), "abc");
  EXPECT_EQ(base::as_text(whole->view()).data(), at);
  EXPECT_TRUE(side_->body_is_read());
}

// ---- who stops, and who leaves

TEST_F(Client, WhatIsAwaitedCanBeStoppedAndOtherOperationsFollow) {
  const http::RequestHead request = put(3);
  asks(request);
  std::string memory(100, '\0');
  Running<base::Result<std::size_t>> reading{world_.worker, side_->read(memory, late())};
  EXPECT_FALSE(reading.is_over());
  side_->stop();
  EXPECT_EQ(reading.result().error().kind(), base::ErrorKind::connection_closed);
  pair_.send("abc");
  EXPECT_EQ(read(memory).value(), 3U);
  begin(204, {});
  EXPECT_TRUE(write({}, true));
  pair_.far.expect("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(gone_, 0);
}

TEST_F(Client, WhoLeavesWhileNobodyReadsIsNoticed) {
  Pair pair = Pair::tcp(world_.worker);
  asks(get, pair);
  pair.far.reset();
  EXPECT_TRUE(turn_until(world_.worker, [&] { return gone_ == 1; }));
  side_.reset();
}

TEST_F(Client, WhoLeavesBetweenTwoReadsIsNoticed) {
  const http::RequestHead request = put(10);
  Pair pair = Pair::tcp(world_.worker);
  asks(request, pair);
  pair.send("abc");
  std::string memory(3, '\0');
  EXPECT_EQ(read(memory).value(), 3U);
  pair.far.reset();
  EXPECT_TRUE(turn_until(world_.worker, [&] { return gone_ == 1; }));
  side_.reset();
}

TEST_F(Client, WhoLeavesBetweenTwoWritesIsNoticed) {
  Pair pair = Pair::tcp(world_.worker);
  asks(get, pair);
  begin(200, unknown);
  EXPECT_TRUE(write("abc", false));
  pair.far.reset();
  EXPECT_TRUE(turn_until(world_.worker, [&] { return gone_ == 1; }));
  side_.reset();
}

}  // namespace
}  // namespace picket::apps::gateway::http1

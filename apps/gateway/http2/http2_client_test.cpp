#include "apps/gateway/http2/http2_client.hpp"

#include <map>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/world.hpp"
#include "apps/gateway/http2/testing/http2_peer.hpp"

namespace picket::apps::gateway::http2 {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using exchange::BodyLength;
using gateway::testing::Pair;
using gateway::testing::run;
using gateway::testing::Running;
using picket::http2::ErrorCode;
using picket::http2::StreamId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr BodyLength unknown{.kind = BodyLength::Kind::unknown};
// What RFC 9113 §6.9.2 gives a stream before anybody says otherwise.
constexpr std::size_t window = 65'535;

/// The sides of all streams of one connection, without anybody who serves them.
class Sides final : public transport::Http2Link::Owner {
 public:
  Sides(generation::Service& service, Pair& pair)
      : service_(service),
        link_(std::make_shared<transport::Http2Link>(
            transport::Channel{service.worker, pair.stream.release()}, picket::http2::Role::server,
            picket::http2::Limits{.stream_window = window, .frame_size = 16'384, .queued = 64 * 1024},
            static_cast<transport::Http2Link::Owner&>(*this))) {
    link_->serve();
  }
  Sides(const Sides&) = delete;
  Sides& operator=(const Sides&) = delete;
  ~Sides() { link_->close(); }

  [[nodiscard]] bool has(StreamId id) const { return sides_.contains(id); }
  [[nodiscard]] Http2Client& of(StreamId id) { return *sides_.at(id); }

 private:
  void on_connected() override {}
  void on_head(StreamId id, picket::http2::HeadKind, base::Headers fields, bool ends) override {
    auto& side = sides_[id] = std::make_unique<Http2Client>(service_, *link_, id);
    EXPECT_FALSE(side->take_head(fields, ends));
  }
  void on_data(StreamId id, std::string_view bytes) override { (void)of(id).take_data(bytes); }
  void on_end(StreamId id) override { of(id).take_end(); }
  void on_sent(StreamId id) override { of(id).answer_is_sent(); }
  void on_cut(StreamId id) override { lose(id); }
  void on_closed(StreamId id, ErrorCode) override { lose(id); }
  void on_goaway(StreamId, ErrorCode, std::string_view) override {}
  void on_over(const base::Error&) override {
    for (const auto& [id, side] : sides_) side->lose();
  }
  void lose(StreamId id) {
    if (!of(id).is_sent()) of(id).lose();
  }

  generation::Service& service_;
  std::shared_ptr<transport::Http2Link> link_;
  std::map<StreamId, std::unique_ptr<Http2Client>> sides_;
};

/// Requests of a client whose end the test holds.
class Http2Side : public ::testing::Test {
 protected:
  Http2Client& get() {
    stream_ = peer_.get("/");
    return came();
  }
  Http2Client& put(std::string_view body) {
    stream_ = peer_.put("/", body);
    return came();
  }
  Http2Client& came() {
    EXPECT_TRUE(peer_.until([this] { return sides_.has(stream_); }));
    Http2Client& side = sides_.of(stream_);
    side.on_gone([this] { ++gone_; });
    return side;
  }
  void begin(Http2Client& side, std::uint16_t status, BodyLength length) {
    side.begin({.status = status, .reason = {}, .fields = fields_, .length = length});
  }
  base::Status write(Http2Client& side, std::string_view bytes, bool last) {
    return run(world_.worker, side.write(bytes, last));
  }
  /// Begins an answer that its client gives no more credit for.
  void fill_window(Http2Client& side) {
    peer_.hold(stream_);
    begin(side, 200, unknown);
    const std::string all(testing::Http2Peer::window, 'x');
    Running<base::Status> writing{world_.worker, side.write(all, false)};
    EXPECT_TRUE(peer_.until([&] { return writing.is_over(); }));
  }
  base::Result<std::size_t> read(Http2Client& side, std::span<char> into) {
    return run(world_.worker, side.read(into, late()));
  }
  /// All of the body; the client sends on meanwhile.
  std::string read_all(Http2Client& side) {
    std::string all;
    std::string memory(10'000, '\0');
    while (!side.body_is_read()) {
      const auto size = read(side, memory);
      if (!size || *size == 0) break;
      all.append(memory, 0, *size);
      peer_.settle();
    }
    return all;
  }
  const gateway::testing::OnStream& answer() { return peer_.heard(stream_); }
  [[nodiscard]] bool until_ended() {
    return peer_.until([this] { return answer().has_ended; });
  }
  static base::Deadline late() { return base::Deadline{base::Clock::now() + 20s}; }

  exchange::testing::World world_;
  Pair pair_{world_.worker};
  testing::Http2Peer peer_{world_.worker, pair_.far};
  Sides sides_{world_.service(), pair_};
  base::Arena arena_;
  http::FieldList fields_{arena_};
  StreamId stream_ = 0;
  int gone_ = 0;
};

// ---- the answer

TEST_F(Http2Side, TheHeadWaitsForTheFirstBytesAndLeavesWithThem) {
  Http2Client& side = get();
  EXPECT_EQ(side.request().method, "GET");
  fields_.push_back({"X-A", "1"});
  fields_.push_back({"Connection", "x-a"});
  begin(side, 200, BodyLength::of(3));
  peer_.settle();
  EXPECT_THAT(answer().heads, IsEmpty());
  EXPECT_TRUE(write(side, "abc", true));
  EXPECT_TRUE(until_ended());
  EXPECT_THAT(answer().heads, ElementsAre(":status=200 x-a=1 content-length=3"));
  EXPECT_EQ(answer().body, "abc");
  EXPECT_EQ(answer().closed, ErrorCode::no_error);
  EXPECT_EQ(gone_, 0) << "a stream that has come to its end is no client that has left";
}

TEST_F(Http2Side, AHeadThatHasNotLeftIsReplaced) {
  Http2Client& side = get();
  begin(side, 200, BodyLength::of(3));
  begin(side, 502, BodyLength::of(2));
  EXPECT_TRUE(write(side, "no", true));
  EXPECT_TRUE(until_ended());
  EXPECT_THAT(answer().heads, ElementsAre(":status=502 content-length=2"));
}

TEST_F(Http2Side, AnAnswerWithoutABodyEndsWithItsHead) {
  Http2Client& side = get();
  begin(side, 204, {});
  EXPECT_TRUE(write(side, {}, true));
  EXPECT_TRUE(until_ended());
  EXPECT_THAT(answer().heads, ElementsAre(":status=204"));
}

TEST_F(Http2Side, ABodyOfUnknownLengthEndsWhereItIsSaidTo) {
  Http2Client& side = get();
  begin(side, 200, unknown);
  EXPECT_TRUE(write(side, "abc", false));
  EXPECT_TRUE(peer_.until([&] { return answer().body == "abc"; }));
  EXPECT_FALSE(answer().has_ended);
  EXPECT_TRUE(write(side, "de", true));
  EXPECT_TRUE(until_ended());
  EXPECT_EQ(answer().body, "abcde");
}

TEST_F(Http2Side, InterimAnswersLeaveAtOnceUntilTheHeadWaits) {
  Http2Client& side = get();
  side.interim(103, {}, fields_);
  EXPECT_TRUE(peer_.until([&] { return answer().heads.size() == 1; }));
  begin(side, 204, {});
  side.interim(103, {}, fields_);
  EXPECT_TRUE(write(side, {}, true));
  EXPECT_TRUE(until_ended());
  EXPECT_THAT(answer().heads, ElementsAre(":status=103", ":status=204"));
}

TEST_F(Http2Side, WhoGivesNoCreditHasTheTimeOfAWriteAndLosesItsStreamOnly) {
  Http2Client& side = get();
  fill_window(side);
  world_.service().timeouts.write = 20ms;
  EXPECT_EQ(write(side, "more", true).error().kind(), ErrorKind::timeout);
  EXPECT_FALSE(side.is_stuck()) << "what stood in frames was read";
  EXPECT_TRUE(peer_.until_closed(stream_));
  EXPECT_EQ(answer().closed, ErrorCode::cancel);
  Http2Client& next = get();
  begin(next, 204, {});
  EXPECT_TRUE(write(next, {}, true));
}

TEST_F(Http2Side, WhoReadsNothingOfTheConnectionIsStuckAndWhatWasPromisedStaysReadable) {
  world_.service().timeouts.write = 500ms;  // in which a busy machine fills the kernel's buffers, too
  Http2Client& side = get();
  peer_.read(false);
  begin(side, 200, unknown);
  auto large = std::make_unique<std::string>(900 * 1024, 'x');
  EXPECT_EQ(write(side, *large, false).error().kind(), ErrorKind::timeout);
  EXPECT_TRUE(side.is_stuck());
  large.reset();
  peer_.read(true);
  EXPECT_TRUE(peer_.until_closed(stream_));
  EXPECT_EQ(answer().body.find_first_not_of('x'), std::string::npos);
  EXPECT_FALSE(answer().has_ended);
}

TEST_F(Http2Side, SeesThatAnAnswerIsNotWhole) {
  for (const auto& [code, seen] : {std::pair{exchange::ResetCode::broken, ErrorCode::internal_error},
                                   std::pair{exchange::ResetCode::cancelled, ErrorCode::cancel}}) {
    Http2Client& side = get();
    begin(side, 200, BodyLength::of(5));
    EXPECT_TRUE(write(side, "abc", false));
    side.reset(code);
    EXPECT_TRUE(peer_.until_closed(stream_));
    EXPECT_EQ(answer().closed, seen);
    EXPECT_FALSE(answer().has_ended);
  }
}

// ---- the request's body

TEST_F(Http2Side, TheClientMaySendAsMuchAsWasRead) {
  Http2Client& side = put(std::string(3 * window, 'x'));
  EXPECT_TRUE(peer_.until([&] { return peer_.unsent(stream_) == 2 * window; }));
  peer_.settle();
  EXPECT_EQ(peer_.unsent(stream_), 2 * window) << "credit was given for what nobody has read";
  std::string memory(window, '\0');
  EXPECT_EQ(read(side, memory).value(), window);
  EXPECT_TRUE(peer_.until([&] { return peer_.unsent(stream_) == window; }));
  peer_.finish(stream_);
  EXPECT_EQ(read_all(side).size(), 2 * window);
  EXPECT_TRUE(side.body_is_read());
  EXPECT_EQ(read(side, memory).value(), 0U);
}

TEST_F(Http2Side, AStreamThatNobodyReadsHoldsNoOtherUp) {
  (void)put(std::string(2 * window, 'x'));
  const StreamId stalled = stream_;
  Http2Client& other = put("abc");
  peer_.finish(stream_);
  EXPECT_EQ(read_all(other), "abc");
  EXPECT_GT(peer_.unsent(stalled), 0U);
}

TEST_F(Http2Side, ASmallBodyThatHasComeIsTakenFromWhereItLies) {
  Http2Client& side = put("abc");
  EXPECT_FALSE(side.take_whole()) << "its end has not come";
  peer_.finish(stream_);
  EXPECT_TRUE(peer_.until([&] { return side.body_has_come(); }));
  const auto whole = side.take_whole();
  ASSERT_TRUE(whole);
  EXPECT_EQ(base::as_text(whole->view()), "abc");
  EXPECT_TRUE(side.body_is_read());
}

TEST_F(Http2Side, ABodyThatThereIsNoPlaceForCostsItsStream) {
  world_.worker.blocks().set_budget(2);
  Http2Client& side = put("");
  peer_.say(stream_, "abc");
  EXPECT_TRUE(peer_.until_closed(stream_));
  EXPECT_EQ(answer().closed, ErrorCode::enhance_your_calm);
  std::string memory(10, '\0');
  EXPECT_EQ(read(side, memory).error().kind(), ErrorKind::connection_closed);
  EXPECT_EQ(gone_, 1);
  EXPECT_EQ(world_.worker.blocks().held(), 0U);
}

TEST_F(Http2Side, WhatComesBehindTheExchangeGoesNowhereAndIsPaidBack) {
  Http2Client& side = put(std::string(window, 'x'));
  EXPECT_TRUE(peer_.until([&] { return peer_.unsent(stream_) == 0; }));
  peer_.settle();
  EXPECT_EQ(world_.worker.blocks().held(), window);
  side.discard();
  EXPECT_EQ(world_.worker.blocks().held(), 0U);
  peer_.say(stream_, std::string(3 * window, 'x'));
  peer_.finish(stream_);
  EXPECT_TRUE(peer_.until([&] { return side.body_has_come(); }));
  EXPECT_EQ(world_.worker.blocks().held(), 0U);
}

// ---- who stops, and who leaves

TEST_F(Http2Side, AReadEndsWithItsDeadline) {
  Http2Client& side = put("");
  std::string memory(10, '\0');
  const auto got = run(world_.worker, side.read(memory, base::Deadline{base::Clock::now() + 20ms}));
  EXPECT_EQ(got.error().kind(), ErrorKind::timeout);
}

TEST_F(Http2Side, WhatIsAwaitedCanBeStoppedAndOtherOperationsFollow) {
  Http2Client& side = put("");
  std::string memory(10, '\0');
  Running<base::Result<std::size_t>> reading{world_.worker, side.read(memory, late())};
  EXPECT_FALSE(reading.is_over());
  side.stop();
  EXPECT_EQ(reading.result().error().kind(), ErrorKind::connection_closed);
  peer_.say(stream_, "abc");
  peer_.settle();
  EXPECT_EQ(read(side, memory).value(), 3U);
  EXPECT_EQ(gone_, 0);
}

TEST_F(Http2Side, AWriteThatIsStoppedEndsTheStream) {
  Http2Client& side = get();
  fill_window(side);
  Running<base::Status> writing{world_.worker, side.write("more", true)};
  peer_.settle();
  EXPECT_FALSE(writing.is_over());
  side.stop();
  EXPECT_EQ(writing.result().error().kind(), ErrorKind::connection_closed);
  EXPECT_FALSE(side.is_stuck());
  EXPECT_TRUE(peer_.until_closed(stream_));
}

TEST_F(Http2Side, WhoResetsItsRequestWhileNobodyReadsIsNoticedOnce) {
  Http2Client& side = put("abc");
  peer_.reset(stream_);
  EXPECT_TRUE(peer_.until([&] { return gone_ == 1; }));
  begin(side, 200, unknown);
  EXPECT_EQ(write(side, "abc", true).error().kind(), ErrorKind::connection_closed);
  side.lose();
  EXPECT_EQ(gone_, 1);
}

TEST_F(Http2Side, WhatHadComeIsReadThoughItsClientHasLeft) {
  Http2Client& side = put("abc");
  peer_.settle();
  peer_.reset(stream_);
  EXPECT_TRUE(peer_.until([&] { return gone_ == 1; }));
  std::string memory(10, '\0');
  EXPECT_EQ(read(side, memory).value(), 3U);
  EXPECT_EQ(read(side, memory).error().kind(), ErrorKind::connection_closed);
}

TEST_F(Http2Side, WhoResetsInMidBodyEndsTheRead) {
  Http2Client& side = put("abc");
  peer_.settle();
  std::string memory(10, '\0');
  EXPECT_EQ(read(side, memory).value(), 3U);
  Running<base::Result<std::size_t>> reading{world_.worker, side.read(memory, late())};
  EXPECT_FALSE(reading.is_over());
  peer_.reset(stream_);
  EXPECT_TRUE(peer_.until([&] { return reading.is_over(); }));
  EXPECT_EQ(reading.result().error().kind(), ErrorKind::connection_closed);
  EXPECT_EQ(gone_, 0) << "whoever reads is told by what he reads";
}

}  // namespace
}  // namespace picket::apps::gateway::http2

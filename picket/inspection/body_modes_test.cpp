#include "picket/inspection/testing/inspected.hpp"

namespace picket::inspection {
namespace {

using namespace testing;
using agent::Context;
using agent::Decision;
using agent::Reply;
using ::testing::ElementsAre;

/// Bodies that are not buffered, in either direction.
class BodyModes : public InspectionTest, public ::testing::WithParamInterface<body::Direction> {
 protected:
  static bool of_request() { return GetParam() == body::Direction::request; }
  static Terms mode(std::uint64_t gathers, FailureMode failure_mode = FailureMode::closed) {
    return {.events = {.request_body = of_request(), .response_body = !of_request(), .request_complete = true},
            .failure_mode = failure_mode,
            .chunk_size = 4,
            .gathers = gathers};
  }
  /// An agent that answers a chunk of that text so.
  ScriptedAgent& decides(const Terms& terms, std::function<Decision(std::string_view)> decide) {
    const auto reply = [decide](const auto& event, Context&) { return Reply{decide(base::as_text(event.data))}; };
    return agent({.request_body = reply, .response_body = reply}, terms);
  }
  static Decision allow(std::string_view /*text*/) { return Decision::allow(); }
  /// How the agent has noted a chunk.
  static std::string noted(const std::string& chunk) { return (of_request() ? "body " : "response body ") + chunk; }

  /// One body, a piece at a time.
  class Flowing {
   public:
    explicit Flowing(InspectionTest& test, transport::Worker& worker)
        : request_(test), worker_(worker), body_(of_request() ? request_->request_body() : request_->response_body()) {
      EXPECT_TRUE(body_.begin(0));
    }
    /// The verdict on what has come; in out() is what it let pass.
    Verdict feed(const std::string& bytes, bool is_last = false) {
      body_.feed(base::SharedBytes::borrowed(base::as_bytes(kept_.emplace_back(bytes))), is_last);
      while (true) {
        auto verdict = transport::testing::run(worker_, body_.judge());
        if (!verdict.goes_on() || !body_.lets_out()) return verdict;
        while (body_.lets_out()) out_ += base::as_text(body_.take().bytes.view());
      }
    }
    [[nodiscard]] const std::string& out() const { return out_; }
    [[nodiscard]] std::size_t credit() const { return body_.credit(); }
    void complete() { request_.complete(200); }

   private:
    Request request_;
    transport::Worker& worker_;
    BodyInspection& body_;
    std::deque<std::string> kept_;
    std::string out_;
  };
};

TEST_P(BodyModes, StreamedChunksGoOnWithTheirVerdicts) {
  const auto& waf = decides(mode(0), allow);
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("abcdef").goes_on());
  EXPECT_EQ(body.out(), "abcdef");
  EXPECT_TRUE(body.feed("gh", true).goes_on());
  EXPECT_EQ(body.out(), "abcdefgh");
  EXPECT_THAT(waf.seen(), ElementsAre(noted("0 'abcd'"), noted("1 'ef'"), noted("2 'gh' last")));
}

TEST_P(BodyModes, WhatAChunkIsReplacedByIsNotHeldWhereThereIsNoRoomForIt) {
  worker_.blocks().set_budget(1000);
  decides(mode(0), [](std::string_view text) -> Decision {
    return Decision::allow().replace_body(std::string(text == "abcd" ? 1000 : 1001, '*')).needs_more();
  });
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("abcd").goes_on());
  EXPECT_EQ(body.feed("efgh").failure, Failure::overloaded);
  EXPECT_EQ(body.out(), "");
}

TEST_P(BodyModes, NeedsMoreHoldsWhatIsThere) {
  decides(mode(0), [](std::string_view text) -> Decision {
    if (text == "abcd") return Decision::allow().needs_more();
    return Decision::allow();
  });
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("abcd").goes_on());
  EXPECT_EQ(body.out(), "");
  EXPECT_TRUE(body.feed("efgh").goes_on());
  EXPECT_EQ(body.out(), "abcdefgh");
}

TEST_P(BodyModes, HybridGathersFirst) {
  const auto& waf = decides(mode(6), allow);
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("abcd").goes_on());
  EXPECT_TRUE(waf.seen().empty());
  EXPECT_TRUE(body.feed("ef").goes_on());
  EXPECT_EQ(body.out(), "abcdef");
  EXPECT_TRUE(body.feed("gh").goes_on());
  EXPECT_EQ(body.out(), "abcdefgh");
}

TEST_P(BodyModes, WhatAStreamedChunkIsReplacedByGoesOnInItsPlace) {
  decides(mode(0), [](std::string_view text) -> Decision {
    if (text != "5678") return Decision::allow();
    return Decision::allow().replace_body("****");
  });
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("1234").goes_on());
  EXPECT_TRUE(body.feed("5678").goes_on());
  EXPECT_TRUE(body.feed("9", true).goes_on());
  EXPECT_EQ(body.out(), "1234****9");
}

TEST_P(BodyModes, ABlockStopsWhatHasNotGoneOn) {
  decides(mode(0), [](std::string_view text) -> Decision {
    if (text == "evil") return Decision::block(403);
    return Decision::allow();
  });
  const auto& second = decides(mode(body::whole), allow);
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("good").goes_on());
  EXPECT_EQ(body.out(), "") << "the second one holds all of it";
  const auto verdict = body.feed("evil", true);
  ASSERT_TRUE(verdict.answer);
  EXPECT_EQ(verdict.answer->status, 403);
  EXPECT_EQ(body.out(), "");
  EXPECT_EQ(body.credit(), 0U);
  EXPECT_TRUE(second.seen().empty());
}

TEST_P(BodyModes, AnAgentThatFailsOpenInMidBodyLetsGoOfWhatItHolds) {
  decides(mode(0, FailureMode::open), [](std::string_view text) -> Decision {
    if (text == "ijkl") return Decision::block(403).header("host", "x");  // cannot be applied
    return Decision::allow().needs_more();
  });
  Flowing body{*this, worker_};
  EXPECT_TRUE(body.feed("abcdefgh").goes_on());
  EXPECT_EQ(body.out(), "");
  EXPECT_TRUE(body.feed("ijkl").goes_on());
  EXPECT_EQ(body.out(), "abcdefghijkl");
  EXPECT_TRUE(body.feed("m", true).goes_on());
  EXPECT_EQ(body.out(), "abcdefghijklm");
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
}

TEST_P(BodyModes, OneThatFailsClosedStopsTheBody) {
  decides(mode(0), [](std::string_view) -> Decision { return Decision::block(403).header("host", "x"); });
  Flowing body{*this, worker_};
  EXPECT_EQ(body.feed("abcd").failure, Failure::protocol_error);
  EXPECT_EQ(body.out(), "");
}

TEST_P(BodyModes, OneThatIsStoppedAsksForItsRefusalNotForMoreBytes) {
  Terms streaming = mode(0);
  streaming.max_body = 6;
  decides(streaming, [](std::string_view) -> Decision { return Decision::allow().needs_more(); });
  Request request{*this};
  BodyInspection& body = of_request() ? request->request_body() : request->response_body();
  ASSERT_TRUE(body.begin(0));
  body.feed(base::SharedBytes::borrowed(base::as_bytes("abcdef")), false);
  EXPECT_TRUE(transport::testing::run(worker_, body.judge()).goes_on());
  EXPECT_FALSE(body.has_to_ask());
  body.feed(base::SharedBytes::borrowed(base::as_bytes("g")), false);
  EXPECT_EQ(body.credit(), 0U);
  EXPECT_TRUE(body.has_to_ask());
  EXPECT_EQ(transport::testing::run(worker_, body.judge()).failure,
            of_request() ? Failure::body_too_large : Failure::answer_too_large);
}

TEST_P(BodyModes, AMebibyteStreamsThroughTwoAgentsOfDifferentModes) {
  Terms streaming = mode(0);
  Terms buffering = mode(body::whole);
  streaming.chunk_size = 10'000;
  buffering.chunk_size = 65'536;
  buffering.max_body = 2 << 20;
  decides(streaming, allow);
  decides(buffering, allow);
  Flowing body{*this, worker_};
  std::string sent;
  for (int i = 0; sent.size() < (1U << 20); ++i) {
    const std::string piece(std::min<std::size_t>(body.credit(), 20'000), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(body.feed(piece).goes_on());
    EXPECT_EQ(body.out(), "");
    sent += piece;
  }
  ASSERT_TRUE(body.feed("", true).goes_on());
  EXPECT_TRUE(body.out() == sent);
}

INSTANTIATE_TEST_SUITE_P(BothWays, BodyModes, ::testing::Values(body::Direction::request, body::Direction::response),
                         [](const auto& way) {
                           return way.param == body::Direction::request ? "Request" : "Response";
                         });

}  // namespace
}  // namespace picket::inspection

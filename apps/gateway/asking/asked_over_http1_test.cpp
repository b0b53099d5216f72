#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/asking/testing/asking.hpp"

namespace picket::apps::gateway::asking {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using base::SharedBytes;
using exchange::BodyLength;
using gateway::testing::Running;
using gateway::testing::turn_until;
using ::testing::ElementsAre;
using testing::FarEnd;
using ::testing::HasSubstr;
using testing::piece;

constexpr BodyLength unknown{.kind = BodyLength::Kind::unknown};

/// Requests to an upstream of HTTP/1.1.
struct Asking : testing::Asking {
  explicit Asking(const config::UpstreamTimeouts& timeouts = {}) : Asking(1, timeouts) {}
  explicit Asking(int targets, const config::UpstreamTimeouts& timeouts = {})
      : testing::Asking(targets, {.id = "app", .timeouts = timeouts}) {}

  /// A request without a body has been written; the upstream has it.
  FarEnd asked() {
    EXPECT_TRUE(connect());
    begin({});
    EXPECT_TRUE(write({}, true));
    FarEnd far = accept();
    far.expect("PUT /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return far;
  }
};

// ---- the request

TEST(AskedOverHttp1, TheHeadSaysWhatItsConnectionNeedsAndNothingOfTheClientsFraming) {
  struct Case {
    BodyLength length;
    bool waits_for_100;
    std::string_view says;
  };
  for (const Case& each : {Case{{}, false, ""}, Case{BodyLength::of(7), false, "Content-Length: 7\r\n"},
                           Case{unknown, false, "Transfer-Encoding: chunked\r\n"},
                           Case{unknown, true, "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"}}) {
    SCOPED_TRACE(each.says);
    Asking asking;
    asking.fields.push_back({"content-length", "1234"});
    asking.fields.push_back({"Transfer-Encoding", "chunked, chunked"});
    asking.fields.push_back({"X-A", "1"});
    ASSERT_TRUE(asking.connect());
    const FarEnd far = asking.accept();
    asking.begin(each.length, each.waits_for_100);
    EXPECT_FALSE(far.has_input()) << "it waits for the first bytes";
    EXPECT_TRUE(asking.write({}, false));
    far.expect("PUT /a HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\n" + std::string{each.says} + "\r\n");
    EXPECT_FALSE(far.has_input());
  }
}

TEST(AskedOverHttp1, ARequestWithoutHostGetsTheTargets) {
  Asking asking;
  asking.fields.truncate(0);
  ASSERT_TRUE(asking.connect());
  asking.begin({});
  EXPECT_TRUE(asking.write({}, true));
  asking.accept().expect("PUT /a HTTP/1.1\r\nHost: " + std::string{asking.side->address()} + "\r\n\r\n");
}

TEST(AskedOverHttp1, PiecesOfOneWriteAreOneChunkBehindTheHead) {
  Asking asking;
  ASSERT_TRUE(asking.connect());
  const FarEnd far = asking.accept();
  asking.begin(unknown);
  EXPECT_TRUE(asking.write({piece("one"), piece(""), piece("two")}, false));
  far.expect("PUT /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nonetwo\r\n");
  EXPECT_TRUE(asking.write({piece("three")}, false));
  far.expect("5\r\nthree\r\n");
  EXPECT_TRUE(asking.write({}, true));
  far.expect("0\r\n\r\n");
}

TEST(AskedOverHttp1, ABodyOfKnownLengthGoesAsItIs) {
  Asking asking;
  ASSERT_TRUE(asking.connect());
  const FarEnd far = asking.accept();
  asking.begin(BodyLength::of(6));
  EXPECT_TRUE(asking.write({piece("one"), piece("two")}, true));
  far.expect("PUT /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nonetwo");
  EXPECT_FALSE(far.has_input());
}

TEST(AskedOverHttp1, WhoTakesNothingHasTheTimeOfAWrite) {
  Asking asking{{.write = 20ms}};
  ASSERT_TRUE(asking.connect());
  const FarEnd far = asking.accept();
  asking.begin(unknown);
  const std::string large(8 << 20, 'x');
  const auto written = asking.write({piece(large)}, false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().detail(), "request not taken in time");
}

// ---- the answer

TEST(AskedOverHttp1, InterimAnswersAreToldOnTheWayToTheFinalOne) {
  Asking asking;
  const FarEnd far = asking.asked();
  far.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Fine\r\nX-B: 2\r\nContent-Length: 3\r\n\r\na");
  const auto head = asking.answer();
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_THAT(asking.heard.interims, ElementsAre(103));
  EXPECT_EQ((*head)->status, 200);
  EXPECT_EQ((*head)->reason, "Fine");
  EXPECT_EQ((*head)->headers.find("x-b"), "2");
  EXPECT_TRUE(asking.side->has_bytes());
  EXPECT_FALSE(asking.side->body_is_read());
  far.send("bc");
  EXPECT_EQ(asking.read_all(), "abc");
  EXPECT_EQ(asking.heard.early, 0) << "the request was whole";
}

TEST(AskedOverHttp1, AnAnswerToHeadHasNoBodyWhateverItsLength) {
  Asking asking;
  asking.next(true);
  const FarEnd far = asking.asked();
  far.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(asking.answer());
  EXPECT_TRUE(asking.side->body_is_read());
}

TEST(AskedOverHttp1, WhatIsNotAskedForIsNotTaken) {
  Asking asking;
  const FarEnd far = asking.asked();
  far.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  ASSERT_TRUE(asking.answer());
  // The kernel moves bytes from one end's memory to the other's by itself, for a while.
  for (int quiet = 0; quiet < 10; std::this_thread::sleep_for(10ms)) quiet = far.fill() == 0 ? quiet + 1 : 0;
  gateway::testing::turn_for(asking.worker(), 30ms);
  EXPECT_EQ(far.fill(), 0U) << "it was read although nobody asked";
  std::string memory(1000, '\0');
  EXPECT_EQ(asking.read(memory).value(), memory.size());
  EXPECT_FALSE(asking.side->has_bytes()) << "more was read than was asked for";
}

TEST(AskedOverHttp1, WhatIsNoWholeAnswerHasItsWords) {
  struct Case {
    std::string_view sent;
    bool closes;
    ErrorKind kind;
    std::string_view words;
  };
  for (const Case& each :
       {Case{"", true, ErrorKind::connection_closed, "closed before it answered"},
        Case{"HTTP/1.1 2", true, ErrorKind::invalid_message, "closed within its answer's head"},
        Case{"HTTP/1.1 103 Early Hints\r\n\r\n", true, ErrorKind::invalid_message, "closed within its answer's head"},
        Case{"SSH-2.0\r\n\r\n", false, ErrorKind::invalid_message, "malformed answer: "},
        Case{"HTTP/1.1 2", false, ErrorKind::timeout, "no answer in time"}}) {
    SCOPED_TRACE(each.sent);
    Asking asking{each.kind == ErrorKind::timeout ? config::UpstreamTimeouts{.read = 20ms}
                                                  : config::UpstreamTimeouts{}};
    FarEnd far = asking.asked();
    far.send(each.sent);
    if (each.closes) far.close();
    const auto head = asking.answer();
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().kind(), each.kind);
    EXPECT_THAT(head.error().detail(), HasSubstr(each.words));
  }
}

TEST(AskedOverHttp1, WhatIsNoWholeBodyHasItsWords) {
  struct Case {
    std::string_view sent;
    bool closes;
    std::string_view read;
  };
  for (const Case& each :
       {Case{"Content-Length: 4\r\n\r\nabc", true, "abc!the answer ended early"},
        Case{"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true, "abc!the answer ended early"},
        Case{"Content-Length: 4\r\n\r\nabc", false, "abc!the rest of the answer did not come in time"},
        Case{"Transfer-Encoding: chunked\r\n\r\nzz", false, "!malformed answer: "}}) {
    SCOPED_TRACE(each.sent);
    Asking asking{each.closes ? config::UpstreamTimeouts{} : config::UpstreamTimeouts{.read = 500ms}};
    FarEnd far = asking.asked();
    far.send("HTTP/1.1 200 OK\r\n");
    far.send(each.sent);
    if (each.closes) far.close();
    ASSERT_TRUE(asking.answer());
    EXPECT_THAT(asking.read_all(), HasSubstr(each.read));
  }
}

// ---- answers that come before the request is whole

TEST(AskedOverHttp1, WhoRefusesABodyIsHeardAndItsConnectionServesNobodyElse) {
  Asking asking;
  ASSERT_TRUE(asking.connect());
  const FarEnd far = asking.accept();
  asking.begin(unknown);
  const std::string large(8 << 20, 'x');
  const std::vector<SharedBytes> pieces{piece(large)};
  Running<base::Status> writing{asking.worker(), asking.side->write(pieces, false)};
  EXPECT_FALSE(writing.is_over()) << "nobody reads";
  far.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(writing.result());
  EXPECT_EQ(asking.heard.early, 1);
  const auto head = asking.answer();
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ((*head)->status, 413);
  asking.side->finish();
  EXPECT_EQ(asking.pool().idle(), 0U);
}

TEST(AskedOverHttp1, WhoHangsUpWhileItIsWrittenToIsHeard) {
  Asking asking;
  ASSERT_TRUE(asking.connect());
  FarEnd far = asking.accept();
  asking.begin(unknown);
  const std::string large(8 << 20, 'x');
  const std::vector<SharedBytes> pieces{piece(large)};
  Running<base::Status> writing{asking.worker(), asking.side->write(pieces, false)};
  far.close();
  EXPECT_FALSE(writing.result());
  EXPECT_FALSE(asking.answer());
}

TEST(AskedOverHttp1, AHundredIsHeardWhileTheBodyWaitsForIt) {
  Asking asking;
  ASSERT_TRUE(asking.connect());
  const FarEnd far = asking.accept();
  asking.begin(unknown, true);
  EXPECT_TRUE(asking.write({}, false));
  far.send("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(turn_until(asking.worker(), [&] { return !asking.heard.interims.empty(); }));
  EXPECT_EQ(asking.heard.early, 0);
  EXPECT_TRUE(asking.write({piece("body")}, true));
  far.send("HTTP/1.1 204 No Content\r\n\r\n");
  const auto head = asking.answer();
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ((*head)->status, 204);
  EXPECT_THAT(asking.heard.interims, ElementsAre(100));
}

// ---- connections

TEST(AskedOverHttp1, AConnectionServesAgainWhereNothingSpeaksAgainstIt) {
  struct Case {
    std::string_view answer;
    bool is_read;
    std::size_t kept;
  };
  for (const Case& each :
       {Case{"Content-Length: 3\r\n\r\nabc", true, 1}, Case{"Content-Length: 3\r\n\r\nabc", false, 0},
        Case{"Content-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n", true, 0},
        Case{"Connection: close\r\nContent-Length: 3\r\n\r\nabc", true, 0},
        Case{"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true, 1}}) {
    SCOPED_TRACE(std::string{each.answer} + (each.is_read ? "" : ", not read"));
    Asking asking;
    const FarEnd far = asking.asked();
    far.send("HTTP/1.1 200 OK\r\n" + std::string{each.answer});
    ASSERT_TRUE(asking.answer());
    if (each.is_read) EXPECT_EQ(asking.read_all(), "abc");
    asking.side->finish();
    EXPECT_EQ(asking.pool().idle(), each.kept);
    if (each.kept == 0) EXPECT_EQ(far.end(), 0);
  }
}

TEST(AskedOverHttp1, AConnectionThatWasStaleIsReplacedAndANewOneIsBlamed) {
  Asking asking;
  FarEnd kept = asking.asked();
  kept.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(asking.answer());
  asking.side->finish();
  asking.next();
  ASSERT_TRUE(asking.connect());
  EXPECT_FALSE(asking.is_connected_to()) << "the connection serves again";
  asking.begin({});
  EXPECT_TRUE(asking.write({}, true));
  kept.close();
  const auto stale = asking.answer();
  ASSERT_FALSE(stale);
  EXPECT_TRUE(asking.side->has_another(stale.error()));
  EXPECT_TRUE(asking.heard.errors.empty());

  FarEnd fresh = asking.asked();
  fresh.close();
  const auto hung_up = asking.answer();
  ASSERT_FALSE(hung_up);
  EXPECT_FALSE(asking.side->has_another(hung_up.error())) << "there is no other target";
}

TEST(AskedOverHttp1, WhoHasSaidAWordIsNotAskedAgain) {
  Asking asking{2};
  FarEnd far = asking.asked();
  far.send("HTTP/1.1 2");
  far.close();
  const auto head = asking.answer();
  ASSERT_FALSE(head);
  EXPECT_FALSE(asking.side->has_another(head.error()));
}

TEST(AskedOverHttp1, TargetsThatCannotBeReachedAreToldAndTheNextIsAsked) {
  Asking asking{3};
  for (int i = 0; i < 3; ++i) {
    asking.next();
    EXPECT_TRUE(asking.connect());
    const FarEnd far = asking.accept();
  }
  EXPECT_THAT(asking.heard.errors, ElementsAre(HasSubstr("connection refused"), HasSubstr("connection refused")))
      << "each rests once it has failed";
}

TEST(AskedOverHttp1, WhoIsCancelledEndsWhatItAwaitsAndItsConnection) {
  Asking asking;
  const FarEnd far = asking.asked();
  Running<base::Result<const http::ResponseHead*>> answer{asking.worker(), asking.side->answer()};
  EXPECT_FALSE(answer.is_over());
  asking.cancel.request(wire::CancelReason::client_disconnect);
  const auto head = answer.result();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind(), ErrorKind::connection_closed);
  EXPECT_EQ(far.end(), 0);
}

}  // namespace
}  // namespace picket::apps::gateway::asking

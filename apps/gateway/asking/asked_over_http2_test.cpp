#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/asking/testing/asking.hpp"
#include "apps/gateway/asking/testing/http2_server.hpp"

namespace picket::apps::gateway::asking {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using exchange::BodyLength;
using ::testing::ElementsAre;
using testing::ErrorCode;
using ::testing::HasSubstr;
using testing::Http2Server;
using testing::piece;
using testing::StreamId;
using Written = gateway::testing::Running<base::Status>;
using AnswerRead = gateway::testing::Running<base::Result<const http::ResponseHead*>>;

constexpr BodyLength no_length{.kind = BodyLength::Kind::unknown};

/// Requests to an upstream that speaks HTTP/2 in clear; each of them a stream of one connection.
struct Asking : testing::Asking {
  explicit Asking(const config::UpstreamTimeouts& timeouts = {})
      : testing::Asking(1, {.id = "app",
                            .min_version = config::HttpVersion::http2,
                            .max_version = config::HttpVersion::http2,
                            .timeouts = timeouts}) {
    EXPECT_TRUE(connect());
    far.emplace(accept());
    server.emplace(worker(), *far);
  }
  /// A request without a body; the upstream has it.
  StreamId asked() {
    begin({});
    EXPECT_TRUE(write({}, true));
    return server->asked();
  }
  /// The head of the answer, or why there is none.
  base::Result<const http::ResponseHead*> head_of_answer() {
    AnswerRead reading{worker(), side->answer()};
    EXPECT_TRUE(server->until([&] { return reading.is_over(); }));
    return reading.result();
  }

  std::optional<testing::FarEnd> far;
  std::optional<Http2Server> server;
};

// ---- the request

TEST(AskedOverHttp2, TheHeadIsInLowerCaseWithoutWhatBelongsToTheClientsConnection) {
  Asking asking;
  asking.fields.push_back({"X-Mixed-Case", "Kept"});
  asking.fields.push_back({"connection", "close"});
  asking.fields.push_back({"Transfer-Encoding", "chunked"});
  asking.fields.push_back({"Content-Length", "77"});
  const StreamId stream = asking.asked();
  EXPECT_THAT(asking.server->heard(stream).heads,
              ElementsAre(":method=PUT :scheme=http :authority=a.test :path=/a x-mixed-case=Kept"));
  EXPECT_TRUE(asking.server->heard(stream).has_ended);
}

TEST(AskedOverHttp2, ARequestWithoutHostGoesToTheTargetsName) {
  Asking asking;
  asking.fields.truncate(0);
  const StreamId stream = asking.asked();
  EXPECT_THAT(asking.server->heard(stream).heads.front(),
              HasSubstr(":authority=" + std::string{asking.side->address()}));
}

TEST(AskedOverHttp2, ABodyGoesInPiecesAndTrailersStandBehindIt) {
  Asking asking;
  asking.begin(no_length);
  EXPECT_TRUE(asking.write({piece("one"), piece(""), piece("two")}, false));
  const StreamId stream = asking.server->asked();
  ASSERT_TRUE(asking.server->until([&] { return asking.server->heard(stream).body == "onetwo"; }));
  EXPECT_FALSE(asking.server->heard(stream).has_ended);
  http::FieldList trailers{asking.arena()};
  trailers.push_back({"X-Sum", "9"});
  asking.side->end_with(trailers);
  EXPECT_TRUE(asking.write({piece("!")}, true));
  ASSERT_TRUE(asking.server->until([&] { return asking.server->heard(stream).has_ended; }));
  EXPECT_EQ(asking.server->heard(stream).body, "onetwo!");
  EXPECT_THAT(asking.server->heard(stream).trailers, ElementsAre("x-sum=9"));
}

TEST(AskedOverHttp2, AWriteWaitsForTheUpstreamsCreditAndItsTimeIsThatOfAWrite) {
  Asking asking{{.write = 50ms}};
  asking.begin(no_length);
  const std::string large(2 * Http2Server::window, 'x');
  const std::vector<base::SharedBytes> pieces{piece(large)};
  Written writing{asking.worker(), asking.side->write(pieces, false)};
  const StreamId stream = asking.server->asked();
  asking.server->hold(stream);
  ASSERT_TRUE(asking.server->until([&] { return writing.is_over(); }));
  const base::Status written = writing.result();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().detail(), "request not taken in time");
  EXPECT_LE(asking.server->heard(stream).body.size(), Http2Server::window);
}

// ---- the answer

TEST(AskedOverHttp2, InterimAnswersAreToldAndTheFinalOneIsReadToItsTrailers) {
  Asking asking;
  const StreamId stream = asking.asked();
  asking.server->interim(stream, "103");
  asking.server->answer(stream, "200", {{"x-a", "1"}});
  asking.server->say(stream, "hello");
  const base::Header trailer{"x-end", "2"};
  asking.server->finish(stream, base::Headers{std::span{&trailer, 1}});
  const auto head = asking.head_of_answer();
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ((*head)->status, 200);
  EXPECT_EQ((*head)->headers.find("x-a"), "1");
  EXPECT_THAT(asking.heard.interims, ElementsAre(103));
  ASSERT_TRUE(asking.server->until_closed(stream));
  EXPECT_EQ(asking.read_all(), "hello");
  EXPECT_EQ(asking.side->trailers(asking.arena()).find("x-end"), "2");
}

TEST(AskedOverHttp2, TooManyInterimAnswersAreRefused) {
  Asking asking;
  const StreamId stream = asking.asked();
  for (int i = 0; i < 20; ++i) asking.server->interim(stream, "103");
  const auto head = asking.head_of_answer();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind(), ErrorKind::invalid_message);
  EXPECT_THAT(head.error().detail(), HasSubstr("more than 16 interim responses"));
  EXPECT_TRUE(asking.server->until_closed(stream));
}

TEST(AskedOverHttp2, ABodyBehindAHeadThatHasNoneIsRefused) {
  Asking asking;
  asking.next(true);
  ASSERT_TRUE(asking.connect());
  const StreamId stream = asking.asked();
  asking.server->answer(stream, "200");
  asking.server->say(stream, "smuggled");
  const auto head = asking.head_of_answer();
  ASSERT_FALSE(head);
  EXPECT_THAT(head.error().detail(), HasSubstr("a body where its head says that there is none"));
  EXPECT_TRUE(asking.server->until_closed(stream)) << "it is reset";
}

TEST(AskedOverHttp2, WhoIsNotReadMaySendNoMoreThanItsWindow) {
  Asking asking;
  const StreamId stream = asking.asked();
  asking.server->answer(stream, "200");
  asking.server->say(stream, std::string(8 << 20, 'x'));
  ASSERT_TRUE(asking.head_of_answer());
  asking.server->settle();
  const std::size_t unsent = asking.server->unsent(stream);
  EXPECT_GT(unsent, std::size_t{4} << 20);
  asking.server->settle();
  EXPECT_EQ(asking.server->unsent(stream), unsent) << "nobody has read";
  std::string into(1 << 20, '\0');
  ASSERT_TRUE(asking.read(into));
  asking.server->settle();
  EXPECT_LT(asking.server->unsent(stream), unsent);
}

TEST(AskedOverHttp2, AnAnswerThatIsCutSaysSoBehindItsBytes) {
  Asking asking;
  const StreamId stream = asking.asked();
  asking.server->answer(stream, "200");
  asking.server->say(stream, "part");
  ASSERT_TRUE(asking.head_of_answer());
  ASSERT_TRUE(asking.server->until([&] { return asking.side->has_bytes(); }));
  asking.server->reset(stream, ErrorCode::internal_error);
  ASSERT_TRUE(asking.server->until_closed(stream));
  asking.server->settle();
  EXPECT_EQ(asking.read_all(), "part!the stream was reset: internal error");
}

TEST(AskedOverHttp2, AConnectionThatEndsCutsItsAnswers) {
  Asking asking;
  const StreamId stream = asking.asked();
  asking.server->answer(stream, "200");
  asking.server->say(stream, "part");
  ASSERT_TRUE(asking.head_of_answer());
  ASSERT_TRUE(asking.server->until([&] { return asking.side->has_bytes(); }));
  asking.far->close();
  EXPECT_EQ(asking.read_all(), "part!the answer ended early");
}

TEST(AskedOverHttp2, NoAnswerInTimeIsATimeOut) {
  Asking asking{{.read = 50ms}};
  asking.asked();
  const auto head = asking.head_of_answer();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind(), ErrorKind::timeout);
}

// ---- the connection

TEST(AskedOverHttp2, ARefusedStreamMayBeAskedAgain) {
  Asking asking;
  const StreamId stream = asking.asked();
  asking.server->reset(stream, ErrorCode::refused_stream);
  const auto head = asking.head_of_answer();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind(), ErrorKind::unavailable);
}

TEST(AskedOverHttp2, RequestsShareAConnectionUntilItSaysThatItLeaves) {
  Asking asking;
  const StreamId first = asking.asked();
  AskedUpstream other{asking.service(), asking.cancel, false, asking.arena()};
  const exchange::UpstreamTerms terms;
  ASSERT_TRUE(gateway::testing::run(asking.worker(), other.connect(terms, asking.heard)));
  other.begin({.method = "GET", .target = "/b", .fields = asking.fields, .length = {}});
  const std::vector<base::SharedBytes> nothing;
  ASSERT_TRUE(gateway::testing::run(asking.worker(), other.write(nothing, true)));
  const StreamId second = asking.server->asked();
  EXPECT_EQ(second, first + 2);
  EXPECT_FALSE(asking.is_connected_to()) << "it would be a second connection";
  asking.server->go_away();
  asking.server->answer_with(first, "200", "first");
  asking.server->answer_with(second, "200", "second");
  ASSERT_TRUE(asking.head_of_answer());
  EXPECT_EQ(asking.read_all(), "first");
  AskedUpstream last{asking.service(), asking.cancel, false, asking.arena()};
  ASSERT_TRUE(gateway::testing::run(asking.worker(), last.connect(terms, asking.heard)));
  EXPECT_TRUE(asking.is_connected_to()) << "the old one takes nothing new";
}

TEST(AskedOverHttp2, AnAnswerThatIsWholeBeforeTheRequestEndsItAndTheRestIsNotSent) {
  Asking asking;
  asking.begin(no_length);
  EXPECT_TRUE(asking.write({piece("begun")}, false));
  const StreamId stream = asking.server->asked();
  asking.server->answer_with(stream, "413", "too much");
  const auto head = asking.head_of_answer();
  ASSERT_TRUE(head);
  EXPECT_EQ((*head)->status, 413);
  EXPECT_GE(asking.heard.early, 1);
  EXPECT_EQ(asking.read_all(), "too much");
  asking.side->finish();
  ASSERT_TRUE(asking.server->until_closed(stream));
  EXPECT_EQ(asking.server->heard(stream).closed, ErrorCode::cancel);
}

TEST(AskedOverHttp2, WhoIsCancelledGoesOnAtOnceAndTheStreamIsReset) {
  Asking asking;
  const StreamId stream = asking.asked();
  AnswerRead reading{asking.worker(), asking.side->answer()};
  asking.cancel.request(wire::CancelReason::client_disconnect);
  ASSERT_TRUE(asking.server->until([&] { return reading.is_over(); }));
  EXPECT_FALSE(reading.result());
  ASSERT_TRUE(asking.server->until_closed(stream));
  EXPECT_EQ(asking.server->heard(stream).closed, ErrorCode::cancel);
}

}  // namespace
}  // namespace picket::apps::gateway::asking

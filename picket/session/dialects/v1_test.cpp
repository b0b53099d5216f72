#include "picket/session/dialects/v1.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/dialects/testing/dialect_end.hpp"

/// The dialect v1, as the bytes on its socket.
namespace picket::session::dialects {
namespace {

using namespace std::chrono_literals;
using testing::DialectEnd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message;
using testing::start_time;
using ::testing::StartsWith;

const std::string allow = message(R"({"version":2,"decision":"allow"})");
const std::string block = message(R"({"version":1,"decision":{"block":{"status":451}}})");

TEST(V1, IsOpenAtOnceAndSaysNothingFirst) {
  DialectEnd end{Dialect::v1};
  ASSERT_NE(end.conversation().session(), nullptr);
  EXPECT_EQ(end.session().state(), ProxySession::State::ready);
  EXPECT_EQ(end.written(), "");
}

TEST(V1, AnEventIsAnEnvelopeBehindALength) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask_response(end.one, 7, 200));
  const std::string json = fmt::format(
      R"({{"version":1,"event_type":"response_headers","payload":{{"correlation_id":"{}","status":200,"headers":{{}}}}}})",
      end.one.text());
  EXPECT_EQ(end.written(), message(json));
  end.feed(message(R"({"version":1,"decision":"allow","request_headers":[{"set":{"name":"a","value":"b"}}]})"));
  EXPECT_THAT(end.answered(), ElementsAre(7U));
  ASSERT_EQ(end.answer()->request_headers.size(), 1U);
  EXPECT_EQ(end.answer()->version, protocol_version);
}

TEST(V1, OneEventIsInFlightAndAnswersGoByTheirOrder) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask(end.one, 1));
  EXPECT_THAT(end.written(), HasSubstr(end.one.text()));
  ASSERT_TRUE(end.ask(end.two, 2));
  EXPECT_EQ(end.written(), "") << "it waits";
  end.feed(block);
  EXPECT_THAT(end.answered(), ElementsAre(1U));
  EXPECT_TRUE(std::holds_alternative<wire::Block>(end.answer()->decision));
  EXPECT_THAT(end.written(), HasSubstr(end.two.text()));
  end.feed(allow);
  EXPECT_THAT(end.answered(), ElementsAre(2U));
}

TEST(V1, TheEndOfAnExchangeIsAnsweredBeforeTheNextEvent) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask(end.one, 1));
  (void)end.written();
  end.feed(allow);
  EXPECT_TRUE(end.session().complete(end.one, {.status = 200}, start_time));
  ASSERT_TRUE(end.ask(end.two, 2));
  EXPECT_THAT(end.written().substr(4), StartsWith(R"({"version":1,"event_type":"request_complete","payload":{)"));
  end.feed(message(R"({"success":true})"));
  EXPECT_THAT(end.answered(), IsEmpty());
  EXPECT_THAT(end.written(), HasSubstr(end.two.text()));
  end.feed(block);
  EXPECT_THAT(end.answered(), ElementsAre(2U));
}

TEST(V1, AnEventThatTimesOutEndsTheConnection) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask(end.one, 1));
  (void)end.written();
  ASSERT_TRUE(end.ask(end.two, 2, 60s));
  end.session().tick(start_time + 2s);
  EXPECT_EQ(end.written(), "") << "the other one is never asked here";
  EXPECT_THAT(end.end(), HasSubstr("a late answer would be taken for the next one"));
}

TEST(V1, AnEventThatTimesOutBeforeItWasSentIsNotAsked) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask(end.one, 1, 60s));
  (void)end.written();
  ASSERT_TRUE(end.ask(end.two, 2));
  end.session().tick(start_time + 2s);
  EXPECT_EQ(end.written(), "");
  EXPECT_EQ(end.end(), "");
  end.feed(block);
  EXPECT_THAT(end.answered(), ElementsAre(1U));
  EXPECT_EQ(end.written(), "");
}

TEST(V1, AnAnswerThatNobodyWantsIsAwaitedAndDropped) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask(end.one, 1));
  (void)end.written();
  end.session().cancel(end.one, wire::CancelReason::client_disconnect, start_time);
  ASSERT_TRUE(end.ask(end.two, 2));
  EXPECT_EQ(end.written(), "") << "nothing says cancel there, and the next one waits";
  end.feed(block);
  EXPECT_THAT(end.answered(), IsEmpty());
  EXPECT_THAT(end.written(), HasSubstr(end.two.text()));
  end.feed(allow);
  EXPECT_THAT(end.answered(), ElementsAre(2U));
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(end.answer()->decision));
}

TEST(V1, WhereThatAnswerNeverComesTheConnectionEnds) {
  DialectEnd end{Dialect::v1};
  ASSERT_TRUE(end.ask(end.one, 1));
  (void)end.written();
  end.session().cancel(end.one, wire::CancelReason::client_disconnect, start_time);
  ASSERT_TRUE(end.ask(end.two, 2));
  (void)end.written();
  end.session().tick(start_time + 2s);
  (void)end.written();
  EXPECT_NE(end.end(), "");
}

TEST(V1, WhatWaitsForTheAgentCountsAsOutputThatItDoesNotRead) {
  DialectEnd end{Dialect::v1, {.max_output = 10'000}};
  ASSERT_TRUE(end.ask(end.one, 1));
  (void)end.written();
  const std::string body(9'000, 'b');
  ASSERT_TRUE(end.ask_chunk(end.two, 2, body));
  EXPECT_EQ(end.written(), "") << "it waits";
  EXPECT_TRUE(end.session().full());
  const base::CorrelationId three{2, 0, 0x3333};
  const auto refused = end.ask(three, 3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), base::ErrorKind::unavailable);
  EXPECT_EQ(end.end(), "") << "only the event is refused";
  end.feed(allow);
  EXPECT_THAT(end.written(), HasSubstr(end.two.text()));
  EXPECT_FALSE(end.session().full());
  EXPECT_TRUE(end.ask(three, 3));
}

TEST(V1, WhatIsGivenUpBeforeItWasSentWaitsNoMore) {
  DialectEnd end{Dialect::v1, {.max_output = 10'000}};
  ASSERT_TRUE(end.ask(end.one, 1, 60s));
  (void)end.written();
  ASSERT_TRUE(end.ask_chunk(end.two, 2, std::string(9'000, 'b')));
  (void)end.written();
  end.session().cancel(end.two, wire::CancelReason::client_disconnect, start_time);
  (void)end.written();
  EXPECT_FALSE(end.session().full());
}

TEST(V1, PingsAreAnsweredForTheAgent) {
  DialectEnd end{Dialect::v1};
  end.session().tick(start_time + 11s);
  EXPECT_EQ(end.written(), "");
  end.session().tick(start_time + 20s);
  EXPECT_EQ(end.end(), "");
}

TEST(V1, AConfigurationIsTheFirstEventAndMayBeRefused) {
  const ProxyConfig config{.config_json = R"({"correlation_id":"x"})"};
  DialectEnd accepted{Dialect::v1, config};
  EXPECT_EQ(accepted.conversation().session(), nullptr);
  EXPECT_THAT(accepted.written().substr(4),
              StartsWith(R"({"version":1,"event_type":"configure","payload":{"config":{"correlation_id":"x"})"));
  accepted.feed(message(R"({"success":true})"));
  EXPECT_NE(accepted.conversation().session(), nullptr);

  DialectEnd refused{Dialect::v1, config};
  (void)refused.written();
  refused.feed(message(R"({"success":false,"error":"no such rule"})"));
  EXPECT_THAT(refused.end(), HasSubstr("refused its configuration: no such rule"));
}

TEST(V1, WhatIsNoAnswerEndsTheConnection) {
  for (const std::string_view said : {"", "[]", "{", R"({"success":true})", R"({"decision":"allow"})",
                                      R"({"version":2,"decision":"allow","correlation_id":"another"})"}) {
    DialectEnd end{Dialect::v1};
    ASSERT_TRUE(end.ask(end.one, 1));
    (void)end.written();
    end.feed(message(said));
    EXPECT_NE(end.end(), "") << said;
  }
  DialectEnd unasked{Dialect::v1};
  unasked.feed(allow);
  EXPECT_THAT(unasked.end(), HasSubstr("without being asked"));
}

TEST(V1, GuardrailEventsAreNotTaken) {
  DialectEnd end{Dialect::v1, {.events = {wire::EventKind::request_headers, wire::EventKind::guardrail_inspect}}};
  EXPECT_TRUE(end.session().takes(wire::EventKind::request_headers));
  EXPECT_FALSE(end.session().takes(wire::EventKind::guardrail_inspect));
  EXPECT_FALSE(end.session().takes_every_kind());
}

}  // namespace
}  // namespace picket::session::dialects

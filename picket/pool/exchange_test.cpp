#include "picket/pool/exchange.hpp"

#include "picket/pool/testing.hpp"
#include "picket/transport/task.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::extended;
using testing::kind_of;
using wire::FrameType;

class ExchangeTest : public testing::PoolTest {};

TEST_F(ExchangeTest, AnswerReachesTheCallThatAsked) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& first = one.headers("/1");
  Call& second = two.headers("/2");
  const auto asked_first = connection.event();
  const auto asked_second = connection.event();
  EXPECT_EQ(asked_first.uri, "/1");
  connection.answer(asked_second, {.decision = wire::Block{.status = 451}});
  ASSERT_TRUE(ends(second));
  EXPECT_EQ(std::get<wire::Block>(second.response().decision).status, 451);
  EXPECT_FALSE(first.done());
  connection.answer(asked_first);
  ASSERT_TRUE(ends(first));
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(first.response().decision));
  EXPECT_EQ(agent.metrics().answered.value(), 2U);
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
}

TEST_F(ExchangeTest, AnswerOutlivesTheReadThatBroughtIt) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  Call& head = asked.headers();
  const std::array<wire::Text, 1> tags{"first answer"};
  connection.answer(connection.event(), {.audit = {.tags = tags}});
  ASSERT_TRUE(ends(head));
  Call& body = asked.body("x");
  connection.answer(connection.event());
  ASSERT_TRUE(ends(body));
  EXPECT_EQ(head.response().audit.tags[0], "first answer");
}

TEST_F(ExchangeTest, KeepsTheConnectionItBeganOn) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 4; ++i) {
    asked.emplace_back(worker_, agent).headers("/" + std::to_string(i));
    turn();
  }
  // In turn: 0 and 2 on one connection, 1 and 3 on the other; which is which depends on who was ready first.
  for (auto* const connection : {&first, &second}) {
    const auto one = connection->event();
    const auto two = connection->event();
    connection->answer(one);
    connection->answer(two);
    ASSERT_EQ(one.uri[1] % 2, two.uri[1] % 2);
  }
  ASSERT_TRUE(until([&] { return agent.metrics().answered.value() == 4; }));
  for (auto& exchange : asked) exchange.body("b");
  for (auto* const connection : {&first, &second}) {
    const auto one = connection->event();
    const auto two = connection->event();
    EXPECT_EQ(one.type, FrameType::request_body_chunk);
    const auto parity = [&](const auto& event) {
      for (std::size_t i = 0; i < asked.size(); ++i)
        if (asked[i].id().text() == event.id) return i % 2;
      return std::size_t{99};
    };
    EXPECT_EQ(parity(one), parity(two));
  }
}

TEST_F(ExchangeTest, ThoseOfOneSessionTakeOneConnectionForAsLongAsItLives) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  std::deque<Asked> asked;
  const auto ask = [&](std::string_view session) {
    asked.emplace_back(worker_, agent).exchange().stick_to(session);
    Call& head = asked.back().headers();
    turn();
    auto& chosen = first.peer.has_input() ? first : second;
    chosen.answer(chosen.event());
    EXPECT_TRUE(ends(head));
    return &chosen;
  };
  auto* const of_a = ask("a");
  auto* const of_b = ask("b");
  EXPECT_NE(of_a, of_b) << "in turn";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask("a"), of_a);
    EXPECT_EQ(ask("b"), of_b);
  }
  EXPECT_EQ(agent.sticky_sessions().size(worker_.now()), 2U);
  of_a->peer.close();
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  EXPECT_EQ(ask("a"), of_b) << "which is the only one now";
}

TEST_F(ExchangeTest, ASessionMayBeginBeforeItsFirstExchange) {
  Agent& agent = add(quick(2));
  EXPECT_EQ(agent.begin_session("a").error().kind(), ErrorKind::unavailable) << "nobody is there yet";
  EXPECT_FALSE(agent.sticky_sessions().has("a", worker_.now()));
  auto first = ready(agent);
  auto second = ready(agent);
  ASSERT_TRUE(agent.begin_session("a"));
  ASSERT_TRUE(agent.begin_session("b"));
  EXPECT_EQ(agent.sticky_sessions().size(worker_.now()), 2U);
  const Pin of_a = agent.sticky_sessions().find("a", worker_.now()).value();
  EXPECT_NE(of_a, agent.sticky_sessions().find("b", worker_.now())) << "in turn";
  for (int i = 0; i < 3; ++i) {
    Asked asked{worker_, agent};
    asked.exchange().stick_to("a");
    Call& head = asked.headers();
    turn();
    auto& chosen = first.peer.has_input() ? first : second;
    auto event = chosen.event();
    if (event.type == wire::FrameType::request_complete) event = chosen.event();  // of the exchange before
    chosen.answer(event);
    EXPECT_TRUE(ends(head));
    EXPECT_EQ(agent.sticky_sessions().find("a", worker_.now()), of_a);
  }
}

TEST_F(ExchangeTest, ASessionWaitsForItsConnectionWhereItIsFull) {
  Config config = quick(2);
  config.max_concurrent_per_connection = 1;
  Agent& agent = add(config);
  auto first = ready(agent);
  auto second = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  one.exchange().stick_to("a");
  two.exchange().stick_to("a");
  Call& head = one.headers();
  Call& waiting = two.headers();
  turn();
  auto& chosen = first.peer.has_input() ? first : second;
  const auto event = chosen.event();
  EXPECT_FALSE((&chosen == &first ? second : first).peer.has_input()) << "which is free";
  chosen.answer(event);
  ASSERT_TRUE(ends(head));
  chosen.answer(chosen.event());
  ASSERT_TRUE(ends(waiting));
  EXPECT_TRUE(waiting.result());
}

TEST_F(ExchangeTest, ConnectionLostUnderItIsNeverReplacedByAnother) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  Asked asked{worker_, agent};
  Call& head = asked.headers();
  turn();
  auto& chosen = first.peer.has_input() ? first : second;
  chosen.answer(chosen.event());
  ASSERT_TRUE(ends(head));
  chosen.peer.close();
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  // Another connection is another state at the agent: a body without its head would pass uninspected.
  Call& body = asked.body("x");
  ASSERT_TRUE(ends(body));
  EXPECT_EQ(kind_of(body), ErrorKind::connection_closed);
}

TEST_F(ExchangeTest, KindsThatTheAgentDoesNotTakeAreSkippedAndDecidedByNobody) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended, .events = {2}});
  Asked asked{worker_, agent};
  Call& head = asked.headers();
  ASSERT_TRUE(head.done());
  EXPECT_TRUE(head.skipped());
  EXPECT_EQ(agent.metrics().skipped.value(), 1U);
  EXPECT_EQ(agent.metrics().answered.value(), 0U);
  Call& body = asked.body("x");
  const auto event = connection.event();
  EXPECT_EQ(event.type, FrameType::request_body_chunk);
  connection.answer(event);
  EXPECT_TRUE(ends(body));
}

TEST_F(ExchangeTest, AnAgentWithoutExtensionsIsSentWhatItDidNotDeclare) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.events = {2}});
  Asked asked{worker_, agent};
  Call& head = asked.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(head));
  EXPECT_FALSE(head.skipped());
}

TEST_F(ExchangeTest, WhoDemandsEveryKindUsesNoConnectionOnWhichOneIsMissing) {
  wire::RequestHeaders event;
  Agent& agent = add(quick(2));
  auto lacking = ready(agent, {.format = extended, .events = {2}});
  const auto ask = [&](Demand demand) {
    const auto id = worker_.ids().mint();
    Exchange exchange{agent, id, demand};
    const Call call{exchange, &event, wire::EventKind::request_headers, in(20s)};
    EXPECT_TRUE(call.done());
    EXPECT_EQ(call.skipped(), demand == Demand::declared);
    if (demand == Demand::every_kind) {
      EXPECT_EQ(kind_of(call), ErrorKind::unavailable);
    }
  };
  ask(Demand::every_kind);
  ask(Demand::declared);
  auto complete = ready(agent, {.format = extended});
  std::deque<Asked> asked;
  for (int i = 0; i < 4; ++i) {
    Call& call = asked.emplace_back(worker_, agent).headers();
    complete.answer(complete.event());
    ASSERT_TRUE(ends(call)) << "who takes any takes one that takes all, where there is one";
    EXPECT_FALSE(call.skipped());
  }
}

TEST_F(ExchangeTest, EventsOfOneExchangeGoOneAtATimeToPeersThatCannotNameWhatTheyAnswer) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  Call& first = asked.body("1", false);
  Call& second = asked.body("2");
  EXPECT_FALSE(asked.exchange().can_pipeline());
  const auto event = connection.event();
  EXPECT_EQ(event.data, "1");
  turn();
  EXPECT_FALSE(connection.peer.has_input());
  connection.answer(event);
  ASSERT_TRUE(ends(first));
  connection.answer(connection.event());
  EXPECT_TRUE(ends(second));
}

TEST_F(ExchangeTest, NothingGoesBesideAnotherEventWhereItWouldHaveToWaitForAPlace) {
  AgentSpec spec;
  spec.max_concurrent_calls = 2;
  Agent& agent = add(quick(), std::move(spec));
  auto connection = ready(agent, {.format = extended});
  Asked asked{worker_, agent};
  EXPECT_FALSE(asked.exchange().can_pipeline()) << "no connection is picked yet";
  asked.headers();
  EXPECT_TRUE(asked.exchange().can_pipeline());
  Asked other{worker_, agent};
  other.headers();
  EXPECT_FALSE(asked.exchange().can_pipeline());
  connection.answer(connection.event());
  ASSERT_TRUE(until([&] { return agent.metrics().in_flight.value() == 1; }));
  EXPECT_TRUE(asked.exchange().can_pipeline());
}

// ---- how the agent learns of the end

TEST_F(ExchangeTest, CompleteIsSentWhenTheExchangeEnds) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  std::optional<Asked> asked(std::in_place, worker_, agent);
  Call& head = asked->headers();
  const auto event = connection.event();
  connection.answer(event, {.decision = wire::Block{}});
  ASSERT_TRUE(ends(head));
  asked.reset();
  const auto complete = connection.event();
  EXPECT_EQ(complete.type, FrameType::request_complete);
  EXPECT_EQ(complete.id, event.id);
}

TEST_F(ExchangeTest, AbandonedCallIsCancelledAtTheAgentAndThenComplete) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  asked.headers();
  const auto event = connection.event();
  asked.end();
  EXPECT_EQ(connection.event().type, FrameType::cancel);
  const auto complete = connection.event();
  EXPECT_EQ(complete.type, FrameType::request_complete);
  EXPECT_EQ(complete.id, event.id);
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
}

TEST_F(ExchangeTest, TimedOutCallIsCancelledAtTheAgentAndThenComplete) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  Call& head = asked.headers("/", in(20ms));
  (void)connection.event();
  ASSERT_TRUE(ends(head));
  EXPECT_EQ(kind_of(head), ErrorKind::timeout);
  asked.end();
  EXPECT_EQ(connection.event().type, FrameType::cancel);
  EXPECT_EQ(connection.event().type, FrameType::request_complete);
}

TEST_F(ExchangeTest, AgentThatSawNothingIsToldNothing) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended, .events = {2}});
  {
    Asked unasked{worker_, agent};
    Asked skipped{worker_, agent};
    skipped.headers();
  }
  Asked asked{worker_, agent};
  asked.body("x");
  EXPECT_EQ(connection.event().type, FrameType::request_body_chunk);
}

TEST_F(ExchangeTest, AgentThatIsAskedNothingIsToldTheEndWhereItWantsIt) {
  Agent& agent = add(quick(), {.events = {wire::EventKind::request_complete}});
  auto connection = ready(agent, {.events = {5}});
  Asked asked{worker_, agent};
  asked.exchange().complete({.status = 418});
  const auto event = connection.event();
  EXPECT_EQ(event.type, FrameType::request_complete);
  EXPECT_EQ(event.id, asked.id().text());
}

TEST_F(ExchangeTest, AgentOfWhichNothingWasWantedIsToldTheEndOnceWhereItWantsIt) {
  using enum wire::EventKind;
  Agent& agent = add(quick(), {.events = {request_headers, request_complete}});
  auto connection = ready(agent, {.format = extended, .events = {5}});
  Asked skipped{worker_, agent};
  skipped.headers();
  const std::string id{skipped.id().text()};
  skipped.end();
  Asked next{worker_, agent};
  next.exchange().complete({});
  EXPECT_EQ(connection.event().id, id);
  EXPECT_EQ(connection.event().id, next.id().text());
}

TEST_F(ExchangeTest, WhatAnAgentSaidOfItselfIsKnownBeforeTheFirstEvent) {
  Agent& agent = add(quick());
  Asked early{worker_, agent};
  EXPECT_EQ(early.exchange().agent_info(), nullptr);
  auto connection = ready(agent);
  ASSERT_NE(early.exchange().agent_info(), nullptr);
  EXPECT_EQ(early.exchange().agent_info()->name, "played");
}

TEST_F(ExchangeTest, CancelEndsEveryCallOfItAndNoOther) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  Asked cancelled{worker_, agent};
  Asked other{worker_, agent};
  Call& one = cancelled.body("1", false);
  Call& two = cancelled.body("2");
  Call& untouched = other.headers();
  cancelled.exchange().cancel(wire::CancelReason::client_disconnect);
  EXPECT_EQ(kind_of(one), ErrorKind::unavailable);
  EXPECT_EQ(kind_of(two), ErrorKind::unavailable);
  EXPECT_FALSE(untouched.done());
}

TEST_F(ExchangeTest, NothingCanBeAskedOnceItIsComplete) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  asked.exchange().complete({});
  Call& late = asked.headers();
  EXPECT_EQ(kind_of(late), ErrorKind::unavailable);
}

// ---- the end of an exchange while its answers are being handed out

/// Ends the whole exchange as soon as the first of its two calls has an answer, as a gateway does that blocks.
transport::Task<void> end_with_the_first_answer(std::optional<Asked>& asked, bool& ended) {
  Call& first = asked->body("1", false);
  asked->body("2");
  const auto answer = co_await first;
  asked.reset();
  ended = answer.has_value() || answer.error().kind() == ErrorKind::timeout;
}

TEST_F(ExchangeTest, AnswersThatArriveTogetherMayEndTheExchangeWithTheFirst) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  std::optional<Asked> asked(std::in_place, worker_, agent);
  bool ended = false;
  transport::spawn(end_with_the_first_answer(asked, ended));
  const auto one = connection.event();
  const auto two = connection.event();
  connection.peer.send_bytes(connection.answer_bytes(one) + connection.answer_bytes(two));
  ASSERT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(connection.event().type, FrameType::request_complete);
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
}

transport::Task<void> end_with_the_first_failure(std::optional<Asked>& asked, Call& first, bool& ended) {
  const auto answer = co_await first;
  EXPECT_FALSE(answer);
  asked.reset();
  ended = true;
}

TEST_F(ExchangeTest, CallsThatTimeOutTogetherMayEndTheExchangeWithTheFirst) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  std::optional<Asked> asked(std::in_place, worker_, agent);
  bool ended = false;
  Call& first = asked->body("1", false, in(20ms));
  asked->body("2");
  transport::spawn(end_with_the_first_failure(asked, first, ended));
  ASSERT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
}

TEST_F(ExchangeTest, CallsThatDieWithTheirConnectionMayEndTheExchangeWithTheFirst) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  std::optional<Asked> asked(std::in_place, worker_, agent);
  bool ended = false;
  Call& first = asked->body("1", false);
  asked->body("2");
  transport::spawn(end_with_the_first_failure(asked, first, ended));
  (void)connection.event();
  connection.peer.close();
  ASSERT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
}

TEST_F(ExchangeTest, CallsThatDieWithThePoolMayEndTheExchangeWithTheFirst) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  std::optional<Asked> asked(std::in_place, worker_, agent);
  bool ended = false;
  Call& first = asked->body("1", false);
  asked->body("2");
  transport::spawn(end_with_the_first_failure(asked, first, ended));
  agent.close_now();
  ASSERT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
}

// ---- bodies

TEST_F(ExchangeTest, BodyIsSentFromWhereItLies) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  Asked asked{worker_, agent};
  std::string body(10'000, 'a');
  asked.body(body);
  body[0] = 'b';  // the turn is not over: nothing was written yet, so whoever had copied it would send 'a'
  const auto event = connection.event();
  EXPECT_EQ(event.data, body);
}

TEST_F(ExchangeTest, AbandonedBodyGoesOutAsItWas) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  std::optional<Asked> asked(std::in_place, worker_, agent);
  std::string body(2'000'000, 'a');  // more than a socket takes: the frame is half written when it is abandoned
  asked->body(body);
  turn();
  asked.reset();
  std::ranges::fill(body, 'b');
  const auto event = connection.event();
  EXPECT_EQ(event.data, std::string(2'000'000, 'a'));
  EXPECT_EQ(connection.event().type, FrameType::cancel);
}

TEST_F(ExchangeTest, EventOverTheFrameLimitIsRefusedAndBlamesNobody) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  Asked asked{worker_, agent};
  const std::string body(17 * 1024 * 1024, 'a');
  Call& call = asked.body(body);
  EXPECT_EQ(kind_of(call), ErrorKind::message_too_large);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

}  // namespace
}  // namespace picket::pool

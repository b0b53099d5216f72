#include "apps/gateway/exchange/exchange_state.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace picket::apps::gateway::exchange {

void PrintTo(Stage stage, std::ostream* out) { *out << name(stage); }
void PrintTo(Event event, std::ostream* out) { *out << name(event); }

namespace {

/// A request, and what happens to it.
struct Story {
  RequestFacts facts;
  std::vector<Event> events;
};

/// The stages that it goes through, each where it changes.
std::vector<Stage> stages_of(const Story& story) {
  ExchangeState state = ExchangeState{}.routed(story.facts).state;
  std::vector<Stage> stages{state.stage()};
  for (const Event event : story.events) {
    state = state.after(event).state;
    if (state.stage() != stages.back()) stages.push_back(state.stage());
  }
  return stages;
}

constexpr RequestFacts get{.is_idempotent = true};
constexpr RequestFacts post{.has_body = true};
constexpr RequestFacts small_post{.has_body = true, .body_has_come = true};
constexpr RequestFacts waiting_post{.has_body = true, .waits_for_100 = true};

TEST(ExchangeState, GoesThroughTheStagesOfItsStory) {
  using enum Event;
  using S = Stage;
  const std::vector<std::pair<Story, std::vector<Stage>>> cases{
      {{get, {head_passed, leased, sent, answer_came, answer_passed, head_sent, relayed}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::judging_answer, S::opening_answer, S::relaying,
        S::answered}},
      {{get, {body_wanted}}, {S::judging_head, S::leasing}},
      {{get, {decided, written}}, {S::judging_head, S::answering, S::answered}},
      {{post, {head_passed}}, {S::judging_head, S::leasing}},
      {{post, {body_wanted, body_held, body_passed}}, {S::judging_head, S::holding_body, S::judging_body, S::leasing}},
      {{post, {body_wanted, body_outgrew, decided}}, {S::judging_head, S::holding_body, S::judging_body, S::answering}},
      {{small_post, {body_wanted, body_passed}}, {S::judging_head, S::judging_body, S::leasing}},
      {{waiting_post, {body_wanted, invited, body_held}},
       {S::judging_head, S::inviting_body, S::holding_body, S::judging_body}},
      {{waiting_post, {body_wanted, client_lost}}, {S::judging_head, S::inviting_body, S::gone}},
      {{get, {head_passed, leased, cut_short, answer_came}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::judging_answer}},
      {{get, {head_passed, leased, sent, asks_again, leased}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::leasing, S::sending}},
      {{get, {head_passed, leased, sent, answer_came, answer_passed, decided, written}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::judging_answer, S::opening_answer, S::answering,
        S::answered}},
      {{get, {head_passed, leased, sent, answer_came, answer_passed, head_sent, decided, broke}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::judging_answer, S::opening_answer, S::relaying,
        S::cut}},
      {{post,
        {head_passed, leased, sends_beside, body_taken, answer_came, body_taken, answer_passed, head_sent, sent,
         relayed}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::judging_answer, S::opening_answer, S::relaying,
        S::answered}},
      {{post, {head_passed, leased, sends_beside, was_refused, leased}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::leasing, S::sending}},
      {{post, {head_passed, leased, sends_beside, answer_came, answer_passed, decided, broke}},
       {S::judging_head, S::leasing, S::sending, S::awaiting_answer, S::judging_answer, S::opening_answer, S::cut}},
      {{{.destination = Destination::fixed}, {head_passed, answer_made, answer_passed, written}},
       {S::judging_head, S::making_answer, S::judging_answer, S::answering, S::answered}},
      {{{.destination = Destination::last_recipient}, {head_passed, answer_made, written}},
       {S::judging_head, S::making_answer, S::answering, S::answered}},
  };
  for (const auto& [story, stages] : cases) EXPECT_EQ(stages_of(story), stages);
}

TEST(ExchangeState, IsAnsweredWithoutARoute) {
  const ExchangeState refused = ExchangeState{}.after(Event::decided).state;
  EXPECT_EQ(refused.stage(), Stage::answering);
  EXPECT_EQ(refused.after(Event::written).state.stage(), Stage::answered);
  EXPECT_FALSE(refused.agents_know());
  EXPECT_EQ(refused.routed(get).state, refused) << "a route that comes too late";
}

ExchangeState state_of(const Story& story) {
  ExchangeState state = ExchangeState{}.routed(story.facts).state;
  for (const Event event : story.events) state = state.after(event).state;
  return state;
}

TEST(ExchangeState, RepeatsWhatIsIdempotentAndKept) {
  using enum Event;
  const RequestFacts put{.has_body = true, .is_idempotent = true};
  const struct {
    Story story;
    bool may_repeat;
  } cases[] = {
      {{get, {head_passed, leased, sent}}, true},
      {{get, {head_passed, leased}}, false},  // nobody has hung up yet
      {{post, {body_wanted, body_held, body_passed, leased, sent}}, false},
      {{put, {body_wanted, body_held, body_passed, leased, sent}}, true},
      {{put, {body_wanted, body_held, body_passed, leased, body_taken, sent}}, true},
      {{put, {body_wanted, body_outgrew, body_passed, leased, cut_short}}, true},
      {{put, {body_wanted, body_outgrew, body_passed, leased, body_taken, cut_short}}, false},
      {{put, {head_passed, leased, body_taken, cut_short}}, false},
      {{put, {head_passed, leased, cut_short, body_taken}}, false},
      {{put, {head_passed, leased, cut_short}}, true},
  };
  for (const auto& [story, may_repeat] : cases) {
    EXPECT_EQ(state_of(story).may_repeat(), may_repeat);
    EXPECT_EQ(state_of(story).after(asks_again).state.stage() == Stage::leasing, may_repeat);
  }
}

TEST(ExchangeState, SendsAgainWhatWasRefusedAndIsWhole) {
  using enum Event;
  const struct {
    Story story;
    bool may_send_again;
  } cases[] = {
      {{post, {head_passed, leased, sends_beside}}, true},
      {{post, {head_passed, leased, sends_beside, body_taken}}, false},
      {{post, {body_wanted, body_held, body_passed, leased, sent}}, true},
      {{post, {body_wanted, body_held, body_passed, leased, sent, answer_came}}, false},
  };
  for (const auto& [story, may_send_again] : cases) {
    EXPECT_EQ(state_of(story).may_send_again(), may_send_again);
    EXPECT_EQ(state_of(story).after(was_refused).state.stage() == Stage::leasing, may_send_again);
  }
}

TEST(ExchangeState, SendsBesideTheAnswerUntilTheRequestOrTheExchangeEnds) {
  using enum Event;
  const Story beside{post, {head_passed, leased, sends_beside, answer_came, answer_passed, head_sent}};
  EXPECT_TRUE(state_of(beside).is_sending());
  for (const Event end : {sent, cut_short, relayed, broke, client_lost})
    EXPECT_FALSE(state_of(beside).after(end).state.is_sending()) << name(end);
  EXPECT_EQ(state_of(beside).after(cut_short).ends, Ends::sending);
  EXPECT_FALSE(state_of({post, {head_passed, leased, sends_beside, decided}}).is_sending());
}

TEST(ExchangeState, LeavesTheExpectationToWhoWantsTheBodyFirst) {
  using enum Event;
  EXPECT_TRUE(state_of({waiting_post, {head_passed, leased}}).awaits_upstreams_100());
  EXPECT_TRUE(state_of({waiting_post, {head_passed, leased, body_taken}}).passes_expectation_on());
  EXPECT_FALSE(state_of({waiting_post, {head_passed, leased, body_taken}}).awaits_upstreams_100());
  EXPECT_FALSE(state_of({waiting_post, {body_wanted, invited, body_held}}).passes_expectation_on());
  EXPECT_FALSE(state_of({post, {head_passed, leased}}).passes_expectation_on());
}

TEST(ExchangeState, EndsTheWorkThatNobodyWants) {
  const ExchangeState sending = state_of({get, {Event::head_passed, Event::leased}});
  EXPECT_EQ(sending.after(Event::cut_short).ends, Ends::sending);
  EXPECT_EQ(sending.after(Event::client_lost).ends, Ends::everything);
  EXPECT_EQ(sending.after(Event::sent).ends, Ends::nothing);
  EXPECT_EQ(sending.after(Event::sent).state.after(Event::cut_short).ends, Ends::nothing);
}

constexpr Event event_of(std::size_t index) { return static_cast<Event>(index); }

/// What an observer who knows nothing of the machine's inside has seen, step by step.
class Observer {
 public:
  Observer(const RequestFacts& facts, ExchangeState state) : facts_(facts), state_(state) {}

  /// Something happens.
  void sees(Event event) {
    const Step step = state_.after(event);
    const Stage before = state_.stage();
    const Stage now = step.state.stage();
    if (state_.is_over()) EXPECT_EQ(step.state, state_) << "an end is final";
    if (event == Event::body_taken && is_asking(before) && !state_.holds_body()) body_passed_by_ = true;
    state_ = step.state;
    if (now == before) return;
    note_verdict(event, before);
    if (now == Stage::leasing || now == Stage::making_answer) expect_all_verdicts();
    if (now == Stage::leasing) expect_may_ask(event);
    // Of one that is cut there the head may have left.
    if (before == Stage::opening_answer && (now == Stage::relaying || now == Stage::cut)) ++answers_begun_;
    if (before == Stage::answering && now == Stage::answered) ++answers_begun_;
    if (state_.is_over()) expect_one_end();
  }
  [[nodiscard]] const ExchangeState& state() const { return state_; }

 private:
  static bool is_asking(Stage stage) { return stage == Stage::sending || stage == Stage::awaiting_answer; }
  void note_verdict(Event event, Stage before) {
    if (before == Stage::judging_head && (event == Event::head_passed || event == Event::body_wanted)) {
      head_let_on_ = true;
      wants_body_ = event == Event::body_wanted && facts_.has_body;
    }
    if (before == Stage::judging_body && event == Event::body_passed) body_let_on_ = true;
  }
  void expect_all_verdicts() const {
    EXPECT_TRUE(head_let_on_);
    EXPECT_TRUE(body_let_on_ || !wants_body_);
  }
  void expect_may_ask(Event event) {
    if (asked_++ == 0) return;
    const bool may = facts_.is_idempotent || event == Event::was_refused;
    EXPECT_TRUE(may && !body_passed_by_) << "a request is repeated that must not be";
  }
  void expect_one_end() const {
    EXPECT_LE(answers_begun_, 1);
    if (state_.stage() != Stage::gone) EXPECT_EQ(answers_begun_, 1);
    EXPECT_TRUE(state_.agents_know()) << "who was asked is told how it ended";
  }

  RequestFacts facts_;
  ExchangeState state_;
  bool head_let_on_ = false;
  bool body_let_on_ = false;
  bool wants_body_ = false;
  bool body_passed_by_ = false;
  int asked_ = 0;
  int answers_begun_ = 0;
};

RequestFacts any_request(std::mt19937& random) {
  RequestFacts facts{.destination = static_cast<Destination>(random() % 8 < 6 ? 0 : 1 + random() % 2),
                     .has_body = random() % 2 == 0,
                     .is_idempotent = random() % 2 == 0};
  facts.body_has_come = facts.has_body && random() % 3 == 0;
  facts.waits_for_100 = facts.has_body && !facts.body_has_come && random() % 3 == 0;
  return facts;
}

/// Any event at any time, be it nonsense: half the exchanges are also hurried along by the events that move them.
TEST(ExchangeState, KeepsItsPromisesWhateverHappens) {
  constexpr int exchanges = 120'000;
  std::mt19937 random{20'261'127};
  std::map<Stage, int> ended;
  for (int i = 0; i < exchanges && !::testing::Test::HasFailure(); ++i) {
    const RequestFacts facts = any_request(random);
    Observer observer{facts, ExchangeState{}.routed(facts).state};
    // A client that leaves is one event of many, or else few exchanges came far.
    for (int steps = 0; !observer.state().is_over(); ++steps) {
      ASSERT_LT(steps, 10'000) << "no way out of " << name(observer.state().stage());
      Event event = event_of(random() % event_count);
      if ((event == Event::client_lost || event == Event::decided) && random() % 16 != 0) continue;
      observer.sees(event);
    }
    ++ended[observer.state().stage()];
    for (std::size_t event = 0; event < event_count; ++event) observer.sees(event_of(event));
  }
  for (const Stage end : {Stage::answered, Stage::cut, Stage::gone})
    EXPECT_GT(ended[end], exchanges / 100) << name(end) << " is hardly ever reached: the walk says little";
}

/// Of all states that can be reached by any events from any request.
TEST(ExchangeState, HasNoStageWithoutAWayToEachEndThatItMayHave) {
  std::set<Stage> seen;
  std::vector<ExchangeState> open;
  std::vector<ExchangeState> states;
  const auto add = [&](const ExchangeState& state) {
    if (std::ranges::find(states, state) != states.end()) return;
    states.push_back(state);
    open.push_back(state);
    seen.insert(state.stage());
  };
  add(ExchangeState{});
  for (const auto destination : {Destination::upstream, Destination::fixed, Destination::last_recipient})
    for (int bits = 0; bits < 16; ++bits)
      add(ExchangeState{}
              .routed({.destination = destination,
                       .has_body = (bits & 1) != 0,
                       .body_has_come = (bits & 2) != 0,
                       .waits_for_100 = (bits & 4) != 0,
                       .is_idempotent = (bits & 8) != 0})
              .state);
  while (!open.empty()) {
    const ExchangeState state = open.back();
    open.pop_back();
    bool moves = false;
    for (std::size_t event = 0; event < event_count; ++event) {
      const ExchangeState next = state.after(event_of(event)).state;
      moves = moves || (event_of(event) != Event::client_lost && next.stage() != state.stage());
      add(next);
    }
    const bool waits_for_route = state.stage() == Stage::arrived;
    EXPECT_TRUE(moves || waits_for_route || state.is_over()) << name(state.stage()) << " has no way but the client's";
    EXPECT_EQ(state.after(Event::client_lost).state.stage() == Stage::gone,
              !state.is_over() || state.stage() == Stage::gone);
    EXPECT_EQ(state.may_answer() && !state.is_over(),
              state.after(Event::decided).state.stage() == Stage::answering && state.stage() != Stage::answering);
  }
  EXPECT_EQ(seen.size(), stage_count);
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

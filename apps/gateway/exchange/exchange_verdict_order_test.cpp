#include <atomic>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/stories.hpp"
#include "picket/inspection/testing/scripted_agent.hpp"

namespace picket::apps::gateway::exchange {
namespace {

using World = testing::StoryWorld;
using testing::Act;
using testing::acts;
using testing::answer_bytes;
using testing::disturbances;
using testing::head;
using testing::in_every_order;
using testing::Playing;
using testing::request_bytes;
using testing::Steps;
using testing::told;
using enum Act::Whose;

/// An agent that answers when it is allowed to, head and body.
class PatientAgent {
 public:
  explicit PatientAgent(const std::string& path)
      : agent_(path, {.request_headers = [this](const auto&, agent::Context& context) { return hold(context); },
                      .request_body = [this](const auto&, agent::Context& context) { return hold(context); },
                      .response_headers = [this](const auto&, agent::Context& context) { return hold(context); }}) {}

  /// A verdict of its own accord: also one that nobody has asked for yet.
  void gives_verdict() { ++verdicts_; }
  /// Says what it may to who asks, and waits until it has arrived. `last`: its word on the body, or on the answer.
  void pump(World& world, Playing& playing, agent::Decision (*last)()) {
    while (!playing.is_over && is_judging(playing.stage())) {
      const Stage stage = playing.stage();
      EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return held_ > answered_; }));
      if (verdicts_ == 0) return;
      --verdicts_;
      ++answered_;
      agent_.answer_held(stage == Stage::judging_head ? agent::Decision::allow() : last());
      EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return playing.stage() != stage; }));
      world.settle();
    }
  }
  /// One verdict, on what it was asked first or last of what it has not answered.
  void answers_first(agent::Decision decision) { agent_.answer_held(std::move(decision)), ++answered_; }
  void answers_last(agent::Decision decision) { agent_.answer_held_last(std::move(decision)), ++answered_; }
  /// The exchange is over: what is held is nobody's any more.
  void forget() {
    for (; answered_ < held_; ++answered_) agent_.answer_held(agent::Decision::allow());
    verdicts_ = 0;
  }
  [[nodiscard]] std::size_t times(std::string_view event) const {
    const auto seen = agent_.seen();
    return static_cast<std::size_t>(
        std::ranges::count_if(seen, [&](const std::string& line) { return line.starts_with(event); }));
  }

 private:
  static bool is_judging(Stage stage) {
    return stage == Stage::judging_head || stage == Stage::judging_body || stage == Stage::judging_answer;
  }
  agent::Reply hold(agent::Context& context) {
    auto reply = agent_.hold(context);
    ++held_;
    return reply;
  }

  std::atomic<int> held_ = 0;
  int answered_ = 0;
  int verdicts_ = 0;
  inspection::testing::ScriptedAgent agent_;
};

/// What an agent is asked about in a game, and what it says last.
struct Game {
  config::Events events;
  http::RequestHead request;
  agent::Decision (*last)();
  bool blocks;
  bool steps_fail;  ///< Each order is played again for each of its steps, which fails.
  bool may_break;   ///< The client's request, before the last word is said: it is answered with a 4xx of its own.
  /// Holds after each act of an exchange whose agent has given so many verdicts.
  void (*expect)(const Playing& playing, int verdicts, bool blocks);
};

agent::Decision allow() { return agent::Decision::allow(); }
agent::Decision forbid() { return agent::Decision::block(403); }

void expect_status_of_a_block(const Playing& playing, bool may_break) {
  const int status = playing.client.status.value_or(0);
  EXPECT_TRUE(status == 403 || (may_break && (status == 400 || status == 408))) << status;
}

/// Plays every order of the acts; who was asked is told how each ended.
void play_with_agent(const std::vector<const Act*>& all, const Game& game) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  PatientAgent agent{path};
  World world{path, game.events};
  world.gives_verdict = [&agent] { agent.gives_verdict(); };
  std::size_t exchanges = 0;
  const auto play_once = [&](std::span<const Act* const> order, int failing) {
    SCOPED_TRACE("step " + std::to_string(failing) + " fails");
    ++exchanges;
    int verdicts = 0;
    int steps = 0;
    {
      Playing playing{world, game.request, Steps{failing}};
      agent.pump(world, playing, game.last);
      for (const Act* const act : order) {
        act->happens(world, playing);
        verdicts += act->whose == Act::Whose::agents ? 1 : 0;
        world.settle();
        agent.pump(world, playing, game.last);
        playing.expect_promises();
        game.expect(playing, verdicts, game.blocks);
      }
      EXPECT_TRUE(playing.is_over) << name(playing.stage());
      if (game.blocks && playing.stage() == Stage::answered) expect_status_of_a_block(playing, game.may_break);
      steps = playing.steps.taken();
    }
    agent.forget();
    return steps;
  };
  in_every_order(all, [&](std::span<const Act* const> order) {
    SCOPED_TRACE(told(order));
    const int steps = play_once(order, Steps::none);
    for (int failing = 0; game.steps_fail && failing < steps; ++failing) play_once(order, failing);
  });
  EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return agent.times("complete") >= exchanges; }))
      << agent.times("complete") << " of " << exchanges;
}

TEST(ExchangeVerdictOrder, NothingGoesUpstreamBeforeTheVerdictAndTheAgentIsToldHowItEnded) {
  const Act verdict_on_head{"verdict on the head", agents, [](World& world, Playing&) { world.gives_verdict(); }};
  const Act verdict_on_body{"verdict on the body", agents, [](World& world, Playing&) { world.gives_verdict(); }};
  const Act answer{"answer", upstreams, [](World&, Playing& p) {
                     p.upstream.body.push(answer_bytes);
                     p.upstream.body.end();
                     p.upstream.answers(200);
                   }};
  const auto expect = [](const Playing& playing, int verdicts, bool blocks) {
    if (verdicts < 2 || blocks) EXPECT_EQ(playing.upstream.connections, 0);
    // The gateway's own, since an agent wants the body; the upstream's is not passed on then.
    if (playing.client.request().expects_continue) EXPECT_LE(playing.client.interims.size(), 1U);
  };
  http::RequestHead request = head("PUT", http::Framing::chunked);
  for (const std::string_view what : {"nothing", "the client leaves", "the process ends", "drain",
                                      "the client's body takes too long", "the client's body is malformed"}) {
    const Act& disturbance = *std::ranges::find(disturbances, what, &Act::name);
    const bool may_break = what.starts_with("the client's body");
    const std::vector<const Act*> all{&verdict_on_head, &verdict_on_body, &acts[0],    &acts[1],
                                      &acts[2],         &answer,          &disturbance};
    request.expects_continue = what == "nothing";
    play_with_agent(all, {World::asked_about_requests, request, allow, false, what == "nothing", may_break, expect});
    play_with_agent(all, {World::asked_about_requests, request, forbid, true, false, may_break, expect});
  }
}

TEST(ExchangeVerdictOrder, ABodyThatCameWithItsHeadLeavesWithItAndNotBeforeTheVerdictOnBoth) {
  const Act verdict_on_head{"verdict on the head", agents, [](World& world, Playing&) { world.gives_verdict(); }};
  const Act verdict_on_body{"verdict on the body", agents, [](World& world, Playing&) { world.gives_verdict(); }};
  const auto expect = [](const Playing& playing, int verdicts, bool blocks) {
    if (verdicts < 2 || blocks) EXPECT_EQ(playing.upstream.connections, 0);
    EXPECT_EQ(playing.upstream.writes, playing.upstream.request_ended ? 1 : 0) << "in one write";
  };
  const http::RequestHead request = head("PUT", http::Framing::length);
  for (const std::string_view what : {"nothing", "the client leaves", "the process ends", "the upstream hangs up"}) {
    const Act& disturbance = *std::ranges::find(disturbances, what, &Act::name);
    const std::vector<const Act*> all{&verdict_on_head, &verdict_on_body, &acts[3],    &acts[4],
                                      &acts[5],         &acts[6],         &disturbance};
    play_with_agent(all, {World::asked_about_requests, request, allow, false, what == "nothing", false, expect});
    play_with_agent(all, {World::asked_about_requests, request, forbid, true, false, false, expect});
  }
}

TEST(ExchangeVerdictOrder, ABodyThatCameWithItsHeadIsAskedAboutAlongWithItAndTheWordOnTheHeadCountsFirst) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  PatientAgent agent{path};
  World world{path, World::asked_about_requests};
  std::size_t asked = 0;
  for (const bool body_is_answered_first : {false, true})
    for (const bool blocks_head : {false, true})
      for (const bool blocks_body : {false, true}) {
        SCOPED_TRACE(::testing::Message() << body_is_answered_first << blocks_head << blocks_body);
        Playing playing{world, head("PUT", http::Framing::length)};
        EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return agent.times("body 0") > asked; }));
        ++asked;
        EXPECT_EQ(playing.stage(), Stage::judging_head);
        const agent::Decision on_head = blocks_head ? agent::Decision{agent::Decision::block(401)} : allow();
        const agent::Decision on_body = blocks_body ? forbid() : allow();
        if (body_is_answered_first) agent.answers_last(on_body);
        transport::testing::turn_for(world.worker, std::chrono::milliseconds{5});
        EXPECT_EQ(playing.stage(), Stage::judging_head) << "a word on the body decides nothing yet";
        EXPECT_EQ(playing.upstream.connections, 0);
        agent.answers_first(on_head);
        if (!body_is_answered_first) agent.answers_first(on_body);
        const bool passes = !blocks_head && !blocks_body;
        EXPECT_TRUE(transport::testing::turn_until(
            world.worker, [&] { return passes ? playing.upstream.request_ended : playing.is_over; }));
        if (!passes) EXPECT_EQ(playing.client.status, blocks_head ? 401 : 403);
        if (!passes) EXPECT_EQ(playing.upstream.connections, 0);
        if (passes) EXPECT_EQ(playing.upstream.request_body, request_bytes);
      }
}

TEST(ExchangeVerdictOrder, AnEmptyBodyThatHasEndedBeforeItIsReadIsJudgedAllTheSame) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  PatientAgent agent{path};
  World world{path, World::asked_about_requests};
  {
    Playing playing{world};
    playing.client.body.end();
    agent.gives_verdict();
    agent.gives_verdict();
    agent.pump(world, playing, forbid);
    EXPECT_EQ(playing.client.status, 403);
    EXPECT_EQ(playing.upstream.connections, 0);
  }
  EXPECT_EQ(agent.times("body 0 '' last"), 1U);
}

TEST(ExchangeVerdictOrder, NothingOfTheAnswerReachesTheClientBeforeItsVerdict) {
  const Act verdict_on_head{"verdict on the head", agents, [](World& world, Playing&) { world.gives_verdict(); }};
  const Act verdict_on_answer{"verdict on the answer", agents, [](World& world, Playing&) { world.gives_verdict(); }};
  const auto expect = [](const Playing& playing, int verdicts, bool blocks) {
    if (verdicts < 2 || blocks) EXPECT_NE(playing.client.status, 200);
    EXPECT_TRUE(playing.client.interims.empty()) << "the agent's word on the answer's head comes first";
  };
  constexpr config::Events events{.request_headers = true, .response_headers = true, .request_complete = true};
  for (const std::string_view what : {"nothing", "the client leaves", "the answer breaks", "an interim answer"}) {
    const Act& disturbance = *std::ranges::find(disturbances, what, &Act::name);
    const std::vector<const Act*> all{&verdict_on_head, &verdict_on_answer, &acts[3],    &acts[4],
                                      &acts[5],         &acts[6],           &disturbance};
    play_with_agent(all, {events, head("GET", http::Framing::none), allow, false, what == "nothing", false, expect});
    play_with_agent(all, {events, head("GET", http::Framing::none), forbid, true, false, false, expect});
  }
}

TEST(ExchangeVerdictOrder, AnAnswerThatIsEmptyIsHeldForTheWordOnItsEnd) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  inspection::testing::ScriptedAgent agent{path,
                                           {.response_body = [](const auto&, agent::Context&) { return forbid(); }}};
  for (const config::BodyTerms& terms : {config::BodyTerms{}, config::BodyTerms{.gathers = 2'000}}) {
    World world{{{.id = "agent", .path = path, .events = {.response_body = true}, .response_body = terms}}};
    Playing playing{world, head("GET", http::Framing::none)};
    playing.upstream.answers(200);
    world.settle();
    EXPECT_FALSE(playing.client.status) << "an agent will hold what comes";
    playing.upstream.body.end();
    EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return playing.is_over; }));
    EXPECT_EQ(playing.stage(), Stage::answered);
    EXPECT_EQ(playing.client.status, 403);
  }
}

TEST(ExchangeVerdictOrder, ARequestThatGoesOnBesideItsAnswerDoesNotCutTheWordOfAnAgent) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  PatientAgent agent{path};
  World world{path, {.response_headers = true, .request_complete = true}};
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.client.stalls();
  playing.upstream.answers(200);
  world.settle();
  agent.answers_first(forbid());
  EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return playing.stage() == Stage::answering; }));
  world.settle();
  playing.client.body.push("one ");
  world.settle();
  EXPECT_FALSE(playing.is_over);
  playing.upstream.interims(103);
  playing.client.goes_on();
  world.settle();
  EXPECT_EQ(playing.stage(), Stage::answered);
  EXPECT_EQ(playing.client.status, 403);
}

TEST(ExchangeVerdictOrder, NothingIsSentBesideAnAnswerThatWasThereBeforeTheRequestBegan) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  PatientAgent agent{path};
  World world{path, {.request_headers = true, .request_complete = true}};
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.upstream.stalls();
  playing.upstream.answers(200);
  playing.upstream.body.end();
  agent.gives_verdict();
  agent.pump(world, playing, allow);
  EXPECT_EQ(playing.stage(), Stage::awaiting_answer) << "what is sent first is still written";
  playing.upstream.goes_on();
  world.settle();
  EXPECT_EQ(playing.stage(), Stage::answered);
}

TEST(ExchangeVerdictOrder, TheWordOnAnAnswerIsSaidThoughOneIsOwedOnTheRequestBesideIt) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  inspection::testing::ScriptedAgent* self = nullptr;
  const auto holds_all_but_the_first = [&self](const wire::RequestBodyChunk& chunk, agent::Context& context) {
    return chunk.chunk_index == 0 ? agent::Reply{allow()} : self->hold(context);
  };
  inspection::testing::ScriptedAgent agent{path,
                                           {.request_body = holds_all_but_the_first,
                                            .response_body = [](const auto&, agent::Context&) { return forbid(); }}};
  self = &agent;
  constexpr config::BodyTerms streaming{.gathers = 0};
  World world{{{.id = "agent",
                .path = path,
                .events = {.request_body = true, .response_body = true},
                .request_body = streaming,
                .response_body = streaming}}};
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.client.body.push("one");
  EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return playing.upstream.request_body == "one"; }));
  playing.client.body.push("two");
  EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return agent.has_seen("body 1 'two'"); }));
  playing.upstream.body.push("three");
  playing.upstream.answers(200);
  EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return playing.is_over; }));
  EXPECT_EQ(playing.stage(), Stage::answered);
  EXPECT_EQ(playing.client.status, 403);
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

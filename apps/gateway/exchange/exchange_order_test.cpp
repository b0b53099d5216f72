#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/testing/fake_sides.hpp"
#include "apps/gateway/exchange/testing/world.hpp"
#include "picket/inspection/testing/scripted_agent.hpp"
#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::exchange {
namespace {

using testing::FakeClient;
using testing::FakeUpstream;
using testing::Steps;

constexpr std::string_view request_bytes = "one two";
constexpr std::string_view answer_bytes = "three four";

class PatientAgent;

/// The world, and the agent of it that is asked.
struct World : testing::World {
  using testing::World::World;
  PatientAgent* agent = nullptr;
};

http::RequestHead head(std::string_view method, http::Framing framing) {
  static constexpr base::Header host{"Host", "a.test"};
  return {.method = method,
          .target = "/",
          .headers = std::span{&host, 1},
          .framing = framing,
          .content_length = framing == http::Framing::length ? request_bytes.size() : 0};
}

/// One exchange that has begun.
class Playing {
 public:
  explicit Playing(World& world, http::RequestHead request = head("PUT", http::Framing::chunked),
                   Steps steps_in = Steps{}, int targets = 1, bool duplex = false)
      : steps(steps_in),
        // A declared length: the body has come with its head (ADR 0010).
        client(world.worker, request, steps,
               request.framing == http::Framing::length ? std::optional{std::string{request_bytes}} : std::nullopt),
        upstream(world.worker, cancel_, steps, targets),
        exchange_(world.service(), client, upstream, cancel_, world.peer, world.listener, arena_),
        world_(world) {
    client.duplex = upstream.duplex = duplex;
    transport::spawn(serve());
    world_.settle();
  }
  ~Playing() {
    if (!is_over) exchange_.abandon(wire::CancelReason::proxy_shutdown);
    world_.settle();
    EXPECT_TRUE(is_over) << "it waits for something that nobody ends: " << name(stage());
  }
  [[nodiscard]] Stage stage() const { return exchange_.state().stage(); }
  void abandon() { exchange_.abandon(wire::CancelReason::proxy_shutdown); }

  /// What holds at any time, and of an end.
  void expect_promises() const {
    EXPECT_EQ(upstream.request_body, request_bytes.substr(0, upstream.request_body.size()));
    EXPECT_FALSE(client.wrote_after_the_end);
    const bool is_relayed = client.status == 200;
    if (is_relayed) EXPECT_EQ(client.answer, answer_bytes.substr(0, client.answer.size()));
    if (!is_over) return;
    const bool has_whole_answer = client.status && client.answer_ended;
    EXPECT_EQ(stage() == Stage::answered, has_whole_answer) << name(stage());
    EXPECT_EQ(stage() == Stage::cut, client.was_reset.has_value()) << name(stage());
    if (stage() == Stage::answered && is_relayed) EXPECT_EQ(client.answer, answer_bytes);
    if (upstream.was_finished) EXPECT_TRUE(stage() == Stage::answered && is_relayed);
  }

  Steps steps;

 private:
  transport::Cancel cancel_;
  base::Arena arena_;

 public:
  FakeClient client;
  FakeUpstream upstream;
  bool is_over = false;

 private:
  transport::Task<void> serve() {
    co_await exchange_.serve();
    is_over = true;
  }
  Exchange exchange_;
  World& world_;
};

/// What happens in one exchange, each once.
struct Act {
  enum class Whose { clients, upstreams, agents, anybodys };
  std::string_view name;
  Whose whose;
  void (*happens)(World&, Playing&);
};
using enum Act::Whose;
/// Each peer's in its order.
const std::vector<Act> acts{
    {"body", clients, [](World&, Playing& p) { p.client.body.push(request_bytes.substr(0, 4)); }},
    {"more of it", clients, [](World&, Playing& p) { p.client.body.push(request_bytes.substr(4)); }},
    {"its end", clients, [](World&, Playing& p) { p.client.body.end(); }},
    {"answer's head", upstreams, [](World&, Playing& p) { p.upstream.answers(200); }},
    {"answer's body", upstreams, [](World&, Playing& p) { p.upstream.body.push(answer_bytes.substr(0, 6)); }},
    {"more of the answer", upstreams, [](World&, Playing& p) { p.upstream.body.push(answer_bytes.substr(6)); }},
    {"answer's end", upstreams, [](World&, Playing& p) { p.upstream.body.end(); }},
};
const std::vector<Act> disturbances{
    {"nothing", anybodys, [](World&, Playing&) {}},
    {"the client leaves", anybodys,
     [](World&, Playing& p) {
       if (!p.is_over) p.client.leaves();
     }},
    {"the client's body breaks", anybodys, [](World&, Playing& p) { p.client.body.fail(testing::broken()); }},
    {"the client's body takes too long", anybodys,
     [](World&, Playing& p) { p.client.body.fail(base::fail(base::ErrorKind::timeout, "late")); }},
    {"the client's body is malformed", anybodys,
     [](World&, Playing& p) { p.client.body.fail(base::fail(base::ErrorKind::invalid_message, "bad chunk")); }},
    {"the upstream hangs up", anybodys, [](World&, Playing& p) { p.upstream.hangs_up(); }},
    {"the upstream takes too long", anybodys, [](World&, Playing& p) { p.upstream.takes_too_long(); }},
    {"an interim answer", anybodys, [](World&, Playing& p) { p.upstream.interims(103); }},
    {"the answer breaks", anybodys, [](World&, Playing& p) { p.upstream.body.fail(testing::broken()); }},
    {"the client stalls", anybodys, [](World&, Playing& p) { p.client.stalls(); }},
    {"the process ends", anybodys, [](World&, Playing& p) { p.abandon(); }},
    {"drain", anybodys, [](World& world, Playing&) { world.shard.draining = true; }},
};

/// All orders of acts in which each peer's own stay in theirs.
template <class Play>
void in_every_order(std::vector<const Act*> order, Play&& play) {
  std::ranges::sort(order);
  const auto in_order = [&](Act::Whose whose) {
    const auto is_whose = [&](const Act* act) { return act->whose == whose; };
    return std::ranges::is_sorted(order | std::views::filter(is_whose));
  };
  do {
    if (in_order(clients) && in_order(upstreams) && in_order(agents)) play(order);
  } while (!::testing::Test::HasFailure() && std::ranges::next_permutation(order).found);
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

std::string told(std::span<const Act* const> order) {
  std::string names;
  for (const Act* const act : order) names += std::string{act->name} + ", ";
  return names;
}

struct Ending {
  Stage stage;
  int steps;  ///< that were taken
};

/// Plays a story to its end, in which one step may fail.
Ending play(World& world, std::span<const Act* const> order, Steps steps = Steps{}, bool duplex = false) {
  world.shard.draining = false;
  Playing playing{world, head("PUT", http::Framing::chunked), steps, 1, duplex};
  for (const Act* const act : order) {
    act->happens(world, playing);
    world.settle();
    playing.expect_promises();
  }
  playing.client.goes_on();
  world.settle();
  playing.expect_promises();
  EXPECT_TRUE(playing.is_over) << name(playing.stage());
  return {playing.stage(), playing.steps.taken()};
}

/// Every order of what peers do, with each disturbance.
template <class Tell>
void for_each_story(Tell&& tell) {
  for (const Act& disturbance : disturbances) {
    std::vector<const Act*> all{&disturbance};
    for (const Act& act : acts) all.push_back(&act);
    in_every_order(all, [&](std::span<const Act* const> order) {
      SCOPED_TRACE(told(order));
      tell(disturbance, order);
    });
  }
}

TEST(ExchangeOrder, EveryOrderOfWhatPeersDoEndsInOneAnswerOrOneCut) {
  World world;
  for_each_story([&](const Act& disturbance, std::span<const Act* const> order) {
    const Ending ending = play(world, order);
    if (is_one_of(disturbance.name, {"nothing", "drain", "the client stalls", "an interim answer"}))
      EXPECT_EQ(ending.stage, Stage::answered);
  });
}

TEST(ExchangeOrder, ARequestThatGoesOnBesideItsAnswerEndsInOneAnswerOrOneCutInEveryOrder) {
  World world;
  for_each_story([&](const Act& disturbance, std::span<const Act* const> order) {
    const Ending ending = play(world, order, Steps{}, true);
    const bool is_well = is_one_of(disturbance.name, {"nothing", "drain", "the client stalls", "an interim answer"});
    if (is_well) EXPECT_EQ(ending.stage, Stage::answered);
    if (disturbance.name != "nothing") return;
    for (int failing = 0; failing < ending.steps; ++failing) play(world, order, Steps{failing}, true);
  });
}

TEST(ExchangeOrder, AConversationPassesBothWaysAtOnce) {
  World world;
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.client.body.push("one ");
  world.settle();
  playing.upstream.answers(200);
  playing.upstream.body.push("three ");
  world.settle();
  EXPECT_EQ(playing.client.answer, "three ");
  EXPECT_FALSE(playing.upstream.request_ended);
  playing.client.body.push("two");
  world.settle();
  EXPECT_EQ(playing.upstream.request_body, "one two");
  playing.client.body.end();
  world.settle();
  EXPECT_TRUE(playing.upstream.request_ended);
  playing.upstream.body.push("four");
  playing.upstream.body.end();
  world.settle();
  EXPECT_EQ(playing.stage(), Stage::answered);
  EXPECT_EQ(playing.client.answer, answer_bytes);
}

/// RFC 9113 §8.1: an upstream that has answered need not take the rest.
TEST(ExchangeOrder, AnUpstreamThatTakesNoMoreOfARequestCutsNoAnswerThatItsClientIsSlowToRead) {
  World world;
  Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  playing.client.stalls();
  playing.upstream.answers(200);
  playing.upstream.body.push(answer_bytes);
  playing.upstream.body.end();
  world.settle();
  playing.upstream.takes_no_more = true;
  playing.client.body.push("one ");
  world.settle();
  EXPECT_FALSE(playing.is_over);
  playing.client.goes_on();
  world.settle();
  EXPECT_EQ(playing.stage(), Stage::answered);
  EXPECT_EQ(playing.client.answer, answer_bytes);
}

TEST(ExchangeOrder, WhatAnAnswerHasNoPlaceForIsNobodysFailure) {
  World world;
  Playing playing{world};
  playing.client.body.end();
  playing.upstream.has_no_place();
  world.settle();
  EXPECT_EQ(playing.client.status, 503);
}

TEST(ExchangeOrder, ARequestThatBreaksBesideItsAnswerIsRefusedBeforeItAndCutsItAfterwards) {
  World world;
  const auto malformed = base::fail(base::ErrorKind::invalid_message, "bad chunk");
  Playing early{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  early.client.body.fail(malformed);
  world.settle();
  EXPECT_EQ(early.client.status, 400);
  EXPECT_TRUE(early.upstream.was_reset);
  Playing late{world, head("PUT", http::Framing::chunked), Steps{}, 1, true};
  late.upstream.answers(200);
  world.settle();
  late.client.body.fail(malformed);
  world.settle();
  EXPECT_EQ(late.stage(), Stage::cut);
  EXPECT_TRUE(late.upstream.was_reset);
}

TEST(ExchangeOrder, EachStepThatFailsInAnyStoryEndsTheExchange) {
  World world;
  int failed = 0;
  for_each_story([&](const Act&, std::span<const Act* const> order) {
    const int steps = play(world, order).steps;
    for (int failing = 0; failing < steps; ++failing) {
      SCOPED_TRACE("step " + std::to_string(failing) + " fails");
      play(world, order, Steps{failing});
      ++failed;
    }
  });
  EXPECT_GT(failed, 10'000);
}

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
  /// Holds after each act of an exchange whose agent has given so many verdicts.
  void (*expect)(const Playing& playing, int verdicts, bool blocks);
};

agent::Decision allow() { return agent::Decision::allow(); }
agent::Decision forbid() { return agent::Decision::block(403); }

/// Plays every order of the acts; who was asked is told how each ended.
void play_with_agent(const std::vector<const Act*>& all, const Game& game) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  PatientAgent agent{path};
  World world{path, game.events};
  world.agent = &agent;
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
      if (game.blocks && playing.stage() == Stage::answered) EXPECT_EQ(playing.client.status, 403);
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

TEST(ExchangeOrder, NothingGoesUpstreamBeforeTheVerdictAndTheAgentIsToldHowItEnded) {
  const Act verdict_on_head{"verdict on the head", agents,
                            [](World& world, Playing&) { world.agent->gives_verdict(); }};
  const Act verdict_on_body{"verdict on the body", agents,
                            [](World& world, Playing&) { world.agent->gives_verdict(); }};
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
  for (const std::string_view what : {"nothing", "the client leaves", "the process ends"}) {
    const Act& disturbance = *std::ranges::find(disturbances, what, &Act::name);
    const std::vector<const Act*> all{&verdict_on_head, &verdict_on_body, &acts[0],    &acts[1],
                                      &acts[2],         &answer,          &disturbance};
    request.expects_continue = what == "nothing";
    play_with_agent(all, {World::asked_about_requests, request, allow, false, what == "nothing", expect});
    play_with_agent(all, {World::asked_about_requests, request, forbid, true, false, expect});
  }
}

TEST(ExchangeOrder, ABodyThatCameWithItsHeadLeavesWithItAndNotBeforeTheVerdictOnBoth) {
  const Act verdict_on_head{"verdict on the head", agents,
                            [](World& world, Playing&) { world.agent->gives_verdict(); }};
  const Act verdict_on_body{"verdict on the body", agents,
                            [](World& world, Playing&) { world.agent->gives_verdict(); }};
  const auto expect = [](const Playing& playing, int verdicts, bool blocks) {
    if (verdicts < 2 || blocks) EXPECT_EQ(playing.upstream.connections, 0);
    EXPECT_EQ(playing.upstream.writes, playing.upstream.request_ended ? 1 : 0) << "in one write";
  };
  const http::RequestHead request = head("PUT", http::Framing::length);
  for (const std::string_view what : {"nothing", "the client leaves", "the process ends", "the upstream hangs up"}) {
    const Act& disturbance = *std::ranges::find(disturbances, what, &Act::name);
    const std::vector<const Act*> all{&verdict_on_head, &verdict_on_body, &acts[3],    &acts[4],
                                      &acts[5],         &acts[6],         &disturbance};
    play_with_agent(all, {World::asked_about_requests, request, allow, false, what == "nothing", expect});
    play_with_agent(all, {World::asked_about_requests, request, forbid, true, false, expect});
  }
}

TEST(ExchangeOrder, ABodyThatCameWithItsHeadIsAskedAboutAlongWithItAndTheWordOnTheHeadCountsFirst) {
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

TEST(ExchangeOrder, AnEmptyBodyThatHasEndedBeforeItIsReadIsJudgedAllTheSame) {
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

TEST(ExchangeOrder, NothingOfTheAnswerReachesTheClientBeforeItsVerdict) {
  const Act verdict_on_head{"verdict on the head", agents,
                            [](World& world, Playing&) { world.agent->gives_verdict(); }};
  const Act verdict_on_answer{"verdict on the answer", agents,
                              [](World& world, Playing&) { world.agent->gives_verdict(); }};
  const auto expect = [](const Playing& playing, int verdicts, bool blocks) {
    if (verdicts < 2 || blocks) EXPECT_NE(playing.client.status, 200);
    EXPECT_TRUE(playing.client.interims.empty()) << "the agent's word on the answer's head comes first";
  };
  constexpr config::Events events{.request_headers = true, .response_headers = true, .request_complete = true};
  for (const std::string_view what : {"nothing", "the client leaves", "the answer breaks", "an interim answer"}) {
    const Act& disturbance = *std::ranges::find(disturbances, what, &Act::name);
    const std::vector<const Act*> all{&verdict_on_head, &verdict_on_answer, &acts[3],    &acts[4],
                                      &acts[5],         &acts[6],           &disturbance};
    play_with_agent(all, {events, head("GET", http::Framing::none), allow, false, what == "nothing", expect});
    play_with_agent(all, {events, head("GET", http::Framing::none), forbid, true, false, expect});
  }
}

TEST(ExchangeOrder, AClientThatWaitsFor100GetsTheUpstreamsOnceAndBeforeItsAnswer) {
  World world;
  http::RequestHead request = head("PUT", http::Framing::chunked);
  request.expects_continue = true;
  int passed_on = 0;
  std::vector<const Act*> all;
  for (const Act& act : acts) all.push_back(&act);
  const Act continues{"100", anybodys, [](World&, Playing& p) { p.upstream.interims(100); }};
  all.push_back(&continues);
  in_every_order(all, [&](std::span<const Act* const> order) {
    SCOPED_TRACE(told(order));
    Playing playing{world, request};
    for (const Act* const act : order) {
      act->happens(world, playing);
      world.settle();
      playing.expect_promises();
    }
    EXPECT_EQ(playing.stage(), Stage::answered);
    EXPECT_LE(playing.client.interims.size(), 1U);
    passed_on += playing.client.interims.empty() ? 0 : 1;
  });
  EXPECT_GT(passed_on, 0);
}

TEST(ExchangeOrder, ARequestThatGoesOnBesideItsAnswerDoesNotCutTheWordOfAnAgent) {
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

TEST(ExchangeOrder, WhatIsNotTakenIsNotAskedFor) {
  World world;
  Playing playing{world};
  playing.client.stalls();
  playing.client.body.end();
  playing.upstream.answers(200);
  world.settle();
  playing.upstream.body.push(answer_bytes);
  world.settle();
  EXPECT_EQ(playing.upstream.body.taken(), 0U) << "the client takes nothing";
  EXPECT_FALSE(playing.upstream.body.is_awaited());
  playing.client.goes_on();
  world.settle();
  EXPECT_EQ(playing.upstream.body.taken(), answer_bytes.size());
}

TEST(ExchangeOrder, OneExchangeOfAConnectionStallsAnotherIsResetAndAThirdIsServed) {
  World world;
  Playing stalled{world};
  Playing reset{world};
  Playing served{world};
  stalled.client.stalls();
  for (Playing* const each : {&stalled, &reset, &served})
    for (const Act& act : acts) {
      if (each == &reset && act.name == "answer's body") each->client.leaves();
      act.happens(world, *each);
      world.settle();
    }
  EXPECT_EQ(served.stage(), Stage::answered);
  EXPECT_EQ(served.client.answer, answer_bytes);
  EXPECT_EQ(reset.stage(), Stage::gone);
  EXPECT_TRUE(reset.upstream.was_reset);
  EXPECT_FALSE(stalled.is_over);
  EXPECT_FALSE(stalled.upstream.was_reset);
  stalled.client.goes_on();
  world.settle();
  EXPECT_EQ(stalled.client.answer, answer_bytes);
}

TEST(ExchangeOrder, AnUpstreamThatHangsUpIsReplacedWhereNothingIsLost) {
  World world;
  for (const bool body_has_passed : {false, true}) {
    Playing playing{world, head("PUT", http::Framing::chunked), Steps{}, 2};
    if (body_has_passed) playing.client.body.push(request_bytes);
    world.settle();
    playing.upstream.hangs_up();
    world.settle();
    EXPECT_EQ(playing.upstream.connections, body_has_passed ? 1 : 2);
    EXPECT_EQ(playing.is_over, body_has_passed);
    if (body_has_passed) EXPECT_EQ(playing.client.status, 502);
  }
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

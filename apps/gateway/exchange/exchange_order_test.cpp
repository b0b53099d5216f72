#include <algorithm>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/testing/fake_sides.hpp"

namespace picket::apps::gateway::exchange {
namespace {

using testing::FakeClient;
using testing::FakeUpstream;
using testing::Steps;

constexpr std::string_view request_bytes = "one two";
constexpr std::string_view answer_bytes = "three four";

/// A service with one route to one upstream, which nobody connects to.
class World {
 public:
  World() {
    spdlog::set_level(spdlog::level::off);
    auto generation = std::make_shared<generation::Generation>();
    generation->config.upstreams.push_back({.id = "app", .targets = {}});
    generation->config.routes.push_back({.id = "all"});
    generation->upstreams.push_back({.upstream = generation->config.upstreams[0], .addresses = {}});
    generation->logs = std::make_shared<generation::Logs>();
    service_ = generation::Service::create(worker, shard, std::move(generation), nullptr).value();
  }
  /// Lets everybody go on who may.
  void settle() {
    do worker.turn(worker.now());
    while (worker.has_resumptions());
  }
  generation::Service& service() { return *service_; }

  transport::Worker worker;
  generation::ShardState shard{.hangups = transport::HangupMonitor{worker}};
  downstream::Peer peer{.ip = *config::IpAddress::parse("192.0.2.1"), .address = "192.0.2.1", .port = 1};

 private:
  std::shared_ptr<generation::Service> service_;
};

http::RequestHead head(std::string_view method, http::Framing framing) {
  static constexpr base::Header host{"Host", "a.test"};
  return {.method = method, .target = "/", .headers = std::span{&host, 1}, .framing = framing};
}

/// One exchange that has begun.
class Playing {
 public:
  explicit Playing(World& world, http::RequestHead request = head("PUT", http::Framing::chunked),
                   Steps steps_in = Steps{}, int targets = 1)
      : steps(steps_in),
        client(world.worker, request, steps),
        upstream(world.worker, cancel_, steps, targets),
        exchange_(world.service(), client, upstream, cancel_, world.peer, nullptr, arena_),
        world_(world) {
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
  enum class Whose { clients, upstreams, anybodys };
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
    if (in_order(clients) && in_order(upstreams)) play(order);
  } while (!::testing::Test::HasFailure() && std::ranges::next_permutation(order).found);
}

std::string told(std::span<const Act* const> order) {
  std::string names;
  for (const Act* const act : order) names += std::string{act->name} + ", ";
  return names;
}

TEST(ExchangeOrder, EveryOrderOfWhatPeersDoEndsInOneAnswerOrOneCut) {
  World world;
  for (const Act& disturbance : disturbances) {
    std::vector<const Act*> all{&disturbance};
    for (const Act& act : acts) all.push_back(&act);
    const bool is_harmless =
        disturbance.name == "nothing" || disturbance.name == "drain" || disturbance.name == "the client stalls";
    in_every_order(all, [&](std::span<const Act* const> order) {
      SCOPED_TRACE(told(order));
      world.shard.draining = false;
      Playing playing{world};
      for (const Act* const act : order) {
        act->happens(world, playing);
        world.settle();
        playing.expect_promises();
      }
      playing.client.goes_on();
      world.settle();
      playing.expect_promises();
      EXPECT_TRUE(playing.is_over);
      if (is_harmless) EXPECT_EQ(playing.stage(), Stage::answered);
    });
  }
}

TEST(ExchangeOrder, EachStepThatFailsEndsTheExchange) {
  World world;
  const auto play = [&](int failing) {
    Playing playing{world, head("PUT", http::Framing::chunked), Steps{failing}};
    for (const Act& act : acts) {
      act.happens(world, playing);
      world.settle();
    }
    playing.expect_promises();
    EXPECT_TRUE(playing.is_over) << "step " << failing;
    return playing.steps.taken();
  };
  const int steps = play(Steps::none);
  EXPECT_GT(steps, 6);
  for (int failing = 0; failing < steps; ++failing) play(failing);
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

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/ends_told.hpp"
#include "apps/gateway/exchange/testing/random_peers.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"

/// Exchanges with random peers, many at a time, and what holds of each whatever its peers do.
namespace picket::apps::gateway::exchange {
namespace {

using testing::Chance;
using testing::EndsTold;
using testing::PeersPlan;
using testing::RandomPeers;
using testing::World;

constexpr int exchanges = 100'000;

/// What an agent makes of one exchange.
enum class Verdict : std::uint8_t { allows, allows_late, blocks_head, blocks_body, count };

/// What becomes of one exchange; the same for the same number.
struct Plan {
  explicit Plan(int number)
      : chance(number),
        is_asked(chance.one_in(3)),
        verdict(static_cast<Verdict>(chance.below(static_cast<std::size_t>(Verdict::count)))),
        peers(chance) {
    peers.target = (is_asked ? "/asked/" : "/unasked/") + std::to_string(number);
  }

  Chance chance;
  bool is_asked;
  Verdict verdict;
  PeersPlan peers;
};

/// What the agent has seen and said of each exchange. Thread safety: any thread.
class Court {
 public:
  agent::Reply hear(int number, bool is_body, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    Case& heard = cases_[number];
    heard.came_together = heard.came_together || (is_body && !heard.held.empty());
    switch (Plan{number}.verdict) {
      case Verdict::allows_late:
        if (heard.is_decided) break;
        heard.held.push_back(context.defer());
        return heard.held.back().deferred();
      case Verdict::blocks_head: return agent::Decision::block(403);
      case Verdict::blocks_body:
        if (is_body) return agent::Decision::block(403);
        break;
      default: break;
    }
    return agent::Decision::allow();
  }
  /// A late verdict is given, on all that was and will be asked.
  void decide(int number) {
    std::vector<agent::Completion> held;
    {
      const std::lock_guard lock{mutex_};
      cases_[number].is_decided = true;
      held.swap(cases_[number].held);
    }
    for (auto& completion : held) std::move(completion).complete(agent::Decision::allow());
  }
  /// Exchanges whose body the agent saw beside its head, of those whose body had come whole and of the others.
  [[nodiscard]] std::pair<int, int> together() const {
    const std::lock_guard lock{mutex_};
    std::pair<int, int> counts;
    for (const auto& [number, each] : cases_)
      if (each.came_together) ++(Plan{number}.peers.comes_whole ? counts.first : counts.second);
    return counts;
  }
  EndsTold ends;

 private:
  struct Case {
    bool is_decided = false;
    bool came_together = false;  ///< The body, while the word on the head was awaited.
    std::vector<agent::Completion> held;
  };
  mutable std::mutex mutex_;
  std::map<int, Case> cases_;
};

class Judge final : public agent::Handler {
 public:
  explicit Judge(Court& court) : court_(court) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "judge", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    return court_.hear(court_.ends.saw(event.uri, context.correlation_id()), false, context);
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context& context) override {
    if (!event.is_last) return agent::Decision::allow();
    return court_.hear(court_.ends.number_of(context.correlation_id()), true, context);
  }
  void on_complete(const agent::RequestComplete&, agent::Context& context) override {
    court_.ends.was_told(context.correlation_id());
  }

 private:
  Court& court_;
};

/// One exchange and its peers.
class Life {
 public:
  Life(World& world, Court& court, int number) : Life(world, court, number, Plan{number}) {}

  [[nodiscard]] bool act() { return peers_.act(chance_); }
  [[nodiscard]] bool is_over() const { return peers_.is_over(); }
  [[nodiscard]] Stage stage() const { return peers_.stage(); }
  [[nodiscard]] std::string told() const { return peers_.told(); }

  void expect_promises() const {
    SCOPED_TRACE(told());
    const auto& [client, upstream, plan] = std::tie(peers_.client(), peers_.upstream(), peers_.plan());
    EXPECT_EQ(upstream.request_body, std::string_view{plan.body}.substr(0, upstream.request_body.size()));
    if (upstream.request_ended) EXPECT_EQ(upstream.request_body, plan.body);
    if (plan.comes_whole) EXPECT_EQ(upstream.writes, upstream.request_ended ? 1 : 0) << "it leaves with its head";
    if (!may_pass()) EXPECT_EQ(upstream.connections, 0) << "before its verdict";
    EXPECT_FALSE(client.wrote_after_the_end);
    if (peers_.is_relayed()) EXPECT_EQ(client.answer, std::string_view{plan.answer}.substr(0, client.answer.size()));
  }
  void expect_one_end() const {
    SCOPED_TRACE(told());
    peers_.expect_one_end();
    if (stage() == Stage::answered && peers_.is_relayed()) EXPECT_EQ(peers_.client().answer, peers_.plan().answer);
    if (peers_.client().status == 403) EXPECT_GE(verdict_, Verdict::blocks_head);
    expect_trailers();
  }

 private:
  Life(World& world, Court& court, int number, Plan plan)
      : chance_(plan.chance),
        is_asked_(plan.is_asked),
        verdict_(plan.verdict),
        peers_(world, with_decision(std::move(plan.peers), court, number), chance_) {}

  PeersPlan with_decision(PeersPlan plan, Court& court, int number) {
    plan.others = [this, &court, number] {
      is_decided_ = true;
      if (is_asked_) court.decide(number);
    };
    return plan;
  }
  /// Agents have no event for them: none is sent past those that look at the request. At the answer nobody looks.
  void expect_trailers() const {
    const auto& [client, upstream, plan] = std::tie(peers_.client(), peers_.upstream(), peers_.plan());
    const auto all = testing::passing(plan.behind_body, true, true);
    if (upstream.request_ended) EXPECT_EQ(upstream.got_behind, is_asked_ ? std::vector<std::string>{} : all);
    if (stage() == Stage::answered && peers_.is_relayed())
      EXPECT_EQ(client.got_behind, peers_.passing_behind_answer(true));
  }
  [[nodiscard]] bool may_pass() const {
    if (!is_asked_ || verdict_ == Verdict::allows) return true;
    if (verdict_ == Verdict::allows_late) return is_decided_;
    return verdict_ == Verdict::blocks_body && !peers_.plan().has_body;
  }

  Chance chance_;
  bool is_asked_;
  Verdict verdict_;
  bool is_decided_ = false;
  RandomPeers peers_;
};

TEST(ExchangeRandom, WhateverPeersDoThereIsOneAnswerOrOneCutAndEveryByteOnceAndAfterItsVerdict) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  Court court;
  agent::Server server{{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                       [&] { return std::make_unique<Judge>(court); }};
  ASSERT_TRUE(server.start());
  World world{path};
  std::map<Stage, int> ended;
  testing::play(
      world, {.exchanges = exchanges}, [&](int number) { return std::make_unique<Life>(world, court, number); },
      [&](const Life& life) { ++ended[life.stage()]; });
  for (const Stage end : {Stage::answered, Stage::cut, Stage::gone})
    EXPECT_GT(ended[end], exchanges / 100) << name(end) << " is hardly ever reached: the walk says little";
  EXPECT_TRUE(court.ends.are_told(world)) << "agents that did not hear of an end, or twice";
  EXPECT_GT(court.together().first, exchanges / 1000) << "bodies that came with their heads";
  EXPECT_EQ(court.together().second, 0) << "bodies that were sent before the word on their heads";
  EXPECT_EQ(world.worker.blocks().held(), 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

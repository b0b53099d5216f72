#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/body_court.hpp"
#include "apps/gateway/exchange/testing/losable_agent.hpp"
#include "apps/gateway/exchange/testing/random_peers.hpp"
#include "picket/transport/testing.hpp"

/// Bodies of any cut, in both directions, one behind the other or beside each other, in a content coding or not,
/// through agents of any mode that decide anything about any chunk, early or late, or are lost in the middle, between
/// peers that do anything: what the receivers get is what the decisions say, or the beginning of it and a cut.
namespace picket::apps::gateway::exchange {
namespace {

using testing::AgentPlan;
using testing::blocks_with;
using testing::BodyCourt;
using testing::BodyJudge;
using testing::BodyTrial;
using testing::Chance;
using testing::Flows;
using testing::LosableAgent;
using testing::Modes;
using testing::PeersPlan;
using testing::RandomPeers;
using testing::Sent;
using testing::to_client;
using testing::to_upstream;
using testing::Way;
using testing::ways;
using testing::Word;
using testing::World;

constexpr int exchanges_of_a_world = 800;
constexpr std::size_t usual_body = 8'000;  // some chunks, and more than an agent gathers
constexpr int fails_with = 503;
constexpr std::size_t loses_one_in = 40;  // beginnings of exchanges

/// What becomes of one exchange; the same for the same number and modes.
struct Plan {
  Plan(const Modes& modes, int number) : chance(number), peers(chance, usual_body) {
    peers.target = "/" + std::to_string(number);
    peers.is_duplex = chance.one_in(2);
    peers.has_body = peers.has_body || chance.one_in(2);
    if (peers.has_body && peers.body.empty()) peers.body = PeersPlan::bytes(chance, usual_body);
    // What may have become of a long one is too much to think of, where agents are set aside at any moment.
    const bool is_anything = modes.opens() && (peers.is_duplex || modes.lose());
    if (is_anything) peers.body.resize(std::min(peers.body.size(), usual_body));
    if (is_anything) peers.answer.resize(std::min(peers.answer.size(), usual_body));
    if (modes.unpack()) peers.pack(chance, !is_anything);
    peers.answers_in_turn = !chance.one_in(4);
    peers.may_be_disturbed = chance.one_in(2);
    peers.most_pieces = 6;
    peers.times_of_others = 6;
    for (std::size_t agent = 0; agent < modes.terms.size(); ++agent) agents.emplace_back(chance, peers);
  }

  Chance chance;
  PeersPlan peers;
  std::vector<AgentPlan> agents;
};

/// How often what can become of an exchange has.
struct Reached {
  std::map<std::string_view, int> times;
  void note(std::string_view what, bool is_so = true) { times[what] += is_so ? 1 : 0; }
};

/// One exchange, its peers and its agents.
class Life {
 public:
  Life(World& world, BodyCourt& court, const Modes& modes, int number)
      : Life(world, court, modes, number, Plan{modes, number}) {}

  [[nodiscard]] bool act() {
    if (peers_.act(chance_)) return true;
    const bool owed = trial_.late.are_owed();
    if (peers_.is_played())
      trial_.late.say_all();
    else
      trial_.late.say_one(chance_.one_in(2));
    return owed;
  }
  [[nodiscard]] bool is_over() const { return peers_.is_over(); }
  [[nodiscard]] std::string told() const { return peers_.told(); }

  void expect_promises() {
    SCOPED_TRACE(told());
    const PeersPlan& plan = peers_.plan();
    const FakeUpstream& upstream = peers_.upstream();
    const FakeClient& client = peers_.client();
    const Flows request = flows(to_upstream);
    EXPECT_TRUE(may_begin(request, upstream.request_body, upstream.coding)) << "more than the agents let go on";
    if (upstream.request_ended && plan.has_body)
      EXPECT_TRUE(may_be_all(request, upstream.request_body, upstream.coding)) << "not what the agents let go on";
    if (!trial_.lets_head_on(modes_, to_upstream)) EXPECT_EQ(upstream.connections, 0) << "before the word on its head";
    // Who gathers it was set aside, perhaps, or it goes past him.
    const bool is_aside = modes_.opens() && (has_failed() || trial_.has_lost_any() || modes_.may_overflow());
    const bool gathers = modes_.any([](const auto& terms) { return terms.gathers == body::whole; }) && !is_aside;
    if (gathers && plan.has_body && !any_is_whole(request))
      EXPECT_EQ(upstream.connections, 0) << "before the last word";
    EXPECT_FALSE(client.wrote_after_the_end);
    went_beside_ = went_beside_ || (plan.is_duplex && peers_.is_relayed() && !upstream.request_ended);
    if (!peers_.is_relayed()) return;
    EXPECT_TRUE(trial_.lets_head_on(modes_, to_client)) << "before the word on its head";
    EXPECT_TRUE(trial_.lets_answer_on(modes_, plan.sent_answer().empty())) << "before the word on what holds its head";
    EXPECT_TRUE(may_begin(flows(to_client), client.answer, client.coding)) << "more than the agents let go on";
  }
  void expect_one_end() {
    SCOPED_TRACE(told());
    peers_.expect_one_end();
    expect_status();
    if (peers_.upstream().request_ended) EXPECT_TRUE(peers_.upstream().got_behind.empty()) << "no agent was asked";
    if (stage() != Stage::answered || !peers_.is_relayed()) return;
    EXPECT_TRUE(may_be_all(flows(to_client), peers_.client().answer, peers_.client().coding));
    expect_trailers();
  }
  void note(Reached& reached) const {
    const int status = peers_.client().status.value_or(0);
    const bool is_whole = stage() == Stage::answered && status == 200;
    reached.note(name(stage()));
    reached.note("whole", is_whole);
    reached.note("changed", is_whole && peers_.client().answer != peers_.plan().answer);
    reached.note("unpacked", is_whole && peers_.plan().packed_answer && peers_.client().coding.empty());
    reached.note("packed", is_whole && !peers_.client().coding.empty());
    reached.note("trailers", is_whole && !peers_.client().got_behind.empty());
    reached.note("lost", trial_.has_lost_any());
    reached.note("whole despite a loss", is_whole && trial_.has_lost_any());
    reached.note("cut by a loss", stage() == Stage::cut && !peers_.are_disturbed() && trial_.has_lost_any());
    reached.note("request blocked", status == blocks_with[to_upstream]);
    reached.note("answer blocked", status == blocks_with[to_client]);
    reached.note("failed", status == fails_with);
    reached.note("cut by an agent", stage() == Stage::cut && !peers_.are_disturbed());
    reached.note("went on despite a failure", is_whole && has_failed());
    reached.note("late", is_whole && trial_.late.times() != 0);
    reached.note("request beside its answer", went_beside_);
  }

 private:
  using FakeClient = testing::FakeClient;
  using FakeUpstream = testing::FakeUpstream;

  Life(World& world, BodyCourt& court, const Modes& modes, int number, Plan plan)
      : modes_(modes),
        chance_(plan.chance),
        trial_(court.begin(number, std::move(plan.agents), plan.peers.is_duplex)),
        peers_(world, with_decisions(std::move(plan.peers)), chance_) {}

  PeersPlan with_decisions(PeersPlan plan) {
    plan.others = [this] { trial_.late.say_one(chance_.one_in(2)); };
    return plan;
  }
  [[nodiscard]] Stage stage() const { return peers_.stage(); }
  [[nodiscard]] Sent sent(Way way) const {
    const PeersPlan& plan = peers_.plan();
    const auto& packed = way == to_upstream ? plan.packed_body : plan.packed_answer;
    return {.content = way == to_upstream ? plan.body : plan.answer, .packed = packed ? &*packed : nullptr};
  }
  [[nodiscard]] Flows flows(Way way) const { return trial_.flows(modes_, way, sent(way)); }
  /// A field on which an agent had the last word, when it might have stood in the head, does not stand behind it.
  void expect_trailers() const {
    const std::vector<std::string>& got = peers_.client().got_behind;
    const auto is_set = [](std::string_view name) { return name == testing::set_by_agents; };
    if (trial_.has_set_field()) EXPECT_TRUE(std::ranges::none_of(got, is_set));
    std::vector<std::string> least = peers_.passing_behind_answer(false);
    if (trial_.may_have_set_field()) std::erase_if(least, is_set);
    EXPECT_TRUE(testing::are_some_of(least, got)) << "they may go on";
  }
  [[nodiscard]] bool has_failed() const {
    return trial_.was_said(to_upstream, Word::fails) || trial_.was_said(to_client, Word::fails);
  }
  [[nodiscard]] bool is_blocked() const {
    return trial_.was_said(to_upstream, Word::blocks) || trial_.was_said(to_client, Word::blocks);
  }
  /// Each end has its reason.
  void expect_status() const {
    const int status = peers_.client().status.value_or(0);
    for (const Way way : ways)
      if (status == blocks_with[way]) EXPECT_TRUE(trial_.was_said(way, Word::blocks));
    const bool is_sound = std::ranges::all_of(ways, [this](Way way) { return sent(way).is_sound(); });
    const bool has_lost = trial_.has_lost_any();
    if (peers_.are_disturbed() || (modes_.may_overflow() && !modes_.opens())) return;
    const bool is_whole = stage() == Stage::answered && status == 200;
    const bool has_no_use = has_failed() || has_lost || !is_sound;  // somebody's word is, or a body's coding
    // What cannot be unpacked goes on as it came, where nothing of it has left and nobody has changed it.
    const bool goes_on_despite = modes_.opens() && (is_sound || (modes_.all_buffer() && trial_.leave_all()));
    if (!is_blocked() && (!has_no_use || goes_on_despite)) EXPECT_TRUE(is_whole) << status << ": nobody stopped it";
    if (status == fails_with) EXPECT_TRUE(has_failed() || has_lost);
    const bool is_stopped = is_blocked() || has_failed() || !is_sound;
    const bool is_in_turn = peers_.plan().answers_in_turn && !peers_.plan().is_duplex;
    if (is_stopped && is_in_turn && !modes_.opens()) EXPECT_FALSE(is_whole) << "somebody has stopped it";
  }

  const Modes& modes_;
  Chance chance_;
  BodyTrial& trial_;
  bool went_beside_ = false;
  RandomPeers peers_;
};

/// Now and then, when an exchange begins.
void lose_some(std::span<const std::unique_ptr<LosableAgent>> agents, BodyCourt& court, Chance& chance) {
  for (std::size_t i = 0; i < agents.size(); ++i) {
    if (chance.one_in(loses_one_in)) {
      agents[i]->lose();
      court.lose(i);
    }
    court.set_away(i, agents[i]->is_away());
  }
}

class ExchangeRandomStreams : public ::testing::TestWithParam<Modes> {};

TEST_P(ExchangeRandomStreams, ReceiversGetWhatTheDecisionsSayByteForByteOrACut) {
  const Modes& modes = GetParam();
  const transport::testing::TemporaryFolder folder;
  BodyCourt court;
  std::vector<std::unique_ptr<LosableAgent>> servers;
  std::vector<config::Agent> agents;
  for (std::size_t i = 0; i < modes.terms.size(); ++i) {
    const std::string id = "agent-" + std::to_string(i);
    const std::string path = (folder.path() / id).string();
    servers.push_back(std::make_unique<LosableAgent>(path, [&court, i](std::function<void()> was_asked) {
      return [&court, i, was_asked] { return std::make_unique<BodyJudge>(court, i, was_asked); };
    }));
    agents.push_back({.id = id,
                      .path = path,
                      .events = {.request_headers = true,
                                 .request_body = true,
                                 .response_headers = true,
                                 .response_body = true,
                                 .request_complete = true},
                      .buffer_size = 1500,
                      .failure_mode = modes.failure_mode,
                      .request_body = modes.terms[i],
                      .response_body = modes.terms[i],
                      .decompress = modes.unpack(),
                      .circuit_breaker = {.failure_threshold = 1'000'000}});
    agents.back().pool.reconnect_interval = agents.back().pool.max_reconnect_interval = std::chrono::milliseconds{10};
  }
  World world{agents};
  Reached reached;
  testing::play(
      world, {.exchanges = exchanges_of_a_world},
      [&](int number) {
        const auto life = [&] { return std::make_unique<Life>(world, court, modes, number); };
        if (!modes.lose()) return life();
        Chance chance{number};
        lose_some(servers, court, chance);
        return life();
      },
      [&](const Life& life) { life.note(reached); });
  for (std::size_t i = 0; i < modes.terms.size(); ++i) EXPECT_TRUE(court.ends[i].are_told(world)) << i;
  EXPECT_EQ(world.worker.blocks().held(), 0U);
  std::vector<std::string_view> ends{
      "answered",        "gone",           "whole", "changed",
      "request blocked", "answer blocked", "late",  modes.opens() ? "went on despite a failure" : "failed"};
  // What is held whole is hardly cut: the words about it come together, or before any of it has left.
  if (!modes.any([](const auto& terms) { return terms.gathers == body::whole; })) {
    ends.emplace_back("cut");
    if (!modes.lose()) ends.emplace_back("cut by an agent");
  }
  if (modes.all_stream()) ends.emplace_back("request beside its answer");
  if (modes.unpack()) ends.emplace_back("unpacked");
  if (modes.unpack() && modes.opens()) ends.emplace_back("packed");
  ends.emplace_back(modes.lose() ? "lost" : "trailers");  // of whole answers, which are few where agents are lost
  if (modes.lose() && modes.opens()) ends.emplace_back("whole despite a loss");
  if (HasFailure()) return;
  for (const std::string_view end : ends)
    EXPECT_GT(reached.times[end], exchanges_of_a_world / 400) << end << " is hardly ever reached: the walk says little";
}

constexpr config::BodyTerms buffering{};
constexpr config::BodyTerms streaming{.gathers = 0};
constexpr config::BodyTerms mixed{.gathers = 2'000};
constexpr config::BodyTerms narrow{.holds = 20'000, .gathers = 0};
constexpr config::BodyTerms lagging{.gathers = 0, .holds_back = 700};
constexpr config::BodyTerms mixed_and_lagging{.gathers = 1'000, .holds_back = 1'000};
constexpr config::BodyTerms small{.holds = 3'000};  // what is larger goes past it, or is refused
constexpr config::BodyTerms small_and_mixed{.holds = 4'000, .gathers = 2'000};
constexpr auto open = config::FailureMode::open;
constexpr auto closed = config::FailureMode::closed;
using Trouble = Modes::Trouble;

INSTANTIATE_TEST_SUITE_P(Modes, ExchangeRandomStreams,
                         ::testing::Values(Modes{{buffering}}, Modes{{streaming}}, Modes{{mixed}}, Modes{{narrow}},
                                           Modes{{lagging}}, Modes{{mixed_and_lagging}}, Modes{{buffering}, open},
                                           Modes{{streaming}, open}, Modes{{mixed}, open}, Modes{{lagging}, open},
                                           Modes{{streaming, streaming}}, Modes{{streaming, buffering}},
                                           Modes{{buffering, streaming}}, Modes{{mixed, narrow}},
                                           Modes{{streaming, lagging}, open}, Modes{{small}, open},
                                           Modes{{small_and_mixed, small}, open}));

INSTANTIATE_TEST_SUITE_P(InCodings, ExchangeRandomStreams,
                         ::testing::Values(Modes{{streaming}, closed, Trouble::codings},
                                           Modes{{buffering}, open, Trouble::codings},
                                           Modes{{streaming}, open, Trouble::codings},
                                           Modes{{mixed_and_lagging}, open, Trouble::codings},
                                           Modes{{streaming, buffering}, closed, Trouble::codings},
                                           Modes{{mixed, streaming}, open, Trouble::codings}));

INSTANTIATE_TEST_SUITE_P(WithLosses, ExchangeRandomStreams,
                         ::testing::Values(Modes{{streaming}, closed, Trouble::losses},
                                           Modes{{streaming}, open, Trouble::losses},
                                           Modes{{buffering}, open, Trouble::losses},
                                           Modes{{mixed_and_lagging}, open, Trouble::losses},
                                           Modes{{buffering, streaming}, closed, Trouble::losses},
                                           Modes{{streaming, lagging}, open, Trouble::losses},
                                           Modes{{streaming, buffering}, open, Trouble::both}));

}  // namespace
}  // namespace picket::apps::gateway::exchange

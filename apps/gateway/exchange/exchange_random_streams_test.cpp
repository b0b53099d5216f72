#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/body_word.hpp"
#include "apps/gateway/exchange/testing/ends_told.hpp"
#include "apps/gateway/exchange/testing/late_words.hpp"
#include "apps/gateway/exchange/testing/random_peers.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"

/// Bodies of any cut, in both directions, one behind the other or beside each other, through agents of any mode that
/// decide anything about any chunk, early or late, between peers that do anything: what the receivers get is what the
/// decisions say, or the beginning of it and a cut.
namespace picket::apps::gateway::exchange {
namespace {

using testing::BodyRecord;
using testing::BodyWord;
using testing::Chance;
using testing::EndsTold;
using testing::Flow;
using testing::LateWords;
using testing::PeersPlan;
using testing::RandomPeers;
using testing::Word;
using testing::World;

constexpr int exchanges_of_a_world = 2'000;
constexpr std::size_t most_agents = 2;
constexpr std::size_t usual_body = 8'000;  // some chunks, and more than an agent gathers

enum Way : std::uint8_t { to_upstream, to_client };
constexpr std::array ways{to_upstream, to_client};
constexpr std::array blocks_with{403, 451};  // by the way
constexpr int fails_with = 503;

/// How the agents of a world look at bodies.
struct Modes {
  std::vector<config::BodyTerms> terms;  ///< One for each agent.
  config::FailureMode failure_mode = config::FailureMode::closed;
  [[nodiscard]] bool opens() const { return failure_mode == config::FailureMode::open; }
  [[nodiscard]] bool any(auto&& holds) const { return std::ranges::any_of(terms, holds); }
  /// It takes less than an agent may want to see at once.
  [[nodiscard]] bool may_overflow() const {
    return any([](const auto& each) { return each.holds < 1'000'000; });
  }
  [[nodiscard]] bool all_stream() const {
    return std::ranges::all_of(terms, [](const auto& each) { return each.gathers == 0; });
  }
};

/// What one agent makes of one exchange.
struct AgentPlan {
  struct Head {
    explicit Head(Chance& chance, bool may_want_more)
        : word(chance.one_in(16)                   ? Word::blocks
               : chance.one_in(16)                 ? Word::fails
               : may_want_more && chance.one_in(3) ? Word::wants_more
                                                   : Word::allows),
          is_late(chance.one_in(4)) {}
    Word word;
    bool is_late;
    bool is_said = false;
  };
  AgentPlan(Chance& chance, const PeersPlan& peers)
      : heads{Head{chance, false}, Head{chance, true}},
        bodies{BodyWord{chance, peers.body.size()}, BodyWord{chance, peers.answer.size()}} {}

  std::array<Head, 2> heads;  // by the way
  std::array<BodyWord, 2> bodies;
};

/// What becomes of one exchange; the same for the same number and modes.
struct Plan {
  Plan(const Modes& modes, int number) : chance(number), peers(chance, usual_body) {
    peers.target = "/" + std::to_string(number);
    // Whoever fails open is asked no more about either direction; which answers still count, beside each other, is a
    // matter of moments.
    peers.is_duplex = modes.opens() ? false : chance.one_in(2);
    peers.has_body = peers.has_body || chance.one_in(2);
    if (peers.has_body && peers.body.empty()) peers.body = PeersPlan::bytes(chance, usual_body);
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

/// One exchange as its agents see it. Thread safety: any thread.
class Trial {
 public:
  explicit Trial(std::vector<AgentPlan> plans) : plans_(std::move(plans)), records_(plans_.size()) {}

  agent::Reply hear_head(std::size_t agent, Way way, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    AgentPlan::Head& head = plans_[agent].heads[way];
    return answer(head.is_late, head.is_said, decision(way, head.word), context);
  }
  agent::Reply hear_chunk(std::size_t agent, Way way, std::string_view data, bool is_last, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    const BodyWord& word = plans_[agent].bodies[way];
    BodyRecord::Asked& asked = records_[agent][way].ask(word, data, is_last);
    agent::Decision said = decision(way, asked.word);
    const std::string made = word.made_of(data, asked.begin);
    if (said.is_allow() && made != data) {
      agent::Allow allow = agent::Decision::allow().replace_body(made);
      if (asked.word == Word::wants_more) allow.needs_more();
      said = allow;
    }
    return answer(word.is_late(asked.begin), asked.is_said, std::move(said), context);
  }
  /// What is still to be said.
  LateWords late{mutex_};

  /// What goes on of a body, by what was said of it up to now.
  [[nodiscard]] Flow flow(const Modes& modes, Way way, const Flow& sent) const {
    const std::lock_guard lock{mutex_};
    Flow flow = sent;
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const BodyRecord& record = records_[agent][way];
      EXPECT_TRUE(flow.text.starts_with(record.seen())) << "agent " << agent << " saw what is not there";
      const bool was_there_nothing = record.is_empty() && sent.text.empty();
      if (!was_there_nothing && !(modes.opens() && goes_past(agent, way)))
        flow = record.flow(plans_[agent].bodies[way], flow, modes.terms[agent], modes.opens());
    }
    return flow;
  }
  /// Whether the head may have gone on.
  [[nodiscard]] bool lets_head_on(const Modes& modes, Way way) const {
    const std::lock_guard lock{mutex_};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const AgentPlan::Head& head = plans_[agent].heads[way];
      if (modes.opens() && has_failed(agent, way)) continue;
      if (!head.is_said || head.word == Word::blocks || head.word == Word::fails) return false;
    }
    return true;
  }
  /// Whether who holds an answer's head until something of its body may go on has let something go. An empty body is
  /// shown to nobody where that is known along with its head.
  [[nodiscard]] bool lets_answer_on(const Modes& modes, bool is_empty) const {
    const std::lock_guard lock{mutex_};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const BodyRecord& record = records_[agent][to_client];
      const auto& terms = modes.terms[agent];
      const bool holds = terms.gathers != 0 || plans_[agent].heads[to_client].word == Word::wants_more;
      const bool has_let_go = record.agreed(terms) != 0 || record.has_said_last();
      const bool was_unseen = is_empty && record.is_empty();
      if (holds && !has_let_go && !was_unseen && !(modes.opens() && has_failed(agent, to_client))) return false;
    }
    return true;
  }
  /// Whether somebody has said that about something of that way, which counted where it was the first of its body.
  [[nodiscard]] bool was_said(Way way, Word word) const {
    const std::lock_guard lock{mutex_};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const AgentPlan::Head& head = plans_[agent].heads[way];
      if ((head.is_said && head.word == word) || records_[agent][way].stop() == word) return true;
    }
    return false;
  }

 private:
  static agent::Decision decision(Way way, Word word) {
    switch (word) {
      case Word::blocks: return way == to_upstream ? agent::Decision::block(403) : agent::Decision::block(451);
      case Word::fails: return agent::Decision::redirect("no address");
      case Word::wants_more: return agent::Decision::allow().needs_more();
      case Word::allows: break;
    }
    return agent::Decision::allow();
  }
  agent::Reply answer(bool is_late, bool& is_said, agent::Decision decision, agent::Context& context) {
    return late.hold(is_late, std::move(decision), [&is_said] { is_said = true; }, context);
  }
  [[nodiscard]] bool has_failed_at_head(std::size_t agent, Way way) const {
    const AgentPlan::Head& head = plans_[agent].heads[way];
    return head.is_said && head.word == Word::fails;
  }
  /// It was set aside before it had a word about that body; chunks may have come along with the head all the same.
  [[nodiscard]] bool goes_past(std::size_t agent, Way way) const {
    if (has_failed_at_head(agent, to_upstream)) return true;
    if (way == to_upstream) return false;
    return has_failed_at_head(agent, to_client) ||
           (records_[agent][to_client].is_empty() && records_[agent][to_upstream].stop() == Word::fails);
  }
  /// Of what it was asked before a body of that way, or of it.
  [[nodiscard]] bool has_failed(std::size_t agent, Way way) const {
    const auto failed = [&](Way of) {
      return has_failed_at_head(agent, of) || records_[agent][of].stop() == Word::fails;
    };
    return failed(to_upstream) || (way == to_client && failed(to_client));
  }

  mutable std::mutex mutex_;
  std::vector<AgentPlan> plans_;
  std::vector<std::array<BodyRecord, 2>> records_;  // by agent and way
};

/// All exchanges as the agents of a world see them. Thread safety: any thread.
class Court {
 public:
  Trial& begin(int number, std::vector<AgentPlan> plans) {
    const std::lock_guard lock{mutex_};
    return trials_.try_emplace(number, std::move(plans)).first->second;
  }
  Trial& trial(std::size_t agent, std::string_view id) { return trial(ends[agent].number_of(id)); }
  Trial& trial(int number) {
    const std::lock_guard lock{mutex_};
    return trials_.at(number);
  }
  std::array<EndsTold, most_agents> ends;

 private:
  std::mutex mutex_;
  std::map<int, Trial> trials_;
};

class Judge final : public agent::Handler {
 public:
  Judge(Court& court, std::size_t agent) : court_(court), agent_(agent) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "judge", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    const int number = court_.ends[agent_].saw(event.uri, context.correlation_id());
    return court_.trial(number).hear_head(agent_, to_upstream, context);
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context& context) override {
    return trial(context).hear_chunk(agent_, to_upstream, base::as_text(event.data), event.is_last, context);
  }
  agent::Reply on_response_headers(const agent::ResponseHeaders&, agent::Context& context) override {
    return trial(context).hear_head(agent_, to_client, context);
  }
  agent::Reply on_response_body(const agent::ResponseBodyChunk& event, agent::Context& context) override {
    return trial(context).hear_chunk(agent_, to_client, base::as_text(event.data), event.is_last, context);
  }
  void on_complete(const agent::RequestComplete&, agent::Context& context) override {
    court_.ends[agent_].was_told(context.correlation_id());
  }

 private:
  Trial& trial(agent::Context& context) { return court_.trial(agent_, context.correlation_id()); }

  Court& court_;
  std::size_t agent_;
};

/// How often what can become of an exchange has.
struct Reached {
  std::map<std::string_view, int> times;
  void note(std::string_view what, bool is_so = true) { times[what] += is_so ? 1 : 0; }
};

/// One exchange, its peers and its agents.
class Life {
 public:
  Life(World& world, Court& court, const Modes& modes, int number)
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
    const Flow request = flow(to_upstream);
    EXPECT_TRUE(request.text.starts_with(upstream.request_body)) << "more than the agents let go on";
    if (upstream.request_ended)
      EXPECT_TRUE(upstream.request_body == request.text && (request.is_whole || !plan.has_body));
    if (!trial_.lets_head_on(modes_, to_upstream)) EXPECT_EQ(upstream.connections, 0) << "before the word on its head";
    const bool gathers = modes_.any([](const auto& terms) { return terms.gathers == body::whole; });
    if (gathers && plan.has_body && !request.is_whole) EXPECT_EQ(upstream.connections, 0) << "before the last word";
    EXPECT_FALSE(client.wrote_after_the_end);
    went_beside_ = went_beside_ || (plan.is_duplex && peers_.is_relayed() && !upstream.request_ended);
    if (!peers_.is_relayed()) return;
    EXPECT_TRUE(trial_.lets_head_on(modes_, to_client)) << "before the word on its head";
    EXPECT_TRUE(trial_.lets_answer_on(modes_, plan.answer.empty())) << "before the word on what holds its head";
    EXPECT_TRUE(flow(to_client).text.starts_with(client.answer)) << "more than the agents let go on";
  }
  void expect_one_end() {
    SCOPED_TRACE(told());
    peers_.expect_one_end();
    expect_status();
    if (stage() != Stage::answered || !peers_.is_relayed()) return;
    const Flow answer = flow(to_client);
    EXPECT_TRUE(answer.is_whole && peers_.client().answer == answer.text);
  }
  void note(Reached& reached) const {
    const int status = peers_.client().status.value_or(0);
    const bool is_whole = stage() == Stage::answered && status == 200;
    reached.note(name(stage()));
    reached.note("whole", is_whole);
    reached.note("changed", is_whole && peers_.client().answer != peers_.plan().answer);
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

  Life(World& world, Court& court, const Modes& modes, int number, Plan plan)
      : modes_(modes),
        chance_(plan.chance),
        trial_(court.begin(number, std::move(plan.agents))),
        peers_(world, with_decisions(std::move(plan.peers)), chance_) {}

  PeersPlan with_decisions(PeersPlan plan) {
    plan.others = [this] { trial_.late.say_one(chance_.one_in(2)); };
    return plan;
  }
  [[nodiscard]] Stage stage() const { return peers_.stage(); }
  [[nodiscard]] Flow flow(Way way) const {
    const PeersPlan& plan = peers_.plan();
    return trial_.flow(modes_, way, {.text = way == to_upstream ? plan.body : plan.answer, .is_whole = true});
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
    const bool is_stopped = is_blocked() || (has_failed() && !modes_.opens());
    if (peers_.are_disturbed() || modes_.may_overflow()) return;
    const bool is_whole = stage() == Stage::answered && status == 200;
    if (!is_stopped) EXPECT_TRUE(is_whole) << status << ": nobody has stopped it";
    if (status == fails_with) EXPECT_TRUE(has_failed());
    const bool is_in_turn = peers_.plan().answers_in_turn && !peers_.plan().is_duplex;
    if (is_stopped && is_in_turn && !modes_.opens()) EXPECT_FALSE(is_whole) << "somebody has stopped it";
  }

  const Modes& modes_;
  Chance chance_;
  Trial& trial_;
  bool went_beside_ = false;
  RandomPeers peers_;
};

class ExchangeRandomStreams : public ::testing::TestWithParam<Modes> {};

TEST_P(ExchangeRandomStreams, ReceiversGetWhatTheDecisionsSayByteForByteOrACut) {
  const Modes& modes = GetParam();
  const transport::testing::TemporaryFolder folder;
  Court court;
  std::vector<std::unique_ptr<agent::Server>> servers;
  std::vector<config::Agent> agents;
  for (std::size_t i = 0; i < modes.terms.size(); ++i) {
    const std::string id = "agent-" + std::to_string(i);
    const std::string path = (folder.path() / id).string();
    servers.push_back(
        std::make_unique<agent::Server>(agent::ServerOptions{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                                        [&court, i] { return std::make_unique<Judge>(court, i); }));
    ASSERT_TRUE(servers.back()->start());
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
                      .response_body = modes.terms[i]});
  }
  World world{agents};
  Reached reached;
  testing::play(
      world, {.exchanges = exchanges_of_a_world},
      [&](int number) { return std::make_unique<Life>(world, court, modes, number); },
      [&](const Life& life) { life.note(reached); });
  for (std::size_t i = 0; i < modes.terms.size(); ++i) EXPECT_TRUE(court.ends[i].are_told(world)) << i;
  EXPECT_EQ(world.worker.blocks().held(), 0U);
  std::vector<std::string_view> ends{
      "answered",        "gone",           "whole", "changed",
      "request blocked", "answer blocked", "late",  modes.opens() ? "went on despite a failure" : "failed"};
  // What is held whole is hardly cut: the words about it come together, or before any of it has left.
  if (!modes.any([](const auto& terms) { return terms.gathers == body::whole; }))
    ends.insert(ends.end(), {"cut", "cut by an agent"});
  if (modes.all_stream() && !modes.opens()) ends.emplace_back("request beside its answer");
  if (HasFailure()) return;
  for (const std::string_view end : ends)
    EXPECT_GT(reached.times[end], exchanges_of_a_world / 200) << end << " is hardly ever reached: the walk says little";
}

constexpr config::BodyTerms buffering{};
constexpr config::BodyTerms streaming{.gathers = 0};
constexpr config::BodyTerms mixed{.gathers = 2'000};
constexpr config::BodyTerms narrow{.holds = 20'000, .gathers = 0};
constexpr config::BodyTerms lagging{.gathers = 0, .holds_back = 700};
constexpr config::BodyTerms mixed_and_lagging{.gathers = 1'000, .holds_back = 1'000};
constexpr auto open = config::FailureMode::open;

INSTANTIATE_TEST_SUITE_P(Modes, ExchangeRandomStreams,
                         ::testing::Values(Modes{{buffering}}, Modes{{streaming}}, Modes{{mixed}}, Modes{{narrow}},
                                           Modes{{lagging}}, Modes{{mixed_and_lagging}}, Modes{{buffering}, open},
                                           Modes{{streaming}, open}, Modes{{mixed}, open}, Modes{{lagging}, open},
                                           Modes{{streaming, streaming}}, Modes{{streaming, buffering}},
                                           Modes{{buffering, streaming}}, Modes{{mixed, narrow}},
                                           Modes{{streaming, lagging}, open}));

}  // namespace
}  // namespace picket::apps::gateway::exchange

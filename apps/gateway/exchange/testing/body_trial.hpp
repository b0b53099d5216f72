#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/exchange/testing/body_word.hpp"
#include "apps/gateway/exchange/testing/late_words.hpp"
#include "apps/gateway/exchange/testing/random_peers.hpp"

/// What agents make of the bodies of an exchange, in both directions.
namespace picket::apps::gateway::exchange::testing {

enum Way : std::uint8_t { to_upstream, to_client };
inline constexpr std::array ways{to_upstream, to_client};
inline constexpr std::array blocks_with{403, 451};  // by the way

/// How the agents of a world look at bodies.
struct Modes {
  std::vector<config::BodyTerms> terms;  ///< One for each agent.
  config::FailureMode failure_mode = config::FailureMode::closed;
  enum class Trouble : std::uint8_t { none, codings, losses, both } trouble = Trouble::none;
  /// Bodies are in codings, and the agents look at what these contain.
  [[nodiscard]] bool unpack() const { return trouble == Trouble::codings || trouble == Trouble::both; }
  /// The agents are lost now and then.
  [[nodiscard]] bool lose() const { return trouble == Trouble::losses || trouble == Trouble::both; }
  [[nodiscard]] bool opens() const { return failure_mode == config::FailureMode::open; }
  [[nodiscard]] bool any(auto&& holds) const { return std::ranges::any_of(terms, holds); }
  /// It takes less than an agent may want to see at once.
  [[nodiscard]] bool may_overflow() const {
    return any([](const auto& each) { return each.holds < 1'000'000; });
  }
  [[nodiscard]] bool all_buffer() const {
    return std::ranges::all_of(terms, [](const auto& each) { return each.gathers == body::whole; });
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
          is_late(chance.one_in(4)),
          sets(chance.one_in(4)) {}
    Word word;
    bool is_late;
    bool sets;  ///< A field of an answer.
    bool is_said = false;
  };
  AgentPlan(Chance& chance, const PeersPlan& peers)
      : heads{Head{chance, false}, Head{chance, true}},
        bodies{BodyWord{chance, peers.body.size()}, BodyWord{chance, peers.answer.size()}} {}

  std::array<Head, 2> heads;  // by the way
  std::array<BodyWord, 2> bodies;
};

/// One exchange as its agents see it. Thread safety: any thread.
class BodyTrial {
 public:
  BodyTrial(std::vector<AgentPlan> plans, bool is_duplex)
      : plans_(std::move(plans)), is_duplex_(is_duplex), records_(plans_.size()), are_lost_(plans_.size()) {}

  agent::Reply hear_head(std::size_t agent, Way way, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    AgentPlan::Head& head = plans_[agent].heads[way];
    agent::Decision said = decision(way, head.word);
    if (head.sets && way == to_client && said.is_allow()) {
      agent::Allow allow = agent::Decision::allow().set_response_header(std::string{testing::set_by_agents}, "ours");
      if (head.word == Word::wants_more) allow.needs_more();
      said = allow;
    }
    return answer(head.is_late, head.is_said, std::move(said), context);
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

  /// The agent is lost, with what it has said and nobody has heard.
  void lose(std::size_t agent) {
    const std::lock_guard lock{mutex_};
    are_lost_[agent] = true;
  }
  [[nodiscard]] bool has_lost_any() const {
    const std::lock_guard lock{mutex_};
    return std::ranges::count(are_lost_, true) != 0;
  }

  /// What goes on of a body, by what was said of it up to now.
  [[nodiscard]] Flows flows(const Modes& modes, Way way, const Sent& sent) const {
    const std::lock_guard lock{mutex_};
    Flows flows{sent.shown()};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const std::string& seen = records_[agent][way].seen();
      std::erase_if(flows, [&](const Flow& flow) { return !flow.text.starts_with(seen); });
      EXPECT_FALSE(flows.empty()) << "agent " << agent << " saw what is not there";
      if (!was_there_nothing(agent, way, sent)) flows = flows_behind(modes, agent, way, flows);
    }
    if (sent.packed != nullptr && may_go_packed(modes, way, sent))
      add(flows, {.text = sent.packed->bytes, .is_whole = true, .coding = sent.packed->coding});
    return flows;
  }
  /// Whether the head may have gone on.
  [[nodiscard]] bool lets_head_on(const Modes& modes, Way way) const {
    const std::lock_guard lock{mutex_};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const AgentPlan::Head& head = plans_[agent].heads[way];
      if (modes.opens() && (has_failed(agent, way) || are_lost_[agent])) continue;
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
      const bool is_aside = modes.opens() && (has_failed(agent, to_client) || are_lost_[agent]);
      if (holds && !has_let_go && !was_unseen && !is_aside) return false;
    }
    return true;
  }
  /// Whether an agent has had a word on that field of the answer, and nobody may have missed it.
  [[nodiscard]] bool has_set_field() const {
    const std::lock_guard lock{mutex_};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent)
      if (has_set(agent) && !has_failed(agent, to_client) && !are_lost_[agent]) return true;
    return false;
  }
  /// Whether one has, be it missed.
  [[nodiscard]] bool may_have_set_field() const {
    const std::lock_guard lock{mutex_};
    for (std::size_t agent = 0; agent < plans_.size(); ++agent)
      if (has_set(agent)) return true;
    return false;
  }
  /// Whether nobody puts anything in the place of any byte.
  [[nodiscard]] bool leave_all() const {
    const std::lock_guard lock{mutex_};
    return std::ranges::none_of(
        plans_, [](const AgentPlan& plan) { return std::ranges::any_of(plan.bodies, &BodyWord::edits); });
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
  [[nodiscard]] bool has_set(std::size_t agent) const {
    const AgentPlan::Head& head = plans_[agent].heads[to_client];
    return head.sets && head.is_said && (head.word == Word::allows || head.word == Word::wants_more);
  }
  [[nodiscard]] bool was_there_nothing(std::size_t agent, Way way, const Sent& sent) const {
    return records_[agent][way].is_empty() && sent.is_empty();
  }
  /// What comes of what may come to it.
  [[nodiscard]] Flows flows_behind(const Modes& modes, std::size_t agent, Way way, const Flows& all) const {
    const BodyRecord& record = records_[agent][way];
    const BodyWord& word = plans_[agent].bodies[way];
    if (modes.opens() && goes_past(agent, way)) return all;
    Flows behind;
    for (const Flow& came : all) {
      add(behind, record.flow(word, came, modes.terms[agent], modes.opens()));
      if (modes.opens() && is_set_aside(agent, way))
        record.add_flows_without_it(behind, word, came, modes.terms[agent]);
    }
    return behind;
  }
  /// For what became of it elsewhere, at a moment that nobody knows: whoever fails open is asked no more about either
  /// direction, and which answers still count, beside each other, is a matter of moments.
  [[nodiscard]] bool is_set_aside(std::size_t agent, Way way) const {
    const Way other = way == to_upstream ? to_client : to_upstream;
    const bool has_failed_beside = has_failed_at_head(agent, other) || records_[agent][other].stop() == Word::fails;
    return are_lost_[agent] || (is_duplex_ && has_failed_beside);
  }
  /// As it came, since nobody who looks at it can be shown what it contains, or nobody looks any more: then all have
  /// had their last word, and none has changed it.
  [[nodiscard]] bool may_go_packed(const Modes& modes, Way way, const Sent& sent) const {
    if (!modes.opens()) return false;
    bool looks_any = false;
    for (std::size_t agent = 0; agent < plans_.size(); ++agent) {
      const BodyRecord& record = records_[agent][way];
      if (goes_past(agent, way) || is_set_aside(agent, way)) continue;
      const bool has_failed = record.stop() == Word::fails;
      if (!record.leaves_all(plans_[agent].bodies[way], modes.terms[agent])) return false;
      if (!has_failed && !record.has_said_last() && !was_there_nothing(agent, way, sent)) return false;
      looks_any = looks_any || !has_failed;
    }
    return !looks_any || !sent.is_sound();
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
  bool is_duplex_;
  std::vector<std::array<BodyRecord, 2>> records_;  // by agent and way
  std::vector<bool> are_lost_;                      // by agent
};

}  // namespace picket::apps::gateway::exchange::testing

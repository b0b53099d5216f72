#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/pool/agent_connection.hpp"
#include "picket/pool/agent_health.hpp"
#include "picket/pool/answer_memory.hpp"
#include "picket/pool/breaker.hpp"
#include "picket/pool/call.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/crash_record.hpp"
#include "picket/pool/exchange.hpp"
#include "picket/pool/hedging.hpp"
#include "picket/pool/metrics.hpp"
#include "picket/pool/observer.hpp"
#include "picket/pool/offer.hpp"
#include "picket/pool/selection.hpp"
#include "picket/pool/site.hpp"
#include "picket/pool/sticky_sessions.hpp"
#include "picket/pool/wait_ready.hpp"
#include "picket/pool/waiting_queue.hpp"
#include "picket/transport/dns/watch.hpp"

namespace picket::pool {

/// One agent: its connections, breaker, queue and counters. An agent whose endpoint is a name is served at every
/// address of it: an address that is new gets connections, one that the name has no more gets no new exchange.
///
/// Whose it is, AgentPool, makes and removes it; who asks it holds a reference, and an Exchange for each exchange.
///
/// Thread safety: the worker's thread; metrics() may be read from any. Lifetime: worker and observer outlive it, and it
/// outlives its exchanges: is_over() says when. Errors: make()'s; later ones end calls, and reach the observer.
/// Complexity: the first call of an exchange looks at each of its connections; later ones know theirs.
///
/// A call takes these steps: a place among max_concurrent_calls, waited for in a queue of channel_buffer_size; the
/// exchange's connection, or for its first call one that selection finds and the breaker permits; then the session.
/// Whatever refuses it ends it with an error of its own (Call).
class Agent final : AgentConnection::Owner, Call::Owner, transport::dns::Watch::Owner {
 public:
  /// Begins to connect, by `spec.config` where there is one, else by `config`. `observer` may be null. Errors:
  /// connection_failed for an endpoint that is none or a value out of its range, invalid_message for a configuration
  /// that is not JSON.
  [[nodiscard]] static base::Result<std::unique_ptr<Agent>> make(transport::Worker& worker, const AgentSpec& spec,
                                                                 const Config& config, Observer* observer);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  /// Lifetime: the agent's, as what else is returned by reference here.
  [[nodiscard]] const std::string& id() const noexcept { return spec_.id; }
  [[nodiscard]] const AgentSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const AgentMetrics& metrics() const noexcept { return metrics_; }
  /// This worker's.
  [[nodiscard]] Breaker::State breaker_state() const noexcept { return breaker_.state(); }
  /// Connections that are open, those that drain included. Complexity: linear in its connections.
  [[nodiscard]] std::size_t ready_connections() const noexcept;
  /// How it is now. Complexity: linear in its connections. A copy: other workers may have it.
  [[nodiscard]] AgentHealth health() const;
  /// Why the connection ended that ended last.
  [[nodiscard]] const std::optional<base::Error>& last_error() const noexcept { return last_error_; }
  /// Why the agent refused its configuration when it was told last; none where it did not.
  [[nodiscard]] const std::optional<std::string>& refusal() const noexcept { return refusal_; }

  // ---- another configuration while it serves
  /// Gives `config_json` to every connection that is open, in place of the one that the agent has: those that are made
  /// meanwhile get the old one. The first that refuses, ends or is silent for too long makes the offer refused, and the
  /// others are given the old one again. Errors: unavailable where the agent has no configuration now, invalid_message
  /// for one that is no JSON.
  [[nodiscard]] base::Status offer(std::string config_json);
  enum class OfferState : std::uint8_t { none, pending, accepted, refused };
  /// Complexity: linear in its connections.
  [[nodiscard]] OfferState offer_state() const noexcept;
  /// Why it was refused.
  [[nodiscard]] const std::optional<std::string>& offer_refusal() const noexcept { return offer_.refusal(); }
  /// What was offered is the configuration from now on, of connections to come, too; not where it was refused. As soon
  /// as it is accepted, where it is not yet.
  void adopt();
  /// Nothing comes of the offer: who has taken it is given the old one again.
  void withdraw();

  /// The agent is to be restarted: its connections drain one after the other, while the others carry on, and are made
  /// again. When `grace` is over, all that are left end. What an agent asks for itself (RestartRequired) comes here,
  /// too. A `grace` of 0 is drain_timeout. Nothing where one is under way.
  void restart(base::Duration grace);

  /// Those of this worker.
  [[nodiscard]] StickySessions& sticky_sessions() noexcept { return sticky_; }
  /// Begins a session, in place of the one that the key had, before there is an exchange of it: the connection is
  /// picked now. Exchange::stick_to() does so by itself with the first call. Nothing is kept where the configuration
  /// keeps no sessions. Errors: unavailable, where no connection takes an exchange now. Complexity: as the first call
  /// of an exchange.
  [[nodiscard]] base::Status begin_session(std::string_view key, Demand demand = Demand::declared);

  /// As AgentPool::ready() has it.
  [[nodiscard]] WaitReady ready(base::Deadline deadline) noexcept { return {*this, ready_waiters_, worker_, deadline}; }

  /// Takes a connection of an agent that dials the proxy: answers it and begins to use it, or tells it why not. For
  /// agents whose spec has `reverse`; another one is told that it is not wanted.
  void take(reverse::Connection accepted);

  /// Cancels every event that waits for an answer. Those who wait hear `unavailable`.
  void cancel_all(wire::CancelReason reason);
  /// No new exchange: connections close as theirs end, at drain_timeout at the latest. Calls of exchanges that have not
  /// begun end as unavailable. It cannot be taken back.
  void drain();
  /// Closes every connection, for good: calls in flight end as connection_closed. It is not dialled any more.
  void close_now();
  /// Whether every connection is closed: after close_now(), or drain() and the end of what was under way.
  [[nodiscard]] bool closed() const noexcept;
  /// Whether nothing refers to it any more: it is closed, and no exchange of it is left.
  [[nodiscard]] bool is_over() const noexcept { return closed() && exchanges_ == 0; }

 private:
  friend class Exchange;  // docs/adr/0049

  Agent(transport::Worker& worker, AgentSpec spec, Config config, transport::Destination destination,
        Observer* observer);

  // ---- calls
  void start(Call& call) override;
  void on_due(Call& call) override;
  /// Hands the call to its exchange's connection, picking one first. Nothing: it was sent, or has ended. Otherwise it
  /// must wait.
  struct MustWait {
    base::Error expires_with;
    base::TimePoint until;
  };
  /// In the order of the checks: its deadline, draining, places, its connection, that connection's own state.
  [[nodiscard]] std::optional<MustWait> try_start(Call& call);
  /// Whether a call would be sent without waiting for others.
  [[nodiscard]] bool has_place() const noexcept { return waiting_.empty() && in_flight_ < most_in_flight_; }
  [[nodiscard]] std::optional<MustWait> pin(Call& call);
  void send(Call& call, AgentConnection& connection);
  /// Has the call hedged where its answer takes longer than most.
  void watch(Call& call);
  /// Asks the same on a second connection, where one is free and the budget allows it: the first answer counts.
  void hedge(Call& call);
  void settle_hedge(Call& call, const AgentConnection& answered);
  void withdraw_second(Exchange& exchange);
  [[nodiscard]] Selection select_for(const Exchange& exchange);
  /// The connection of the exchange's session as the only one that there is; none_ready where it has none.
  [[nodiscard]] Selection select_kept(const Exchange& exchange);
  [[nodiscard]] static base::Deadline stretched(const Call& call, float patience) noexcept;
  [[nodiscard]] Selection select_connection(Demand demand);
  [[nodiscard]] Candidate candidate(const AgentConnection& connection) const noexcept;
  [[nodiscard]] Selection select_among(bool with_those_that_lack_kinds);
  [[nodiscard]] std::string why_none_is_ready(Demand demand) const;
  /// A call needs an agent that is not connected to: dials now, in place of waiting for the next try. Nothing: there is
  /// nothing to wait for, or calls have waited before since the last connection was there.
  [[nodiscard]] std::optional<MustWait> dial_for(const Call& call);
  // An exchange lasts until it is complete, whether the agent is asked anything or not.
  void exchange_began() noexcept { ++exchanges_; }
  void exchange_over();
  /// Whether exchanges are open whose end the agent wants to be told of, although it may have seen nothing of them.
  [[nodiscard]] bool awaits_reports() const noexcept { return exchanges_ != 0 && wants_reports_; }
  /// Sends request_complete where the specification names it, for an exchange that the agent was not told of.
  void report(const base::CorrelationId& id, const wire::RequestComplete& summary);
  [[nodiscard]] std::optional<MustWait> paused(Call& call);
  [[nodiscard]] std::optional<MustWait> suspect(Call& call, base::TimePoint since);
  void refuse(Call& call, base::ErrorKind kind, std::string detail);
  /// Who waits until more of his exchange is wanted goes on, where it is.
  void look_who_waits();
  /// Ends whatever of the exchange is pending: nobody wants the answers.
  void abandon(Exchange& exchange);
  void wait(Call& call, MustWait terms);
  [[nodiscard]] Call& first_waiting() const noexcept { return static_cast<Call&>(*waiting_.front()); }
  /// Where it waits, it does so no more.
  void stop_waiting(Call& call) noexcept;
  /// A place became free or a connection ready: starts who waits.
  void pump();
  /// Whether the first that waits does so for a place that nobody has given back.
  [[nodiscard]] bool is_full();
  /// Ends the call: whoever awaits it may go on.
  void finish(Call& call, Answer result, Breaker::Outcome outcome);
  void note_end(Call& call, Breaker::Outcome outcome);

  // ---- connections
  /// What the agent said of itself on a connection that is ready; null without one.
  [[nodiscard]] const session::AgentInfo* info() const noexcept;
  void on_actions(AgentConnection& connection, std::span<session::ProxyAction> actions) override;
  void on_settled() override;
  void on_lost(AgentConnection& connection, const base::Error& reason, const AgentConnection::Lost& lost) override;
  void on_overdue(AgentConnection& connection) override;
  void handle(AgentConnection& connection, session::ProxyAction& action);
  void on_ready(AgentConnection& connection);
  void answered(AgentConnection& connection, const session::Answered& answer);
  void failed(AgentConnection& connection, session::Failed& failure);
  void on_health(AgentConnection& connection, const session::HealthChanged& change);
  void on_configured(AgentConnection& connection, session::Configured& outcome);
  void refuse_offer(std::string why);
  void take_back();
  void adopt_if_accepted();
  void give(AgentConnection& connection, const std::string& config_json, AgentConnection::Configuration as);
  void silent_too_long();
  void restart_next();
  [[nodiscard]] bool awaits_another_than(const AgentConnection& connection) const noexcept;
  void end_restart();
  void on_config_update(AgentConnection& connection, const wire::ConfigUpdateRequest& request);
  /// The agent has shown which dialect it speaks, where that is left to it: it is dialled in that.
  [[nodiscard]] bool recognise(AgentConnection& connection, const AgentConnection::Lost& lost);
  /// The agent drains the connection: another is made at once, for those that come now.
  void replace(const AgentConnection& leaving);
  /// One that is not in use; null where all are.
  [[nodiscard]] AgentConnection* find_spare(const Site& site) const noexcept;
  /// Whether fewer connections are there to stay, or are being made, than are configured: never of an agent that dials,
  /// nor of an address that is none of the agent's any more.
  [[nodiscard]] bool lacks_connections(const Site& site) const noexcept;
  AgentConnection& add_connection(const std::shared_ptr<Site>& site);
  /// Another one at each start: the workers of many proxies shall not do the same in one instant.
  [[nodiscard]] static std::uint32_t some_number() noexcept {
    return static_cast<std::uint32_t>(base::Clock::now().time_since_epoch().count());
  }
  void count_crash(const Site& site, const AgentConnection::Lost& lost);
  void rally(Site& site);
  void note_breaker();
  void note_ready();
  void note_limits() noexcept;
  [[nodiscard]] std::uint64_t borne_at(const Site& site) const noexcept;
  /// Those that drain and have nothing left to do.
  void close_idle();
  /// An event waits on a silent connection: by its time-out it should be known whether the agent lives there.
  void probe(const Site& site);
  /// An event timed out: a dead agent must not cost one time-out per connection.
  void distrust(const Site& site);

  // ---- addresses
  void on_places(std::span<const transport::dns::Place> places) override;
  void on_failure() override;
  void on_trouble(const base::Error& why) override;
  void on_well_again() override;
  [[nodiscard]] std::shared_ptr<Site> site_at(const transport::dns::Place& place,
                                              std::span<const std::shared_ptr<Site>> before) const;
  /// Makes the connections to an address that is new.
  void connect_to(const std::shared_ptr<Site>& site);
  [[nodiscard]] base::TimePoint last_suspicion() const noexcept;

  transport::Worker& worker_;
  AgentSpec spec_;
  Config config_;
  transport::Destination destination_;  // as the endpoint says
  DialTerms dial_terms_;
  Observer* observer_;
  AgentMetrics metrics_;
  Breaker breaker_;
  std::vector<std::shared_ptr<Site>> sites_;  // where it is served now; of a name none before it is looked up
  bool are_ranked_ = false;                   // some of them are to be chosen before others
  bool some_leave_ = false;                   // connections to addresses that are not its own any more
  std::vector<std::unique_ptr<AgentConnection>> connections_;
  std::vector<Candidate> candidates_;
  SelectionState selection_;
  std::optional<Hedging> hedging_;
  StickySessions sticky_;
  std::size_t exchanges_ = 0;  // that are not complete
  bool wants_reports_;
  std::uint32_t in_flight_ = 0;
  std::uint32_t most_in_flight_;  // what is configured, or what the agent bears where that is less
  WaitingQueue waiting_;          // each a Call
  WaitingQueue ready_waiters_;    // each a WaitReady
  WaitingQueue wait_for_more_;    // each an Exchange::MoreWanted
  std::optional<base::Error> last_error_;
  std::optional<std::string> refusal_;
  base::TimePoint dialled_at_{};        // for a call, not by a timer
  base::TimePoint calls_wait_until_{};  // for that; calls of one outage do so once
  CrashRecord crashes_;
  AnswerMemory answers_;
  Offer offer_;
  base::Timer decision_timer_;   // while connections have to decide
  std::vector<Pin> to_restart_;  // those that come are not
  base::Timer restart_timer_;    // armed until its grace is over
  bool draining_ = false;
  base::Timer drain_timer_;
  std::optional<transport::dns::Watch> watch_;  // of a name
};

}  // namespace picket::pool

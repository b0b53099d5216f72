#pragma once

#include <coroutine>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/pool/backoff.hpp"
#include "picket/pool/breaker.hpp"
#include "picket/pool/call.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/metrics.hpp"
#include "picket/pool/selection.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/link.hpp"
#include "picket/wire/copy.hpp"

namespace picket::pool {

/// Told of what an operator wants to know.
///
/// Thread safety: called on the worker's thread: it must not block, and must not call back into the
/// pool. Lifetime: outlives the pool; what it is told of lives as long as the call.
class Observer {
 public:
  virtual void on_connected(std::string_view /*agent*/, const session::AgentInfo& /*info*/) {}
  /// The agent did not declare kinds of event that are configured. `sent`: it gets them all the same.
  virtual void on_undeclared(std::string_view /*agent*/, std::span<const wire::EventKind> /*kinds*/, bool /*sent*/) {}
  /// It answered what it was not asked; each kind is said once per connection. `said`: its words, quoted.
  virtual void on_unmatched_answer(std::string_view /*agent*/, session::Misfit /*misfit*/, std::string_view /*said*/) {}
  /// `attempts`: failures in a row; `lasting`: more than max_reconnect_attempts of them after the quick tries of a
  /// start.
  virtual void on_disconnected(std::string_view /*agent*/, const base::Error& /*reason*/, std::uint32_t /*attempts*/,
                               bool /*lasting*/) {}
  virtual void on_breaker(std::string_view /*agent*/, Breaker::State /*state*/) {}
  virtual void on_health(std::string_view /*agent*/, wire::HealthState /*state*/) {}
  /// Valid during the call.
  virtual void on_metrics(std::string_view /*agent*/, const wire::MetricsReport& /*report*/) {}
  virtual void on_config_update(std::string_view /*agent*/, const wire::ConfigUpdateRequest& /*request*/) {}

 protected:
  ~Observer() = default;
};

/// One connection of an agent: connects, serves, and connects again for ever, unless it was replaced while its agent
/// drained: then it is a spare, for the next that is needed.
class Connection final : transport::ProxyLink::Owner {
 public:
  Connection(Agent& agent, std::uint32_t seed);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void connect();
  /// Connects: at once, or later where the connection that it replaces did not last.
  void replace(const Connection& leaving);
  /// Closes for good once no exchange is left, or now.
  void drain();
  void close_now();

  /// The session while the connection is open, else null.
  [[nodiscard]] session::ProxySession* session() const noexcept { return link_ ? link_->session() : nullptr; }
  /// Changes with every new connection.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  [[nodiscard]] bool ready() const noexcept { return ready_; }
  [[nodiscard]] bool closed() const noexcept { return !link_; }
  /// Neither connected nor about to be: it was replaced.
  [[nodiscard]] bool is_spare() const noexcept { return !link_ && !retry_.armed(); }
  [[nodiscard]] bool waits_to_retry() const noexcept { return !link_ && retry_.armed(); }
  [[nodiscard]] bool is_being_made() const noexcept { return link_ && !ready_; }
  /// Its agent said that it drains.
  [[nodiscard]] bool is_leaving() const noexcept {
    return session() != nullptr && session()->health() == wire::HealthState::draining;
  }
  /// Its agent takes every kind of event that is configured; meaningful while it is ready.
  [[nodiscard]] bool takes_every_kind() const noexcept { return takes_every_kind_; }
  /// An event was put in flight: what ends the connection from now on may be that.
  void asked() {
    asked_ = true;
    touch();
  }
  [[nodiscard]] Candidate candidate() const noexcept;
  /// The session was called: flush at the end of this turn.
  void touch() {
    if (link_) link_->touch();
  }
  /// The agent is silent on another connection: whether it lives is asked here, too.
  void probe();
  /// The agent failed on another connection: this one has to answer a ping before it takes anything new.
  void doubt();
  /// An exchange ended: a draining connection may be free to close now.
  void on_exchange_over();

 private:
  void on_actions(transport::ProxyLink& link) override;
  void on_closed(transport::ProxyLink& link, const base::Error& reason) override;
  void handle(session::ProxySession& session, session::ProxyAction& action);
  void on_session_ready();
  void lost(const base::Error& reason, bool was_announced);
  static void on_retry(void* self, base::TimePoint now);

  Agent& agent_;
  std::shared_ptr<transport::ProxyLink> link_;
  base::Timer retry_;
  Backoff backoff_;
  std::uint64_t epoch_ = 0;
  base::TimePoint connected_at_{};
  bool ready_ = false;
  bool takes_every_kind_ = true;
  bool asked_ = false;  // since it is connected
  bool draining_ = false;
};

/// One agent: its connections, breaker, queue and counters.
/// Thread safety: the worker's thread; metrics() may be read from any.
class Agent {
 public:
  /// Begins to connect, by `spec.config` where there is one, else by `config`. `observer` may be null. Errors:
  /// connection_failed for an endpoint that is none, invalid_message for a configuration that is not JSON.
  [[nodiscard]] static base::Result<std::unique_ptr<Agent>> make(transport::Worker& worker, const AgentSpec& spec,
                                                                 const Config& config, Observer* observer);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  [[nodiscard]] const std::string& id() const noexcept { return spec_.id; }
  [[nodiscard]] const AgentSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const AgentMetrics& metrics() const noexcept { return metrics_; }
  [[nodiscard]] Breaker::State breaker_state() const noexcept { return breaker_.state(); }
  [[nodiscard]] std::size_t ready_connections() const noexcept;
  /// Why the connection ended that ended last.
  [[nodiscard]] const std::optional<base::Error>& last_error() const noexcept { return last_error_; }
  /// Why the agent refused its configuration when it was told last; none where it did not.
  [[nodiscard]] const std::optional<std::string>& refusal() const noexcept { return refusal_; }

  /// Awaitable of AgentPool::ready().
  class WaitReady {
   public:
    WaitReady(Agent& agent, base::Deadline deadline) noexcept;
    WaitReady(const WaitReady&) = delete;
    ~WaitReady();
    [[nodiscard]] bool await_ready() const noexcept { return agent_.ready_connections() != 0; }
    void await_suspend(std::coroutine_handle<> waiter);
    [[nodiscard]] base::Status await_resume() const;

   private:
    friend class Agent;
    static void on_deadline(void* self, base::TimePoint now);
    Agent& agent_;
    base::Deadline deadline_;
    base::Timer timer_;
    transport::Resumption waiter_;
    WaitReady* next_ = nullptr;
  };

  void drain();
  void close_now();
  [[nodiscard]] bool closed() const noexcept;

 private:
  friend class Call;
  friend class Connection;
  friend class Exchange;

  Agent(transport::Worker& worker, AgentSpec spec, Config config, transport::Endpoint endpoint, Observer* observer);

  // ---- calls
  void start(Call& call);
  /// Hands the call to its exchange's connection, picking one first. Nothing: it was sent, or has ended. Otherwise it
  /// must wait.
  struct MustWait {
    base::Error expires_with;
    base::TimePoint until;
  };
  [[nodiscard]] std::optional<MustWait> try_start(Call& call);
  /// Whether a call would be sent without waiting for others.
  [[nodiscard]] bool has_place() const noexcept { return waiting_ == 0 && in_flight_ < spec_.max_concurrent_calls; }
  [[nodiscard]] std::optional<MustWait> pin(Call& call);
  void send(Call& call, Connection& connection);
  [[nodiscard]] Selection select_connection(Demand demand);
  [[nodiscard]] Selection select_among(bool with_those_that_lack_kinds);
  [[nodiscard]] std::string why_none_is_ready(Demand demand) const;
  /// A call needs an agent that is not connected to: dials now, in place of waiting for the next try. Nothing: there is
  /// nothing to wait for.
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
  void wait(Call& call, MustWait terms);
  void unlink(Call& call) noexcept;
  /// A place became free or a connection ready: starts who waits.
  void pump();
  /// Whether the first that waits does so for a place that nobody has given back.
  [[nodiscard]] bool is_full();
  void finished(Call& call, Breaker::Outcome outcome);

  // ---- connections
  /// What the agent said of itself on a connection that is ready; null without one.
  [[nodiscard]] const session::AgentInfo* info() const noexcept;
  void on_ready(Connection& connection);
  /// The agent drains the connection: another is made at once, for those that come now.
  void replace(const Connection& leaving);
  /// Whether fewer connections are there to stay, or are being made, than are configured.
  [[nodiscard]] bool lacks_connections() const noexcept;
  void add_connection();
  /// What a connection was when it ended.
  struct Lost {
    bool was_ready;
    bool was_announced;  ///< The agent had said that it drains.
    bool was_asked;      ///< An event had been put in flight on it.
    base::TimePoint connected_at;
    std::uint32_t attempts;
    std::uint32_t slow_attempts;
  };
  void on_lost(const base::Error& reason, const Lost& lost);
  void count_crash(const Lost& lost);
  void rally();
  void note_breaker();
  /// An event waits on a silent connection: by its time-out it should be known whether the agent lives.
  void probe();
  /// An event timed out: a dead agent must not cost one time-out per connection.
  void doubt();
  [[nodiscard]] base::TimePoint last_suspicion() const noexcept;

  [[nodiscard]] base::Arena take_arena();
  void return_arena(base::Arena arena);

  transport::Worker& worker_;
  AgentSpec spec_;
  Config config_;
  transport::Endpoint endpoint_;
  std::shared_ptr<const session::ProxyConfig> session_config_;
  Observer* observer_;
  AgentMetrics metrics_;
  Breaker breaker_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Candidate> candidates_;
  std::size_t turn_ = 0;
  std::size_t exchanges_ = 0;  // that are not complete
  bool wants_reports_;
  std::uint32_t in_flight_ = 0;
  std::uint32_t waiting_ = 0;
  Call* first_waiting_ = nullptr;
  Call* last_waiting_ = nullptr;
  WaitReady* ready_waiters_ = nullptr;
  std::optional<base::Error> last_error_;
  std::optional<std::string> refusal_;
  base::TimePoint dialled_at_{};  // for a call, not by a timer
  base::TimePoint rallied_at_{};
  base::TimePoint crashed_at_{};         // the last failure that counted
  bool answered_ = true;                 // anything since then
  bool crashes_without_answer_ = false;  // and nothing was between it and the one before
  std::vector<base::Arena> arenas_;
  bool draining_ = false;
  base::Timer drain_timer_;
};

}  // namespace picket::pool

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "picket/base/backoff.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/connection_life.hpp"
#include "picket/pool/pin.hpp"
#include "picket/pool/reverse/connection.hpp"
#include "picket/pool/selection.hpp"
#include "picket/pool/site.hpp"
#include "picket/pool/track_record.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/transport/destination.hpp"
#include "picket/transport/link.hpp"

namespace picket::pool {

/// How an agent is reached: the same for all its connections, wherever they lead. Thread safety: the worker's.
/// Lifetime: the agent's; its connections refer to it, and what is changed here counts from the next dial on.
struct DialTerms {
  transport::Worker& worker;
  std::shared_ptr<const session::ProxyConfig> session;
  base::Duration connect_timeout;
  base::Duration reconnect_interval;                ///< One that lasted that long is dialled again at once.
  base::Duration longest_reconnect_interval;        ///< Pauses between tries double up to it.
  base::Duration drain_timeout;                     ///< How long one that leaves may stay for what began on it.
  session::Tap* tap = nullptr;                      ///< Hears all that is said; null: nobody.
  session::Dialect dialect = session::Dialect::v2;  ///< Those that are dialled from now on.
};

/// How connections of that agent behave. Pure.
[[nodiscard]] session::ProxyConfig session_config(const AgentSpec& spec, const Config& config);

/// One connection of an agent: dials, serves, and is dialled again for ever, unless it was replaced while its agent
/// drained: then it is a spare, for the next that is needed. One that the agent dialled is taken instead, and is a
/// spare when it has ended. What its session says it hands on to whose it is.
///
/// Thread safety: the worker's thread. Lifetime: its terms and its owner outlive it. Errors: reach the owner as
/// on_lost(); a connection itself never fails.
class AgentConnection final : transport::ProxyLink::Owner {
 public:
  /// What it was when it ended.
  struct Lost {
    bool was_open;
    bool was_announced;  ///< The agent had said that it drains, or it was to go anyway.
    bool was_asked;      ///< An event had been put in flight on it.
    base::TimePoint connected_at;
    std::uint32_t attempts;
    std::uint32_t slow_attempts;
    base::Duration pause;                ///< To make before it is dialled again.
    std::optional<std::string> refusal;  ///< The agent's words where it refused its configuration.
    bool was_offered;                    ///< It had not decided on the configuration that it was offered.
    std::optional<session::Dialect>
        speaks;  ///< What it answered in, where it is another dialect than it was dialled in.
  };

  /// Which configuration the agent has on it.
  enum class Configuration : std::uint8_t {
    current,   ///< The one that its agent is configured with.
    offered,   ///< It has still to decide on another.
    taken,     ///< It took that one, which is not the current one yet.
    settling,  ///< It was given the current one, and has to accept it.
  };

  /// Whose it is; he must not destroy it from within.
  class Owner {
   public:
    /// The session spoke; of Ready the connection has taken notice already.
    virtual void on_actions(AgentConnection& connection, std::span<session::ProxyAction> actions) = 0;
    /// All of that is handled: places may be free, or the connection takes events again.
    virtual void on_settled() = 0;
    /// It ended, or could not be made. Where it shall come back, the owner says retry_after().
    virtual void on_lost(AgentConnection& connection, const base::Error& reason, const Lost& lost) = 0;
    /// It was told to leave, and what began on it takes longer than it may: to be closed.
    virtual void on_overdue(AgentConnection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  /// `site`: where it leads; of an agent that dials the proxy its endpoint is none. `seed`: of the pauses between
  /// tries; another one for each connection.
  AgentConnection(const DialTerms& terms, Owner& owner, std::shared_ptr<Site> site, std::uint32_t seed);
  AgentConnection(const AgentConnection&) = delete;
  AgentConnection& operator=(const AgentConnection&) = delete;
  ~AgentConnection();

  /// Nothing where it is there, is being made, or is closed. What comes of it is told later: as Ready among the
  /// session's actions, or on_lost().
  void dial();
  /// Serves one that the agent dialled; a spare one only.
  void take(reverse::Connection accepted);
  /// Dials: at once, or later where the connection that it replaces did not last.
  void replace(const AgentConnection& leaving);
  /// Dials when `pause` is over: a spare one only.
  void retry_after(base::Duration pause);
  /// Takes nothing new. One that is not open is closed.
  void drain();
  /// The same, and says on_overdue() where that takes too long.
  void leave();
  /// Leads to `site` from now on, as if it were new: a closed one only.
  void move_to(std::shared_ptr<Site> site);
  /// Closes one that drains and has no exchange left.
  void close_if_idle();
  /// Closes for good: what still waits for an answer fails. on_lost() is not called for it.
  void close();

  [[nodiscard]] Site& site() const noexcept { return *site_; }
  [[nodiscard]] ConnectionLife::State life() const noexcept { return life_.state(); }
  [[nodiscard]] bool is_open() const noexcept { return life_.is_open(); }
  [[nodiscard]] bool is_waiting() const noexcept { return life() == ConnectionLife::State::waiting; }
  [[nodiscard]] bool is_connecting() const noexcept { return life() == ConnectionLife::State::connecting; }
  [[nodiscard]] bool is_spare() const noexcept { return life() == ConnectionLife::State::spare; }
  [[nodiscard]] bool is_closed() const noexcept { return life() == ConnectionLife::State::closed; }
  [[nodiscard]] bool is_draining() const noexcept { return life() == ConnectionLife::State::draining; }
  /// The session once the opening is over, else null.
  [[nodiscard]] session::ProxySession* session() const noexcept { return link_ ? link_->session() : nullptr; }
  /// Changes when it ends: a connection that came back is another.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// It, as it is now.
  [[nodiscard]] Pin pin() noexcept { return {.connection = this, .epoch = epoch_}; }
  /// Its agent said that it drains.
  [[nodiscard]] bool is_leaving() const noexcept { return session() != nullptr && session()->is_leaving(); }
  /// An event timed out on it, and the ping since is not answered.
  [[nodiscard]] bool is_suspect() const noexcept { return session() != nullptr && session()->suspect(); }
  /// Its agent takes every kind of event that is configured; meaningful while it is open.
  [[nodiscard]] bool takes_every_kind() const noexcept { return session() == nullptr || session()->takes_every_kind(); }
  [[nodiscard]] Candidate candidate() const noexcept;
  /// The same with its health, which costs more.
  [[nodiscard]] Candidate candidate_with_health() const noexcept;

  /// An event that was in flight on it was answered after `latency`, or timed out.
  void note_answer(base::Duration latency) noexcept { record_.answered(latency); }
  void note_failure() noexcept { record_.failed(terms_.worker.now()); }
  [[nodiscard]] const TrackRecord& record() const noexcept { return record_; }

  [[nodiscard]] Configuration configuration() const noexcept { return configuration_; }
  /// It was made while its agent had another configuration.
  [[nodiscard]] bool is_outdated() const noexcept;
  /// It is so from now on, without a word to the agent.
  void note(Configuration configuration) noexcept { configuration_ = configuration; }
  /// Gives the agent `config_json` and waits for its decision, as `offered` or as `settling`. Where it cannot be said,
  /// the connection ends. What the agent decides comes as session::Configured.
  void configure(const std::string& config_json, Configuration as);
  /// Ends it as if the agent had: it is made again, if it is needed.
  void end(base::Error reason);
  /// Takes nothing new, and is made again in another's place.
  void retire();

  /// Cancels what waits for an answer on it.
  void cancel_all(wire::CancelReason reason);
  /// An event was put in flight: what ends the connection from now on may be that.
  void asked() {
    asked_ = true;
    flush_later();
  }
  /// Of an exchange on it: as the session has it, which is there.
  void cancel(const base::CorrelationId& id, wire::CancelReason reason);
  bool complete(const base::CorrelationId& id, const wire::RequestComplete& summary);
  /// The session was called: flush at the end of this turn.
  void flush_later() {
    if (link_) link_->flush_later();
  }
  /// The agent is silent on another connection: whether it lives is asked here, too.
  void probe();
  /// The agent failed on another connection: this one has to answer a ping before it takes anything new.
  void distrust();

 private:
  void on_actions(transport::ProxyLink& link) override;
  void on_closed(transport::ProxyLink& link, const base::Error& reason) override;
  void hand_on_actions(session::ProxySession& session);
  [[nodiscard]] double expected_latency(std::uint32_t in_flight) const noexcept;
  /// None for one that served for a while: it may come back at once. One that ends soon after its start is not to be
  /// dialled in a tight loop.
  [[nodiscard]] base::Duration pause_after(bool was_open);

  void on_timer();

  const DialTerms& terms_;
  Owner& owner_;
  std::shared_ptr<Site> site_;
  ConnectionLife life_;
  std::shared_ptr<transport::ProxyLink> link_;  // while it is connecting or open
  std::shared_ptr<void> seat_;                  // of one that the agent dialled, as long
  base::Timer timer_;                           // armed while it waits, or leaves
  base::Backoff backoff_;
  TrackRecord record_;  // also of those that were in its place
  std::uint64_t epoch_ = 0;
  base::TimePoint connected_at_{};
  bool asked_ = false;  // since it was dialled
  Configuration configuration_ = Configuration::current;
  const session::ProxyConfig* dialled_with_ = nullptr;  // which its link holds
  bool handles_actions_ = false;
  std::optional<base::Error> ending_;  // as soon as they are handled
};

}  // namespace picket::pool

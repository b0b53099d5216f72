#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "picket/base/correlation_id.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/session/config.hpp"
#include "picket/session/health.hpp"
#include "picket/session/in_flight.hpp"
#include "picket/session/linger.hpp"
#include "picket/session/message_list.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session {

// ---- what a session tells its owner, in the order in which it happened

/// The opening is over: what begins with it. The first action of every session.
struct Ready {};
/// Valid as long as the message that was taken. What it asks for is not judged here: whether a decision can be honoured
/// is inspection's to say.
struct Answered {
  Tag tag;
  const wire::AgentResponse* response;
};
/// The event ended without an answer. Kinds: timeout; what close() or cancel_all() was told; message_too_large or
/// serialization, where an event that had to wait cannot be written.
struct Failed {
  Tag tag;
  base::Error error;
};
/// The agent said how it is, or what it said is over: then `status` is that of a healthy one. Lifetime as Answered.
struct HealthChanged {
  wire::HealthState before;
  const wire::HealthStatus* status;
};
/// The whole connection pauses, or goes on.
struct FlowChanged {
  bool paused;
};
/// The agent wants no more of that exchange before `until`; now: it wants more.
struct ExchangePaused {
  base::CorrelationId id;
  base::TimePoint until;
};
/// A pong came: the session is suspect no longer. New exchanges may come here again.
struct Trusted {};
/// The agent is silent while an event waits, and was pinged: its other connections should be, too.
struct Probed {};
/// What the agent counts. Lifetime as Answered.
struct MetricsReported {
  const wire::MetricsReport* report;
};
/// The agent wants its configuration changed. Lifetime as Answered.
struct ConfigUpdateRequested {
  const wire::ConfigUpdateRequest* request;
};
/// The agent has decided on what configure() gave it: none where it took it. The words are the agent's, printable.
struct Configured {
  std::optional<std::string> refusal;
};
/// A line for the proxy's log. Lifetime as Answered.
struct Logged {
  const wire::LogMessage* line;
};
/// Write what is queued, then close. Nothing follows.
struct Closed {
  base::Error reason;
};
/// A response that reached nobody; dropped() says why. One for each, for counting.
struct Dropped {};
/// Why nobody can have a response, where the agent is to blame.
enum class Misfit : std::uint8_t {
  unnamed,   ///< It names no exchange.
  misnamed,  ///< Its reply_to names no event that is in flight.
  surplus,   ///< Every event of its exchange has been answered.
};
inline constexpr std::size_t misfit_count = 3;
/// The first response of its kind on the connection. Dropped follows.
struct Unmatched {
  Misfit misfit;
  std::string said;  ///< The response, quoted.
};
using ProxyAction =
    std::variant<Ready, Answered, Failed, HealthChanged, FlowChanged, ExchangePaused, Trusted, Probed, MetricsReported,
                 ConfigUpdateRequested, Configured, Logged, Closed, Dropped, Unmatched>;

/// Responses that reached nobody, by reason. A forged or late answer is counted and dropped, never believed.
struct DroppedResponses {
  std::uint64_t unknown = 0;   ///< Its id belongs to no exchange here.
  std::uint64_t late = 0;      ///< Its exchange has nothing in flight: a second answer, or one after cancel.
  std::uint64_t mismatch = 0;  ///< It names an event that is not in flight.
};

/// The proxy's end of one connection to an agent once it is open, as a state machine without socket, thread, clock or
/// timer.
///
/// Messages and calls go in with the time; what is to be written goes into an output, and what happened into actions().
/// How messages become bytes it does not know. Every event that send() took ends with exactly one Answered or Failed.
/// Ids, exchanges: the caller mints ids (base::CorrelationIds); one id may be in use on several sessions.
///
/// Thread safety: none; one owner. Lifetime: an event passed to send() and all it refers to must live until the action
/// that ends it. Complexity: O(1) per event in the number of exchanges in flight; no allocation in steady state.
/// Source: protocol.md §1, §4-§6.
///
///   session::ProxySession session{agreement, now, output};
///   PICKET_TRY(session.send(id, &head, base::Deadline::after(now, std::chrono::seconds{1}), tag, now));
///   …  // write `output`, take() what the agent says, tick() at next_wakeup()
///   for (session::ProxyAction& action : session.actions()) std::visit(on_action, action);  // calls nothing of it
///   session.clear_actions();
///
/// Without event-reply an exchange has one event on the wire, and the others wait here for its answer, their deadlines
/// running.
class ProxySession {
 public:
  using Agreement = ProxyAgreement;
  using Incoming = MessageList<wire::AgentResponse, wire::Pong, wire::HealthStatus, wire::FlowControl,
                               wire::MetricsReport, wire::ConfigUpdateRequest, wire::LogMessage>;
  static constexpr std::string_view peer = "an agent";
  static constexpr bool pings = true;

  enum class State : std::uint8_t {
    ready,     ///< Takes events.
    draining,  ///< The agent leaves: exchanges that have begun go on, none begins.
    closed,    ///< Ended; the reason was the last action.
  };

  /// `output` outlives the session. Ready is among the actions.
  ProxySession(const ProxyAgreement& agreed, base::TimePoint now, wire::Output& output);

  // ---- what the agent says
  // `words`: the message as it was written, where that is text. Errors: what the protocol does not allow.
  [[nodiscard]] base::Status take(const wire::AgentResponse& response, std::string_view words, base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::Pong& pong, std::string_view words, base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::HealthStatus& status, std::string_view words, base::TimePoint now);
  // What the agent says of an exchange that is over, or never was, is dropped.
  [[nodiscard]] base::Status take(const wire::FlowControl& flow, std::string_view words, base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::MetricsReport& report, std::string_view words, base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::ConfigUpdateRequest& request, std::string_view words,
                                  base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::LogMessage& line, std::string_view words, base::TimePoint now);
  /// Something came of it, if it is only a part of a message.
  void heard(base::TimePoint now) noexcept { silent_since_ = now; }

  // ---- what the transport calls
  /// Deadlines and pings; call it at next_wakeup() at the latest. An event whose deadline has passed fails as timeout,
  /// and with it all of its exchange; where the agent has it, it is sent a cancel and a ping, and is suspect until it
  /// answers. Without a pong in pong_timeout the session closes.
  void tick(base::TimePoint now);
  /// The clock's last point once it is closed. Complexity: O(1).
  [[nodiscard]] base::TimePoint next_wakeup() const noexcept;
  [[nodiscard]] wire::Output& output() noexcept { return output_; }
  /// Whether a ping waits for something: never.
  [[nodiscard]] static constexpr bool answers_later(std::string_view /*ping*/) noexcept { return false; }
  /// Whether it can take no more of what the peer sends: never.
  [[nodiscard]] static constexpr bool is_saturated() noexcept { return false; }

  // ---- what the owner calls
  /// Puts an event in flight, or in the exchange's queue where the peer takes one at a time. Its correlation id is
  /// filled in here; `id` lives as long as the event. Errors: unavailable (closed, output full, exchange cancelled
  /// here), timeout (deadline has passed), message_too_large (for the protocol, or AgentInfo::largest_event),
  /// serialization (the encoding has no such message). After an error nothing happened. `tag` comes back with what ends
  /// it.
  [[nodiscard]] base::Status send(const base::CorrelationId& id, const EventPointer& event, base::Deadline deadline,
                                  Tag tag, base::TimePoint now);
  /// Stops waiting for whatever is in flight or queued of that exchange; no action follows for it. The agent is told.
  /// What was lent with its events is free when this returns. Nothing where the exchange is not known, or was cancelled
  /// before.
  void cancel(const base::CorrelationId& id, wire::CancelReason reason, base::TimePoint now);
  /// The same of every exchange that waits for an answer; those who wait are told `why`.
  void cancel_all(wire::CancelReason reason, const base::Error& why, base::TimePoint now);
  /// The exchange is over: tells the agent where it saw any event of it, and forgets the exchange. Cancels first what
  /// is still in flight. Returns whether the agent was told. Every exchange that was send() for is to be completed
  /// once: its entry stays until then.
  bool complete(const base::CorrelationId& id, const wire::RequestComplete& summary, base::TimePoint now);
  /// Tells an agent that declared request_complete of an exchange that complete() did not tell it of: one that only
  /// counts or logs. Best effort: nothing where the session is not ready or its output is full.
  void report(const base::CorrelationId& id, const wire::RequestComplete& summary, base::TimePoint now);
  /// Answers a ConfigUpdateRequest. Nothing where the agent did not agree to hear answers (config-reply). An error's
  /// detail is told to the agent.
  void answer(std::string_view request_id, const base::Status& outcome, base::TimePoint now);
  /// Gives the agent another configuration while it serves (protocol.md §12). Configured follows, unless the session
  /// ends or yet another is given. Errors: unavailable (closed), invalid_message (no JSON), and what encoding says.
  [[nodiscard]] base::Status configure(std::string_view config_json);
  /// The agent wants to be left, and said so by other means than its health: nothing new goes here. What has begun goes
  /// on. It cannot be taken back.
  void retire() noexcept { is_retired_ = true; }
  /// Pings, unless a ping is out: for the owner who hears nothing from the same agent elsewhere. While an event waits,
  /// silence ends the session no earlier than that event's deadline.
  void probe(base::TimePoint now);
  /// Makes it suspect until the agent answers a ping: for the owner who has seen the same agent fail elsewhere.
  void distrust(base::TimePoint now);
  /// Closes for the owner's reason: what is in flight fails with it. Failed for each of those, then Closed. Closing
  /// twice is closing once.
  void close(base::Error reason);

  /// In the order in which they happened. Calls of the session may add to them, and move them: walk by index where they
  /// make any.
  [[nodiscard]] std::span<ProxyAction> actions() noexcept { return actions_; }
  void clear_actions() noexcept { actions_.clear(); }

  /// Complexity: O(1), as all that follows but for body_room().
  [[nodiscard]] State state() const noexcept;
  /// Why the session is closed; empty while it is not.
  [[nodiscard]] const std::optional<base::Error>& end() const noexcept { return end_; }
  /// A ping is out that is not answered since an event timed out: nothing new should go here.
  [[nodiscard]] bool suspect() const noexcept { return suspect_; }
  /// Since when that ping is out; meaningful while it is.
  [[nodiscard]] base::TimePoint suspect_since() const noexcept { return pinged_at_; }
  /// The agent wants no new exchange.
  [[nodiscard]] bool paused() const noexcept { return pause_ends_ != base::TimePoint::max(); }
  /// Until when the agent wants no more of one exchange's bodies; a time that is over where it wants them.
  [[nodiscard]] base::TimePoint paused_until(const base::CorrelationId& id) noexcept;
  /// Whether that exchange was cancelled here, be it for an event that was not answered in time: it takes no more
  /// events.
  [[nodiscard]] bool is_cancelled(const base::CorrelationId& id) const noexcept;
  /// The agent takes nothing new, and is to be gone.
  [[nodiscard]] bool is_leaving() const noexcept { return is_retired_ || health_.state == wire::HealthState::draining; }
  /// Bytes of that exchange's bodies that the agent takes now, beside those that it has not answered; unlimited where
  /// it has not said. Complexity: where the agent has said, one step per pending event.
  [[nodiscard]] std::uint64_t body_room(const base::CorrelationId& id) const noexcept;
  /// What the agent said last of how it is, while that is valid. Healthy where it has said nothing.
  [[nodiscard]] const Health& health() const noexcept { return health_; }
  /// Whether a new exchange may start here. paused() and full() are asked apart: those pass.
  [[nodiscard]] bool takes_new() const noexcept {
    return state() == State::ready && !suspect_ && health_.state != wire::HealthState::unhealthy;
  }
  /// More waits to be written than send() adds to. Units: bytes of output, ProxyConfig::max_output of them.
  [[nodiscard]] bool full() const noexcept { return waiting() >= config_->max_output; }
  /// So many bytes of what was taken out of the output wait elsewhere for the agent: full() counts them.
  void hold_back(std::size_t bytes) noexcept { held_back_ = bytes; }
  /// Whether the agent is to be sent events of that kind, where they are configured. What an agent with extensions
  /// declares is exact. Others declare request_headers whatever they handle (protocol.md §1): they are sent what is
  /// configured, unless declared_events_only says otherwise.
  [[nodiscard]] bool takes(wire::EventKind kind) const noexcept {
    return !is_off(kind) && (!means_its_list() || agent_.wants(kind));
  }
  /// Whether the agent has switched that kind off, while it is degraded.
  [[nodiscard]] bool is_off(wire::EventKind kind) const noexcept {
    return ((kinds_off_ >> static_cast<unsigned>(kind)) & 1U) != 0;
  }
  /// Whether it takes each kind that is configured.
  [[nodiscard]] bool takes_every_kind() const noexcept {
    return (!means_its_list() || undeclared_.empty()) &&
           (kinds_off_ == 0 || std::ranges::none_of(config_->events, [this](auto kind) { return is_off(kind); }));
  }
  /// Whether the list of events that the agent declared is what it wants, no more and no less.
  [[nodiscard]] bool means_its_list() const noexcept { return agent_.extended || config_->declared_events_only; }
  /// The configured kinds that the agent did not declare, whether it is sent them or not; request_complete apart, which
  /// decides nothing.
  [[nodiscard]] std::span<const wire::EventKind> undeclared() const noexcept { return undeclared_; }
  /// Events sent or queued and not ended.
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.events(); }
  /// Exchanges that are not complete.
  [[nodiscard]] std::size_t exchanges() const noexcept { return in_flight_.exchanges(); }
  /// Who answers.
  [[nodiscard]] const AgentInfo& agent() const noexcept { return agent_; }
  [[nodiscard]] const wire::Format& format() const noexcept { return format_; }
  [[nodiscard]] const DroppedResponses& dropped() const noexcept { return dropped_; }

 private:
  [[nodiscard]] std::size_t waiting() const noexcept { return output_.size() + held_back_; }
  void ping(base::TimePoint now);
  [[nodiscard]] base::TimePoint probe_due() const noexcept;
  [[nodiscard]] base::Status drop(std::uint64_t& count);
  [[nodiscard]] base::Status drop_unknown(const wire::AgentResponse& response, std::string_view words);
  void decided(std::optional<std::string> refusal);
  [[nodiscard]] base::Status drop_misfit(Misfit misfit, std::uint64_t& count, const wire::AgentResponse& response,
                                         std::string_view words);
  [[nodiscard]] base::Status write(const EventPointer& event);
  void fail_all(const base::Error& reason);
  // False where it cannot be written.
  bool announce_end(const base::CorrelationId& id, wire::RequestComplete summary, base::TimePoint now);
  void pause(bool pauses, base::TimePoint now);
  void be(Health health, const wire::HealthStatus& status);
  void end_event(EventIndex event);
  void abandon_events(ExchangeIndex exchange, const base::Error* reason);
  // Ends all events of the exchange with a timeout, and tells the agent.
  void expire(ExchangeIndex exchange, base::TimePoint now);
  void send_queued(ExchangeIndex exchange);

  std::shared_ptr<const ProxyConfig> config_;
  wire::Output& output_;
  std::size_t held_back_ = 0;  // bytes, beside the output
  std::optional<base::Error> end_;
  wire::Format format_;
  AgentInfo agent_;
  std::vector<wire::EventKind> undeclared_;
  Linger linger_;
  std::vector<ProxyAction> actions_;
  InFlight in_flight_;
  DroppedResponses dropped_;

  base::TimePoint next_ping_;
  base::TimePoint pong_due_ = base::TimePoint::max();
  std::uint64_t ping_sequence_ = 0;
  std::uint64_t completes_unanswered_ = 0;  // answers to request_complete that are still to come; nobody waits for them
  base::TimePoint pinged_at_{};
  base::TimePoint silent_since_{};                   // nothing was heard, or nothing was in flight, until then
  base::Duration patience_ = base::Duration::max();  // half of the shortest time-out in flight
  bool completes_are_answered_;
  bool answers_config_updates_;
  bool pong_acknowledges_configure_;
  bool suspect_ = false;
  bool is_retired_ = false;
  std::uint8_t kinds_off_ = 0;                           // a bit for each kind
  std::uint64_t capacity_ = unlimited;                   // bytes of bodies that the agent takes at once
  std::array<bool, misfit_count> quoted_{};              // what was said of responses that fit nothing
  std::string configuration_;                            // the id of the Configure that is not answered; empty: none
  std::uint32_t acknowledgements_ = 0;                   // of Configures by pongs, to come
  base::TimePoint pause_ends_ = base::TimePoint::max();  // max: there is none
  Health health_;
};

}  // namespace picket::session

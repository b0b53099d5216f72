#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/base/correlation_id.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/session/frame_reader.hpp"
#include "picket/session/in_flight.hpp"
#include "picket/session/linger.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session {

/// How the proxy's end of one connection behaves.
struct ProxyConfig {
  std::string proxy_id = "picket";
  std::string proxy_version;
  std::vector<wire::Encoding> encodings{wire::Encoding::msgpack, wire::Encoding::json};  ///< In order of preference.
  bool extensions = true;               ///< Offer the extensions of protocol.md §3.
  std::vector<wire::EventKind> events;  ///< The kinds this proxy will send; told to the agent.
  bool declared_events_only = false;    ///< Takes the list of an agent without extensions at its word, too.
  std::optional<std::string>
      config_json;  ///< The agent's configuration, delivered twice (protocol.md §4); none: null, no Configure.
  base::Duration handshake_timeout = std::chrono::seconds{5};
  base::Duration configure_timeout = std::chrono::seconds{5};
  base::Duration ping_interval = std::chrono::seconds{10};  ///< Liveness; one ping per interval.
  base::Duration pong_timeout = std::chrono::seconds{5};    ///< Without an answer for so long the connection is closed.
  std::size_t max_output =
      std::size_t{4} * 1024 * 1024;  ///< bytes queued before send() refuses: a peer that does not read
};

/// What a session tells its owner; in the order in which it happened.
struct Ready {};  ///< Handshake and configuration are done.
struct Answered {
  Tag tag;
  const wire::AgentResponse* response;
};  ///< Valid until clear_actions() or the session's next call that takes bytes.
struct Failed {
  Tag tag;
  base::Error error;
};  ///< The event ended without an answer.
struct HealthChanged {
  wire::HealthState state;
};
struct FlowChanged {
  bool paused;
};
struct Trusted {};  ///< A pong came: the session is suspect no longer.
struct Probed {};   ///< The agent is silent while an event waits, and was pinged: its other connections should be, too.
struct MetricsReported {
  const wire::MetricsReport* report;
};  ///< Lifetime as Answered.
struct ConfigUpdateRequested {
  const wire::ConfigUpdateRequest* request;
};  ///< Lifetime as Answered.
struct Closed {
  base::Error reason;
};  ///< Write what is queued, then close. Nothing follows.
struct Dropped {};  ///< A response that reached nobody; dropped() says why.
/// Why nobody can have a response, where the agent is to blame.
enum class Misfit : std::uint8_t {
  unnamed,   ///< It names no exchange.
  misnamed,  ///< Its reply_to names no event that is in flight.
  surplus,   ///< Every event of its exchange has been answered.
};
inline constexpr std::size_t misfit_count = 3;
struct Unmatched {
  Misfit misfit;
  std::string said;  ///< The response, quoted.
};  ///< The first response of its kind on the connection. Dropped follows.
using ProxyAction = std::variant<Ready, Answered, Failed, HealthChanged, FlowChanged, Trusted, Probed, MetricsReported,
                                 ConfigUpdateRequested, Closed, Dropped, Unmatched>;

/// Responses that reached nobody, by reason. A forged or late answer is counted and dropped, never believed.
struct DroppedResponses {
  std::uint64_t unknown = 0;   ///< Its id belongs to no exchange here.
  std::uint64_t late = 0;      ///< Its exchange has nothing in flight: a second answer, or one after cancel.
  std::uint64_t mismatch = 0;  ///< It names an event that is not in flight.
};

/// The proxy's end of one connection to an agent, as a state machine without socket, thread, clock or timer.
///
/// Bytes and calls go in with the time; bytes to write collect in output(), and what happened in actions(). Every event
/// that send() took ends with exactly one Answered or Failed. Ids, exchanges: the caller mints ids
/// (base::CorrelationIds); one id may be in use on several sessions.
///
/// Thread safety: none; one owner. Lifetime: an event passed to send() and all it refers to must live until the action
/// that ends it. Complexity: O(1) per event in the number of exchanges in flight; no allocation in steady state.
/// Source: protocol.md §1, §3-§6.
class ProxySession {
 public:
  enum class State : std::uint8_t {
    handshaking,  ///< Our request is out, the agent's answer is awaited.
    configuring,  ///< The agent decides on its configuration.
    ready,        ///< Takes events.
    closed,       ///< Ended; the reason was the last action.
  };

  /// Queues the handshake. Errors are the configuration's: an unreadable config_json closes the session at once.
  ProxySession(const ProxyConfig& config, base::TimePoint now);

  // ---- what the transport calls
  /// Bytes from the peer, followed by limits::tail_padding readable bytes.
  void feed(std::string_view bytes, base::TimePoint now);
  /// See FrameReader::rest.
  [[nodiscard]] std::span<char> rest() { return reader_.rest(); }
  /// See FrameReader::cuts_large_frame.
  [[nodiscard]] bool cuts_large_frame() const noexcept { return reader_.cuts_large_frame(); }
  void rest_received(std::size_t size, base::TimePoint now);
  /// The peer closed or the socket failed.
  void disconnected(base::Error reason);
  /// Deadlines and pings; call it at next_wakeup() at the latest.
  void tick(base::TimePoint now);
  [[nodiscard]] base::TimePoint next_wakeup() const noexcept;
  [[nodiscard]] wire::Output& output() noexcept { return output_; }

  // ---- what the owner calls
  /// Puts an event in flight, or in the exchange's queue where the peer takes one at a time. `Event` is any of the
  /// seven kinds of event. Errors: unavailable (not ready, output full, exchange cancelled here), timeout (deadline has
  /// passed), message_too_large. After an error nothing happened.
  template <class Event>
  [[nodiscard]] base::Status send(const base::CorrelationId& id, const Event& event, base::Deadline deadline, Tag tag,
                                  base::TimePoint now) {
    return enqueue(id, {.tag = tag, .deadline = deadline, .event = &event, .key = reply_key(event)}, now);
  }
  /// Stops waiting for whatever is in flight or queued of that exchange; no action follows for it. The agent is told.
  void cancel(const base::CorrelationId& id, wire::CancelReason reason, base::TimePoint now);
  /// The exchange is over: tells the agent where it saw any event of it, and forgets the exchange. Cancels first what
  /// is still in flight. Returns whether the agent was told.
  bool complete(const base::CorrelationId& id, const wire::RequestComplete& summary, base::TimePoint now);
  /// Tells an agent that declared request_complete of an exchange that complete() did not tell it of: one that only
  /// counts or logs. Best effort: nothing where the session is not ready or its output is full.
  void report(const wire::RequestComplete& summary, base::TimePoint now);
  /// Pings, unless a ping is out: for the owner who hears nothing from the same agent elsewhere.
  void probe(base::TimePoint now);
  /// Makes it suspect until the agent answers a ping: for the owner who has seen the same agent fail elsewhere.
  void doubt(base::TimePoint now);
  /// Closes for the owner's reason: what is in flight fails with it.
  void close(base::Error reason);

  [[nodiscard]] std::span<ProxyAction> actions() noexcept { return actions_; }
  void clear_actions() noexcept {
    actions_.clear();
    // What the handshake needed is not kept by a connection that may stay idle.
    if (state_ == State::ready && std::exchange(new_, false)) arena_.trim();
  }

  [[nodiscard]] State state() const noexcept { return state_; }
  /// Why the session is closed; empty while it is not.
  [[nodiscard]] const std::optional<base::Error>& end() const noexcept { return end_; }
  /// Why the agent refused its configuration; none where it did not.
  [[nodiscard]] const std::optional<std::string>& refusal() const noexcept { return refusal_; }
  /// A ping is out that is not answered since an event timed out: nothing new should go here.
  [[nodiscard]] bool suspect() const noexcept { return suspect_; }
  /// Since when that ping is out; meaningful while it is.
  [[nodiscard]] base::TimePoint suspect_since() const noexcept { return pinged_at_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  [[nodiscard]] wire::HealthState health() const noexcept { return health_; }
  /// Whether a new exchange may start here.
  [[nodiscard]] bool takes_new() const noexcept {
    return state_ == State::ready && !suspect_ && health_ != wire::HealthState::draining &&
           health_ != wire::HealthState::unhealthy;
  }
  /// More waits to be written than send() adds to.
  [[nodiscard]] bool full() const noexcept { return output_.size() >= config_.max_output; }
  /// Whether the agent is to be sent events of that kind, where they are configured. What an agent with extensions
  /// declares is exact. Others declare request_headers whatever they handle (protocol.md §1): they are sent what is
  /// configured, unless declared_events_only says otherwise.
  [[nodiscard]] bool takes(wire::EventKind kind) const noexcept { return !means_its_list() || agent_.wants(kind); }
  [[nodiscard]] bool means_its_list() const noexcept { return agent_.extended || config_.declared_events_only; }
  /// The configured kinds that the agent did not declare, whether it is sent them or not; request_complete apart, which
  /// decides nothing.
  [[nodiscard]] std::span<const wire::EventKind> undeclared() const noexcept { return undeclared_; }
  /// Events sent or queued and not ended.
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.events(); }
  /// Exchanges that are not complete.
  [[nodiscard]] std::size_t exchanges() const noexcept { return in_flight_.exchanges(); }
  /// Who answered; meaningful from configuring on.
  [[nodiscard]] const AgentInfo& agent() const noexcept { return agent_; }
  [[nodiscard]] const wire::Format& format() const noexcept { return format_; }
  [[nodiscard]] const DroppedResponses& dropped() const noexcept { return dropped_; }
  /// Bytes of memory that this session holds beyond its own size.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  base::Status on_frame(const wire::FrameView& frame, base::TimePoint now);
  base::Status on_handshake(std::string_view payload, base::TimePoint now);
  base::Status on_response(std::string_view payload, base::TimePoint now);
  base::Status on_configured(const wire::AgentResponse& response, std::string_view payload);
  base::Status on_control(const wire::FrameView& frame, base::TimePoint now);
  void begin_configuring(base::TimePoint now);
  void ready();
  void ping(base::TimePoint now);
  [[nodiscard]] base::TimePoint probe_due() const noexcept;
  [[nodiscard]] base::Status drop(std::uint64_t& count);
  [[nodiscard]] base::Status drop_unknown(const wire::AgentResponse& response, std::string_view payload);
  [[nodiscard]] base::Status drop_misfit(Misfit misfit, std::uint64_t& count, const wire::AgentResponse& response,
                                         std::string_view payload);
  [[nodiscard]] std::string said(const wire::AgentResponse& response, std::string_view payload) const;
  /// What was sent as the agent's configuration, for errors about it.
  [[nodiscard]] std::string sent_configuration() const;
  base::Status enqueue(const base::CorrelationId& id, const PendingEvent& event, base::TimePoint now);
  void fail_all(const base::Error& reason);
  bool tell(const wire::RequestComplete& summary, base::TimePoint now);
  void end_event(EventIndex event);
  void abandon_events(ExchangeIndex exchange, const base::Error* reason);
  void expire(ExchangeIndex exchange, base::TimePoint now);
  void send_queued(ExchangeIndex exchange);

  ProxyConfig config_;
  State state_ = State::handshaking;
  bool new_ = true;  // nothing was handled yet since the handshake
  std::optional<base::Error> end_;
  wire::Format format_;
  AgentInfo agent_;
  std::vector<wire::EventKind> undeclared_;
  FrameReader reader_;
  wire::Output output_;
  Linger linger_;
  base::Arena arena_{2048, base::limits::kept_decode_memory};
  std::vector<ProxyAction> actions_;
  InFlight in_flight_;
  DroppedResponses dropped_;

  base::TimePoint state_deadline_;  // of handshake or configuration
  base::TimePoint next_ping_;
  base::TimePoint pong_due_ = base::TimePoint::max();
  std::uint64_t ping_sequence_ = 0;
  std::uint64_t completes_unanswered_ = 0;  // answers to request_complete that are still to come; nobody waits for them
  base::TimePoint pinged_at_{};
  base::TimePoint silent_since_{};                   // nothing was heard, or nothing was in flight, until then
  base::Duration patience_ = base::Duration::max();  // half of the shortest time-out in flight
  bool completes_are_answered_ = true;
  bool suspect_ = false;
  std::array<bool, misfit_count> quoted_{};  // what was said of responses that fit nothing
  bool paused_ = false;
  std::optional<std::string> refusal_;
  wire::HealthState health_ = wire::HealthState::healthy;
};

}  // namespace picket::session

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/config.hpp"
#include "picket/session/event_message.hpp"
#include "picket/session/id_index.hpp"
#include "picket/session/linger.hpp"
#include "picket/session/message_list.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session {

/// Names one event that wants an answer. A value; stale ones are recognised.
///
/// It may be kept for as long as one likes, on another thread, too: respond() says whether anybody still waits. `key`
/// tells events of one exchange apart.
struct EventRef {
  std::uint32_t exchange = 0;    ///< Index of the exchange: dense, reused; for tables of per-exchange state.
  std::uint32_t generation = 0;  ///< Tells an exchange from the earlier ones of that index.
  wire::ReplyTo key;
};

/// `cancelled`: the proxy gave the exchange up. `expired`: it was idle for exchange_ttl, or the oldest when there were
/// max_exchanges. `disconnected`: the connection is gone, and with it all its exchanges.
enum class EndReason : std::uint8_t {
  cancelled,
  timed_out,  ///< Cancelled since an answer took too long.
  expired,
  disconnected,
};

// ---- what a session tells its owner, in the order in which it happened

/// The opening is over: what begins with it.
struct Opened {};
/// Answer it with respond(). The message lives as long as what was taken. Of a `Configure` the answer says whether the
/// agent takes it. After Ended of its exchange respond() does nothing.
struct Arrived {
  EventRef ref;
  EventMessage message;
};
/// No answer to that exchange is wanted; free its state. The generation is that of the EventRefs which are worth
/// nothing now; later events of that id have another.
struct Ended {
  std::uint32_t exchange;
  std::uint32_t generation;
  EndReason reason;
  std::uint32_t unanswered;  ///< Events of it that had no answer.
};
/// An event was answered with a block here: its exchange had to be forgotten. For counting: nothing is to be done.
struct Rejected {};
/// What came of a ConfigUpdateRequest. Lives as long as what was taken.
struct ConfigAnswered {
  const wire::ConfigUpdateResponse* response;
};
/// Write what is queued, then close. Nothing follows. Ended has come before, for each exchange that was open.
struct Finished {
  base::Error reason;
};
using AgentAction = std::variant<Opened, Arrived, Ended, Rejected, ConfigAnswered, Finished>;

/// The agent's end of one connection to a proxy once it is open, as a state machine without socket, thread, clock or
/// timer. How messages become bytes it does not know.
///
/// Every event arrives once and wants one respond(), in any order. An event that does not decode is a protocol error:
/// the connection ends, so that the proxy's failure mode decides; it is never answered "allow". An exchange ends with
/// the respond() to its request_complete, whether that is sent or not (one-way-complete), or with Ended. A chunk
/// that comes for one that had to be forgotten is answered here with a block: its handler would judge a part without
/// the rest.
///
/// Thread safety: none; one owner (lock around it where threads share a connection). Complexity: O(1) per event.
/// Source: protocol.md §1, §4-§6.
///
///   for (std::size_t i = 0; i < session.actions().size(); ++i) {
///     const session::AgentAction action = session.actions()[i];  // a copy: an answer may add an action
///     if (const auto* const event = std::get_if<session::Arrived>(&action))
///       session.respond(event->ref, judge(event->message), now);
///   }
///   session.clear_actions();  // what the actions point to may go after this
///
/// Lifetime: what an action points to, until clear_actions(). Errors of take(): invalid_message, for a correlation id
/// that is none; unavailable, for more exchanges waiting than max_exchanges. Both end the connection.
class AgentSession {
 public:
  using Agreement = AgentAgreement;
  using Incoming =
      MessageList<wire::RequestHeaders, wire::RequestBodyChunk, wire::RequestComplete, wire::ResponseHeaders,
                  wire::ResponseBodyChunk, wire::WebSocketFrame, wire::GuardrailInspect, wire::Configure, wire::Cancel,
                  wire::Pong, wire::ConfigUpdateResponse>;
  static constexpr std::string_view peer = "a proxy";
  static constexpr bool pings = false;  ///< Its transport finds out that the proxy is gone.

  /// `output` outlives the session. Opened is among the actions.
  AgentSession(const AgentAgreement& agreed, base::TimePoint now, wire::Output& output);

  // ---- what the proxy says
  // Errors: what the protocol does not allow.
  template <class Event>
  [[nodiscard]] base::Status take(const Event& event, std::string_view words, base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::Cancel& cancel, std::string_view words, base::TimePoint now);
  [[nodiscard]] base::Status take(const wire::Pong&, std::string_view, base::TimePoint) { return {}; }
  [[nodiscard]] base::Status take(const wire::ConfigUpdateResponse& response, std::string_view, base::TimePoint) {
    actions_.emplace_back(ConfigAnswered{&response});
    return {};
  }
  /// An agent does not judge its proxy by its silence.
  void heard(base::TimePoint) noexcept {}

  /// Whether a ping waits for the answer to a configuration, which on gRPC it acknowledges (protocol.md §9). True: it
  /// is kept, and its pong is written when the configuration is accepted. At most 16 are kept; pongs for others are not
  /// sent.
  [[nodiscard]] bool answers_later(std::string_view ping);

  // ---- what the transport calls
  /// Forgets exchanges that were idle for too long, and lets out what has lingered.
  void tick(base::TimePoint now);
  [[nodiscard]] base::TimePoint next_wakeup() const noexcept;
  /// Where answers are written. Lifetime: the owner's.
  [[nodiscard]] wire::Output& output() noexcept { return output_; }
  /// Whether so much waits for answers that no more should be read. Not reading is all the back-pressure there is: the
  /// proxy's queue fills, and its deadlines decide.
  [[nodiscard]] bool is_saturated() const noexcept { return unanswered_ > base::limits::max_unanswered_events; }

  // ---- what the owner calls
  /// Answers an event. The response's id and reply_to are filled in here. False where nobody wants the answer any more
  /// (cancelled, expired, closed, or answered before): it is dropped. Of request_complete it says that the handler is
  /// done with it; with one-way-complete nothing is sent. Errors of encoding close the connection.
  /// Nothing of `response` is borrowed afterwards.
  ///
  /// Complexity: O(1) in the number of exchanges. Texts, lists and bodies are encoded at once.
  bool respond(const EventRef& ref, wire::AgentResponse response, base::TimePoint now);
  /// Sends a message that answers nothing: HealthStatus, FlowControl, MetricsReport, ConfigUpdateRequest; on gRPC
  /// LogMessage. Errors: unavailable once it is closed, and those of wire::encode(); the connection goes on after
  /// those.
  template <class Message>
  [[nodiscard]] base::Status send(const Message& message) {
    if (end_) return base::fail(base::ErrorKind::unavailable, "the connection is not open");
    return wire::encode(format_, message, output_);
  }
  /// Every open exchange is Ended as disconnected; then comes Finished. Closing twice is closing once.
  void close(base::Error reason);

  /// In the order in which they happened. Calls of the session while you walk through them may add to them: walk by
  /// index, or answer afterwards.
  [[nodiscard]] std::span<AgentAction> actions() noexcept { return actions_; }
  void clear_actions() noexcept { actions_.clear(); }

  [[nodiscard]] bool open() const noexcept { return !end_; }
  /// Why the session is closed; empty while it is not.
  [[nodiscard]] const std::optional<base::Error>& end() const noexcept { return end_; }
  /// Events that arrived and are not answered.
  [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_; }
  /// Exchanges that have not ended.
  [[nodiscard]] std::size_t exchanges() const noexcept { return by_id_.size(); }
  /// The event kinds that the proxy said it will send; empty where it did not say.
  [[nodiscard]] const std::vector<wire::EventKind>& announced_events() const noexcept { return announced_events_; }
  /// How many connections in all the proxy wants of this agent; none where it did not say.
  [[nodiscard]] std::optional<std::uint32_t> connections_wanted() const noexcept { return connections_wanted_; }
  [[nodiscard]] const wire::Format& format() const noexcept { return format_; }
  /// Whether the proxy says what came of a ConfigUpdateRequest.
  [[nodiscard]] bool hears_config_answers() const noexcept { return hears_config_answers_; }
  /// Whether this is still the exchange that `ref` belongs to. False for a stale one; true does not say that the event
  /// is unanswered.
  [[nodiscard]] bool live(const EventRef& ref) const noexcept;

 private:
  struct OpenExchange {
    std::string id;
    std::uint32_t generation = 0;
    std::uint32_t pending = 0;      // events without an answer
    std::uint32_t newer = nothing;  // the list of idle exchanges, longest idle first; also links the free entries
    std::uint32_t older = nothing;
    base::TimePoint idle_since{};
  };
  static constexpr std::uint32_t nothing = ~std::uint32_t{0};

  template <class Event>
  base::Status arrived(std::string_view id, const Event& event);
  template <class Event>
  [[nodiscard]] bool is_of_forgotten(const Event& event) const;
  template <class Event>
  base::Status block_forgotten(const Event& event);
  // Copies what the answer lent, so that it may go when this returns.
  base::Status write(const wire::AgentResponse& response);
  bool acknowledge(const wire::AgentResponse& response);
  // Makes room by forgetting the exchange that has been idle for longest.
  base::Result<std::uint32_t> find_or_add(std::string_view id);
  void link_idle(std::uint32_t index, base::TimePoint now) noexcept;
  void unlink_idle(std::uint32_t index) noexcept;
  void remove(std::uint32_t index) noexcept;
  void end_exchange(std::uint32_t index, EndReason reason);
  void forget(std::uint32_t index);

  std::shared_ptr<const AgentConfig> config_;
  wire::Output& output_;
  std::optional<base::Error> end_;
  wire::Format format_;
  Linger linger_;
  std::vector<AgentAction> actions_;
  std::vector<wire::EventKind> announced_events_;
  std::optional<std::uint32_t> connections_wanted_;

  std::deque<OpenExchange> exchanges_;  // stable addresses: the index borrows their ids
  std::uint32_t free_ = nothing;
  IdIndex by_id_;
  std::uint32_t longest_idle_ = nothing;
  std::uint32_t newest_idle_ = nothing;
  std::size_t unanswered_ = 0;
  std::vector<std::string> later_pings_;    // what they hold
  std::size_t configurations_pending_ = 0;  // of those that a pong acknowledges
  bool completes_are_answered_;
  bool hears_config_answers_;
  bool pong_acknowledges_configure_;
  bool heads_come_ = false;  // this proxy's exchanges begin with request_headers
  bool has_forgotten_ = false;
};

}  // namespace picket::session

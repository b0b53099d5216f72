#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/session/event_message.hpp"
#include "picket/session/frame_reader.hpp"
#include "picket/session/id_index.hpp"
#include "picket/session/linger.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session {

/// How the agent's end of one connection behaves.
struct AgentConfig {
  AgentInfo info;
  std::vector<wire::Encoding> encodings{
      wire::Encoding::msgpack, wire::Encoding::json};  ///< Which ones it speaks; the proxy's preference decides.
  bool extensions = true;                              ///< Take the extensions of protocol.md §3 where offered.
  base::Duration handshake_timeout = std::chrono::seconds{10};
  std::size_t max_exchanges = 10'000;  ///< Exchanges remembered; over it the one that was idle longest is forgotten.
  /// Idle exchanges of a proxy that did not agree to one-way-complete are forgotten: some never send request_complete.
  /// Those of a proxy that did live as long as it holds them.
  base::Duration exchange_ttl = std::chrono::minutes{5};
};

/// Names one event that wants an answer. A value; stale ones are recognised.
struct EventRef {
  std::uint32_t exchange = 0;    ///< Index of the exchange: dense, reused; for tables of per-exchange state.
  std::uint32_t generation = 0;  ///< Tells an exchange from the earlier ones of that index.
  wire::ReplyTo key;
};

enum class EndReason : std::uint8_t { cancelled, expired, disconnected };

/// What a session tells its owner; in the order in which it happened.
struct Opened {
  const wire::HandshakeRequest* request;
};  ///< Handshake done. Valid until clear_actions() or the next call that takes bytes.
struct Arrived {
  EventRef ref;
  EventMessage message;
};  ///< Answer it with respond(). Lifetime of the message as Opened.
struct Ended {
  std::uint32_t exchange;
  std::uint32_t generation;
  EndReason reason;
};  ///< No answer to that exchange is wanted; free its state.
struct Finished {
  base::Error reason;
};  ///< Write what is queued, then close. Nothing follows.
using AgentAction = std::variant<Opened, Arrived, Ended, Finished>;

/// The agent's end of one connection to a proxy, as a state machine without socket, thread, clock or timer.
///
/// Every event arrives once and wants one respond(), in any order. An event that does not decode is a protocol error:
/// the connection ends, so that the proxy's failure mode decides; it is never answered "allow". An exchange ends with
/// the respond() to its request_complete, whether that is sent or not (one-way-complete), or with Ended. What comes for
/// one that had to be forgotten is answered here with a block: its handler would judge a part without the rest.
///
/// Thread safety: none; one owner (lock around it where threads share a connection). Complexity: O(1) per event.
/// Source: protocol.md §1-§6.
class AgentSession {
 public:
  AgentSession(const AgentConfig& config, base::TimePoint now);

  // ---- what the transport calls
  /// Bytes from the proxy, followed by limits::tail_padding readable bytes.
  void feed(std::string_view bytes, base::TimePoint now);
  /// See FrameReader::rest.
  [[nodiscard]] std::span<char> rest() { return reader_.rest(); }
  /// See FrameReader::cuts_large_frame.
  [[nodiscard]] bool cuts_large_frame() const noexcept { return reader_.cuts_large_frame(); }
  void rest_received(std::size_t size, base::TimePoint now);
  /// The peer closed or the socket failed.
  void disconnected(base::Error reason) { close(std::move(reason)); }
  void tick(base::TimePoint now);
  [[nodiscard]] base::TimePoint next_wakeup() const noexcept;
  [[nodiscard]] wire::Output& output() noexcept { return output_; }

  // ---- what the owner calls
  /// Answers an event. The response's id and reply_to are filled in here. False where nobody wants the answer any more
  /// (cancelled, expired, closed, or answered before): it is dropped. Of request_complete it says that the handler is
  /// done with it; with one-way-complete nothing is sent. Errors of encoding close the connection.
  /// Nothing of `response` is borrowed afterwards.
  bool respond(const EventRef& ref, wire::AgentResponse response, base::TimePoint now);
  /// Sends a message that answers nothing: HealthStatus, FlowControl, MetricsReport, ConfigUpdateRequest.
  template <class Message>
  [[nodiscard]] base::Status send(const Message& message) {
    if (state_ != State::open) return base::fail(base::ErrorKind::unavailable, "the connection is not open");
    return wire::encode(format_, message, output_);
  }
  void close(base::Error reason);

  [[nodiscard]] std::span<AgentAction> actions() noexcept { return actions_; }
  void clear_actions() noexcept {
    actions_.clear();
    // What the handshake needed is not kept by a connection that may stay idle.
    if (state_ == State::open && std::exchange(new_, false)) arena_.trim();
  }

  [[nodiscard]] bool open() const noexcept { return state_ == State::open; }
  /// Why the session is closed; empty while it is not.
  [[nodiscard]] const std::optional<base::Error>& end() const noexcept { return end_; }
  /// Events that arrived and are not answered.
  [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_; }
  /// Exchanges that have not ended.
  [[nodiscard]] std::size_t exchanges() const noexcept { return by_id_.size(); }
  /// The event kinds that the proxy said it will send; empty where it did not say.
  [[nodiscard]] const std::vector<wire::EventKind>& announced_events() const noexcept { return announced_events_; }
  [[nodiscard]] const wire::Format& format() const noexcept { return format_; }
  /// Bytes of memory that this session holds for decoding.
  [[nodiscard]] std::size_t memory() const noexcept { return reader_.capacity() + arena_.reserved(); }
  /// Whether this is still the exchange that `ref` belongs to.
  [[nodiscard]] bool live(const EventRef& ref) const noexcept;

 private:
  enum class State : std::uint8_t { handshaking, open, closed };

  struct Exchange {
    std::string id;
    std::uint32_t generation = 0;
    std::uint32_t pending = 0;      // events without an answer
    std::uint32_t newer = nothing;  // the list of idle exchanges, longest idle first; also links the free entries
    std::uint32_t older = nothing;
    base::TimePoint idle_since{};
  };
  static constexpr std::uint32_t nothing = ~std::uint32_t{0};

  base::Status on_frame(const wire::FrameView& frame, base::TimePoint now);
  base::Status on_handshake(const wire::FrameView& frame);
  base::Error refuse(base::Error reason);
  base::Status on_cancel(std::string_view payload, base::TimePoint now);
  template <class Event>
  base::Status on_event(std::string_view payload, base::TimePoint now);
  template <class Event>
  [[nodiscard]] bool is_of_forgotten(const Event& event) const;
  template <class Event>
  base::Status block_forgotten(const Event& event);
  base::Status write(const wire::AgentResponse& response);
  base::Result<std::uint32_t> find_or_add(std::string_view id);
  void link_idle(std::uint32_t index, base::TimePoint now) noexcept;
  void unlink_idle(std::uint32_t index) noexcept;
  void remove(std::uint32_t index) noexcept;
  void end_exchange(std::uint32_t index, EndReason reason);
  void forget(std::uint32_t index);
  void trim_if_idle();

  AgentConfig config_;
  State state_ = State::handshaking;
  bool new_ = true;  // nothing was handled yet since the handshake
  std::optional<base::Error> end_;
  wire::Format format_;
  FrameReader reader_;
  wire::Output output_;
  Linger linger_;
  base::Arena arena_{2048, base::limits::kept_decode_memory};
  std::vector<AgentAction> actions_;
  std::vector<wire::EventKind> announced_events_;

  std::deque<Exchange> exchanges_;  // stable addresses: the index borrows their ids
  std::uint32_t free_ = nothing;
  IdIndex by_id_;
  std::uint32_t longest_idle_ = nothing;
  std::uint32_t newest_idle_ = nothing;
  std::size_t unanswered_ = 0;
  bool pinged_ = false;  // by the bytes being read
  bool completes_are_answered_ = true;
  bool heads_come_ = false;  // this proxy's exchanges begin with request_headers
  bool has_forgotten_ = false;
  base::TimePoint handshake_deadline_;
};

}  // namespace picket::session

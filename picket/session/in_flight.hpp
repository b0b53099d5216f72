#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "picket/base/correlation_id.hpp"
#include "picket/base/time.hpp"
#include "picket/wire/messages.hpp"

namespace picket::session {

/// Whatever the caller wants back with the end of an event: an index, an address. The session only carries it.
using Tag = std::uint64_t;

/// Places in an InFlight; `none` is no place.
using ExchangeIndex = std::uint32_t;
using EventIndex = std::uint32_t;
inline constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

/// One event that is asked; whose exchange it is of, send() writes into it. Never null. Lifetime: until the event has
/// ended. RequestComplete and Configure are not among them: the session has functions of their own.
using EventPointer = std::variant<wire::RequestHeaders*, wire::RequestBodyChunk*, wire::ResponseHeaders*,
                                  wire::ResponseBodyChunk*, wire::WebSocketFrame*, wire::GuardrailInspect*>;

/// How an answer names that event (protocol.md §3, event-reply). Heads are named by their type, chunks by their index,
/// too.
template <class Event>
[[nodiscard]] wire::ReplyTo reply_key(const Event& event) noexcept {
  if constexpr (requires { event.chunk_index; })
    return {.type = Event::type, .index = event.chunk_index};
  else
    return {.type = Event::type};
}
[[nodiscard]] inline wire::ReplyTo reply_key(const wire::WebSocketFrame& frame) noexcept {
  return {.type = frame.type, .client_to_server = frame.client_to_server, .index = frame.frame_index};
}
/// Its position stands in its metadata; an event that lacks it is named by its type alone. Complexity: a scan of its
/// metadata.
[[nodiscard]] wire::ReplyTo reply_key(const wire::GuardrailInspect& event) noexcept;

/// The body that an event carries; empty where it carries none.
[[nodiscard]] base::ByteView body_of(const EventPointer& event) noexcept;

/// One event that has not ended: sent and unanswered, or queued behind another of its exchange. Linked twice: into its
/// exchange's list, in the order of send(), and into all events' by deadline.
struct PendingEvent {
  Tag tag = 0;
  base::Deadline deadline;
  EventPointer event;
  wire::ReplyTo key;  ///< How an answer names it.
  ExchangeIndex exchange = none;
  bool sent = false;
  EventIndex next_of_exchange = none;
  EventIndex earlier = none;  // the list of all events by deadline; `later` also links the free list
  EventIndex later = none;
};

inline constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// One exchange that has been asked about on this connection and is not over. Thread safety: a value of an InFlight.
/// Units: bytes, and points of the session's time.
struct ExchangeEntry {
  base::CorrelationId id;
  EventIndex first = none;  ///< Its pending events in the order of send().
  EventIndex last = none;
  std::uint32_t sent = 0;  ///< Pending events that are on the wire.
  bool told = false;       ///< The agent saw an event of it, so it must see request_complete.
  bool cancelled = false;
  base::TimePoint paused_until{};      ///< The agent asked for no more of it until then; past: it did not.
  std::uint64_t capacity = unlimited;  ///< Bytes of bodies that the agent takes at once, of this exchange.
};

/// The proxy end's table of exchanges and pending events of one connection.
///
/// An exchange is added with its first event and stays until it is over, though nothing of it is pending: what the
/// agent said of it (a pause, its capacity) is kept there. An event is removed with its answer, its deadline, or its
/// exchange's cancel, whichever comes first; what comes of it later finds nothing and is dropped.
///
/// An id finds its exchange through the slot that it carries: no hashing, then all 32 digits are compared. Pending
/// events are kept in the order of their deadlines; with one time-out per agent an insertion is at the end, else it
/// walks past the few that are later.
///
/// Thread safety: none; its session's. Lifetime: an index is good until its entry is removed, a reference until the
/// next call that adds one. Memory: grows to the most that ever were in flight, then allocates nothing. Complexity:
/// O(1), but where a function says otherwise. Errors: std::bad_alloc; what is not there is `none`, and an index that is
/// none must not be used.
class InFlight {
 public:
  /// The entry of an id of ours, or `none`; the text may be a peer's. Complexity: O(1): a look at its slot, and one
  /// comparison.
  [[nodiscard]] ExchangeIndex find(std::string_view id) const noexcept;
  [[nodiscard]] ExchangeIndex find(const base::CorrelationId& id) const noexcept;
  /// Another id in the same slot must have been removed before: a slot is minted again once its exchange is over.
  [[nodiscard]] ExchangeIndex find_or_add(const base::CorrelationId& id);
  /// The exchange must have no pending events.
  void remove_exchange(ExchangeIndex exchange) noexcept;

  /// At the end of its exchange's list. Links and exchange of `event` are filled in.
  EventIndex add_event(ExchangeIndex exchange, const PendingEvent& event);
  /// Complexity: one step for each event of the exchange before it: a handful.
  void remove_event(EventIndex event) noexcept;
  /// The pending event of `exchange` that is sent and that `key` names; null: the oldest that is sent. Else `none`: the
  /// answer is for no event. Complexity: one step for each pending event of that exchange.
  [[nodiscard]] EventIndex match(ExchangeIndex exchange, const wire::ReplyTo* key) const noexcept;

  [[nodiscard]] ExchangeEntry& exchange(ExchangeIndex index) noexcept { return exchanges_[index]; }
  [[nodiscard]] const ExchangeEntry& exchange(ExchangeIndex index) const noexcept { return exchanges_[index]; }
  [[nodiscard]] PendingEvent& event(EventIndex index) noexcept { return events_[index]; }
  /// The pending event with the earliest deadline, or `none`.
  [[nodiscard]] EventIndex earliest() const noexcept { return earliest_; }
  [[nodiscard]] base::TimePoint earliest_deadline() const noexcept {
    return earliest_ == none ? base::TimePoint::max() : events_[earliest_].deadline.at();
  }

  /// Calls `visit(index)` for each exchange; it may end the exchange's events. Complexity: a copy of the table, and one
  /// step per slot: for what concerns a whole connection.
  template <class Visit>
  void each_exchange(Visit visit) {
    for (const ExchangeIndex index : std::vector(by_slot_))
      if (index != none) visit(index);
  }
  /// Bytes of the bodies of pending events that are sent, of one exchange or of all. Complexity: one step per event.
  [[nodiscard]] std::uint64_t body_bytes(ExchangeIndex exchange) const noexcept;
  [[nodiscard]] std::uint64_t body_bytes() const noexcept;

  [[nodiscard]] std::size_t exchanges() const noexcept { return live_exchanges_; }
  [[nodiscard]] std::size_t events() const noexcept { return live_events_; }
  /// Bytes of its tables, used or not.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  // From the latest on: with one time-out for all, that is the place.
  void link_by_deadline(EventIndex event) noexcept;

  std::vector<ExchangeIndex> by_slot_;
  std::vector<ExchangeEntry> exchanges_;
  std::vector<ExchangeIndex> free_exchanges_;
  std::vector<PendingEvent> events_;
  EventIndex free_event_ = none;
  EventIndex earliest_ = none;
  EventIndex latest_ = none;
  std::size_t live_exchanges_ = 0;
  std::size_t live_events_ = 0;
};

}  // namespace picket::session

#include "picket/session/in_flight.hpp"

#include <algorithm>
#include <charconv>

namespace picket::session {

wire::ReplyTo reply_key(const wire::GuardrailInspect& event) noexcept {
  wire::ReplyTo key{.type = event.type};
  for (const auto& pair : event.metadata) {
    if (pair.key != "index") continue;
    std::uint64_t index = 0;
    const char* const end = pair.value.data() + pair.value.size();
    const auto [parsed, error] = std::from_chars(pair.value.data(), end, index);
    if (error == std::errc{} && parsed == end) key.index = index;
  }
  return key;
}

base::ByteView body_of(const EventPointer& event) noexcept {
  return std::visit(
      [](const auto* message) -> base::ByteView {
        if constexpr (requires { message->data; })
          return message->data;
        else
          return {};
      },
      event);
}

std::uint64_t InFlight::body_bytes(ExchangeIndex exchange) const noexcept {
  std::uint64_t bytes = 0;
  for (EventIndex i = exchanges_[exchange].first; i != none; i = events_[i].next_of_exchange)
    if (events_[i].sent) bytes += body_of(events_[i].event).size();
  return bytes;
}

std::uint64_t InFlight::body_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (EventIndex i = earliest_; i != none; i = events_[i].later)
    if (events_[i].sent) bytes += body_of(events_[i].event).size();
  return bytes;
}

ExchangeIndex InFlight::find(std::string_view id) const noexcept {
  const auto slot = base::CorrelationId::slot_of(id);
  if (!slot || *slot >= by_slot_.size()) return none;
  const ExchangeIndex index = by_slot_[*slot];
  return index != none && exchanges_[index].id.text() == id ? index : none;
}

ExchangeIndex InFlight::find(const base::CorrelationId& id) const noexcept {
  if (id.slot() >= by_slot_.size()) return none;
  const ExchangeIndex index = by_slot_[id.slot()];
  return index != none && exchanges_[index].id == id ? index : none;
}

ExchangeIndex InFlight::find_or_add(const base::CorrelationId& id) {
  if (const ExchangeIndex found = find(id); found != none) return found;
  if (id.slot() >= by_slot_.size()) by_slot_.resize(id.slot() + 1, none);
  ExchangeIndex index = none;
  if (free_exchanges_.empty()) {
    index = static_cast<ExchangeIndex>(exchanges_.size());
    exchanges_.emplace_back();
    free_exchanges_.reserve(exchanges_.capacity());
  } else {
    index = free_exchanges_.back();
    free_exchanges_.pop_back();
  }
  exchanges_[index] = {.id = id};
  by_slot_[id.slot()] = index;
  ++live_exchanges_;
  return index;
}

void InFlight::remove_exchange(ExchangeIndex exchange) noexcept {
  auto& entry = exchanges_[exchange];
  by_slot_[entry.id.slot()] = none;
  free_exchanges_.push_back(exchange);
  --live_exchanges_;
}

EventIndex InFlight::add_event(ExchangeIndex exchange, const PendingEvent& event) {
  EventIndex index = free_event_;
  if (index == none) {
    index = static_cast<EventIndex>(events_.size());
    events_.emplace_back();
  } else {
    free_event_ = events_[index].later;
  }
  events_[index] = event;
  auto& added = events_[index];
  added.exchange = exchange;
  added.next_of_exchange = none;
  auto& entry = exchanges_[exchange];
  (entry.last == none ? entry.first : events_[entry.last].next_of_exchange) = index;
  entry.last = index;
  if (added.sent) ++entry.sent;
  link_by_deadline(index);
  ++live_events_;
  return index;
}

void InFlight::link_by_deadline(EventIndex event) noexcept {
  auto& added = events_[event];
  EventIndex before = latest_;
  while (before != none && events_[before].deadline > added.deadline) before = events_[before].earlier;
  added.earlier = before;
  added.later = before == none ? earliest_ : events_[before].later;
  (added.later == none ? latest_ : events_[added.later].earlier) = event;
  (before == none ? earliest_ : events_[before].later) = event;
}

void InFlight::remove_event(EventIndex event) noexcept {
  auto& gone = events_[event];
  auto& entry = exchanges_[gone.exchange];
  EventIndex before = none;
  for (EventIndex i = entry.first; i != event; i = events_[i].next_of_exchange) before = i;
  (before == none ? entry.first : events_[before].next_of_exchange) = gone.next_of_exchange;
  if (entry.last == event) entry.last = before;
  if (gone.sent) --entry.sent;

  (gone.earlier == none ? earliest_ : events_[gone.earlier].later) = gone.later;
  (gone.later == none ? latest_ : events_[gone.later].earlier) = gone.earlier;
  gone.later = free_event_;
  free_event_ = event;
  --live_events_;
}

EventIndex InFlight::match(ExchangeIndex exchange, const wire::ReplyTo* key) const noexcept {
  for (EventIndex i = exchanges_[exchange].first; i != none; i = events_[i].next_of_exchange)
    if (events_[i].sent && (key == nullptr || events_[i].key == *key)) return i;
  return none;
}

std::size_t InFlight::memory() const noexcept {
  return by_slot_.capacity() * sizeof(ExchangeIndex) + exchanges_.capacity() * sizeof(ExchangeEntry) +
         free_exchanges_.capacity() * sizeof(ExchangeIndex) + events_.capacity() * sizeof(PendingEvent);
}

}  // namespace picket::session

#include "picket/session/agent_session.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/session/in_flight.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

// What stands for the exchange of a configuration that names none.
constexpr std::string_view configuration_id = "configuration";
// Pings that wait for a configuration to be accepted: a proxy that sends more at once wants something else than to
// know.
constexpr std::size_t most_later_pings = 16;

}  // namespace

AgentSession::AgentSession(const AgentAgreement& agreed, base::TimePoint, wire::Output& output)
    : config_(agreed.config),
      output_(output),
      format_(agreed.terms.format),
      announced_events_(agreed.announced_events),
      connections_wanted_(agreed.connections_wanted),
      completes_are_answered_(!agreed.terms.one_way_complete),
      hears_config_answers_(agreed.terms.config_reply),
      pong_acknowledges_configure_(agreed.terms.pong_acknowledges_configure) {
  actions_.emplace_back(Opened{});
}

void AgentSession::close(base::Error reason) {
  if (end_) return;
  end_ = reason;
  by_id_.each([this](std::uint32_t index) {
    end_exchange(index, EndReason::disconnected);
    remove(index);
  });
  longest_idle_ = newest_idle_ = nothing;
  actions_.emplace_back(Finished{std::move(reason)});
}

// ---- what the proxy says

template <class Event>
base::Status AgentSession::take(const Event& event, std::string_view, base::TimePoint) {
  if (is_of_forgotten(event)) return block_forgotten(event);
  heads_come_ = heads_come_ || Event::type == FrameType::request_headers;
  return arrived(wire::correlation_id_of(event), event);
}

template <class Event>
base::Status AgentSession::arrived(std::string_view id, const Event& event) {
  const auto index = find_or_add(id);
  if (!index) return index.error();
  auto& exchange = exchanges_[*index];
  if (exchange.pending++ == 0) unlink_idle(*index);
  ++unanswered_;
  actions_.emplace_back(Arrived{{*index, exchange.generation, reply_key(event)}, &event});
  return {};
}

/// Where no response answers it, it names no exchange.
template <>
base::Status AgentSession::take(const wire::Configure& event, std::string_view, base::TimePoint) {
  if (!pong_acknowledges_configure_) return arrived(event.correlation_id, event);
  ++configurations_pending_;
  return arrived(configuration_id, event);
}

bool AgentSession::answers_later(std::string_view ping) {
  if (configurations_pending_ == 0) return false;
  if (later_pings_.size() < most_later_pings) later_pings_.emplace_back(ping);
  return true;
}

/// A configuration of gRPC: accepted by the pong that follows it, refused by the end of the stream.
bool AgentSession::acknowledge(const wire::AgentResponse& response) {
  if (!std::holds_alternative<wire::Allow>(response.decision)) {
    const auto* const block = std::get_if<wire::Block>(&response.decision);
    close(fail(ErrorKind::connection_failed,
               fmt::format("the agent refuses the configuration: {}",
                           block != nullptr && block->body ? *block->body : "it gives no reason")));
    return false;
  }
  if (--configurations_pending_ != 0) return true;
  for (const std::string& ping : std::exchange(later_pings_, {}))
    wire::append_frame(FrameType::pong, ping, output_, format_);
  return true;
}

template base::Status AgentSession::take(const wire::RequestHeaders&, std::string_view, base::TimePoint);
template base::Status AgentSession::take(const wire::RequestBodyChunk&, std::string_view, base::TimePoint);
template base::Status AgentSession::take(const wire::ResponseHeaders&, std::string_view, base::TimePoint);
template base::Status AgentSession::take(const wire::ResponseBodyChunk&, std::string_view, base::TimePoint);
template base::Status AgentSession::take(const wire::RequestComplete&, std::string_view, base::TimePoint);
template base::Status AgentSession::take(const wire::WebSocketFrame&, std::string_view, base::TimePoint);
template base::Status AgentSession::take(const wire::GuardrailInspect&, std::string_view, base::TimePoint);

/// Whether it continues an exchange that was forgotten: chunks do not begin one where heads do.
template <class Event>
bool AgentSession::is_of_forgotten(const Event& event) const {
  if constexpr (requires { event.chunk_index; }) {
    if (!has_forgotten_ || (event.chunk_index == 0 && !heads_come_)) return false;
    return by_id_.find(wire::correlation_id_of(event)) == IdIndex::nothing;
  }
  return false;
}

template <class Event>
base::Status AgentSession::block_forgotten(const Event& event) {
  constexpr std::uint16_t service_unavailable = 503;
  constexpr wire::Text reason[] = {"exchange-forgotten"};
  wire::AgentResponse response{.decision = wire::Block{.status = service_unavailable},
                               .audit = {.reason_codes = reason},
                               .correlation_id = wire::correlation_id_of(event)};
  if (format_.event_reply) response.reply_to = reply_key(event);
  actions_.emplace_back(Rejected{});
  return write(response);
}

base::Status AgentSession::take(const wire::Cancel& cancel, std::string_view, base::TimePoint now) {
  const std::uint32_t index = by_id_.find(cancel.correlation_id);
  if (index == IdIndex::nothing) return {};
  // The entry stays for the request_complete that follows, as another generation: answers to what was cancelled no
  // longer fit.
  end_exchange(index, cancel.reason == wire::CancelReason::timeout ? EndReason::timed_out : EndReason::cancelled);
  if (exchanges_[index].pending == 0) unlink_idle(index);
  unanswered_ -= exchanges_[index].pending;
  exchanges_[index].pending = 0;
  link_idle(index, now);
  return {};
}

bool AgentSession::live(const EventRef& ref) const noexcept {
  return ref.exchange < exchanges_.size() && exchanges_[ref.exchange].generation == ref.generation;
}

bool AgentSession::respond(const EventRef& ref, wire::AgentResponse response, base::TimePoint now) {
  if (end_ || !live(ref) || exchanges_[ref.exchange].pending == 0) return false;
  auto& exchange = exchanges_[ref.exchange];
  const bool completes = ref.key.type == FrameType::request_complete;
  const bool configures = ref.key.type == FrameType::configure;
  if (configures && configurations_pending_ != 0) {
    if (!acknowledge(response)) return false;
  } else if (!completes || completes_are_answered_) {
    const std::size_t before = output_.size();
    response.correlation_id = exchange.id;
    if (format_.event_reply) response.reply_to = ref.key;
    auto status = write(response);
    if (!status) {
      close(std::move(status.error()));
      return false;
    }
    if (completes) linger_.let_wait(output_, before, now);  // nobody waits for it
  }
  --unanswered_;
  --exchange.pending;
  if (exchange.pending != 0) return true;
  if (completes || configures) {
    remove(ref.exchange);
  } else {
    link_idle(ref.exchange, now);
  }
  return true;
}

base::Status AgentSession::write(const wire::AgentResponse& response) {
  PICKET_TRY(wire::encode(format_, response, output_));
  // A decision dies with the handler's call: bytes that it put in a body's place are not borrowed for longer.
  for (const auto* const mutation : {&response.request_body_mutation, &response.response_body_mutation})
    if (*mutation && (*mutation)->data && output_.borrows()) output_.own_borrowed(*(*mutation)->data);
  return {};
}

// ---- the table of exchanges

base::Result<std::uint32_t> AgentSession::find_or_add(std::string_view id) {
  if (const std::uint32_t found = by_id_.find(id); found != IdIndex::nothing) return found;
  if (id.empty() || id.size() > base::limits::max_correlation_id)
    return fail(ErrorKind::invalid_message, fmt::format("a correlation id of {} bytes; 1 to {} are allowed", id.size(),
                                                        base::limits::max_correlation_id));
  if (by_id_.size() >= config_->max_exchanges) {
    if (longest_idle_ == nothing)
      return fail(ErrorKind::unavailable,
                  fmt::format("more than {} exchanges wait for answers on one connection", config_->max_exchanges));
    forget(longest_idle_);
  }
  std::uint32_t index = free_;
  if (index == nothing) {
    index = static_cast<std::uint32_t>(exchanges_.size());
    exchanges_.emplace_back();
  } else {
    free_ = std::exchange(exchanges_[index].newer, nothing);
  }
  exchanges_[index].id = id;
  by_id_.insert(exchanges_[index].id, index);
  return index;
}

void AgentSession::link_idle(std::uint32_t index, base::TimePoint now) noexcept {
  auto& exchange = exchanges_[index];
  exchange.idle_since = now;
  exchange.older = newest_idle_;
  exchange.newer = nothing;
  (newest_idle_ == nothing ? longest_idle_ : exchanges_[newest_idle_].newer) = index;
  newest_idle_ = index;
}

void AgentSession::unlink_idle(std::uint32_t index) noexcept {
  auto& exchange = exchanges_[index];
  const bool linked = longest_idle_ == index || exchange.older != nothing;
  if (!linked) return;  // a new exchange is not idle yet
  (exchange.older == nothing ? longest_idle_ : exchanges_[exchange.older].newer) = exchange.newer;
  (exchange.newer == nothing ? newest_idle_ : exchanges_[exchange.newer].older) = exchange.older;
  exchange.older = exchange.newer = nothing;
}

void AgentSession::end_exchange(std::uint32_t index, EndReason reason) {
  auto& exchange = exchanges_[index];
  actions_.emplace_back(Ended{index, exchange.generation, reason, exchange.pending});
  ++exchange.generation;
}

void AgentSession::forget(std::uint32_t index) {
  has_forgotten_ = true;
  end_exchange(index, EndReason::expired);
  unlink_idle(index);
  remove(index);
}

void AgentSession::remove(std::uint32_t index) noexcept {
  auto& exchange = exchanges_[index];
  by_id_.erase(index);
  unanswered_ -= exchange.pending;
  exchange.pending = 0;
  exchange.older = nothing;
  exchange.newer = std::exchange(free_, index);
  ++exchange.generation;
}

// ---- time

void AgentSession::tick(base::TimePoint now) {
  linger_.tick(output_, now);
  if (!completes_are_answered_) return;
  while (longest_idle_ != nothing && now - exchanges_[longest_idle_].idle_since >= config_->exchange_ttl)
    forget(longest_idle_);
}

base::TimePoint AgentSession::next_wakeup() const noexcept {
  if (end_) return base::TimePoint::max();
  if (longest_idle_ == nothing || !completes_are_answered_) return linger_.due();
  return std::min(linger_.due(), exchanges_[longest_idle_].idle_since + config_->exchange_ttl);
}

}  // namespace picket::session

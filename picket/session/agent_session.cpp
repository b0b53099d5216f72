#include "picket/session/agent_session.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/session/in_flight.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr std::uint32_t protocol_version = 2;

template <class T>
const T* keep(base::Arena& arena, const T& value) {
  return new (arena.allocate(sizeof(T), alignof(T))) T(value);
}

}  // namespace

AgentSession::AgentSession(const AgentConfig& config, base::TimePoint now)
    : config_(config), handshake_deadline_(now + config.handshake_timeout) {}

void AgentSession::feed(std::string_view bytes, base::TimePoint now) {
  if (state_ == State::closed) return;
  arena_.reset();
  auto status = reader_.feed(bytes, [&](const wire::FrameView& frame) { return on_frame(frame, now); });
  if (!status) close(std::move(status.error()));
  trim_if_idle();
}

void AgentSession::rest_received(std::size_t size, base::TimePoint now) {
  if (state_ == State::closed) return;
  arena_.reset();
  auto status = reader_.rest_received(size, [&](const wire::FrameView& frame) { return on_frame(frame, now); });
  if (!status) close(std::move(status.error()));
  trim_if_idle();
}

/// A connection that brings pings alone has no use for the memory of its busier times.
void AgentSession::trim_if_idle() {
  if (!std::exchange(pinged_, false) || !by_id_.empty() || !actions_.empty()) return;
  reader_.trim();
  arena_.trim();
}

void AgentSession::close(base::Error reason) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  end_ = reason;
  by_id_.each([this](std::uint32_t index) {
    end_exchange(index, EndReason::disconnected);
    remove(index);
  });
  longest_idle_ = newest_idle_ = nothing;
  actions_.emplace_back(Finished{std::move(reason)});
}

// ---- frames from the proxy

base::Status AgentSession::on_frame(const wire::FrameView& frame, base::TimePoint now) {
  if (state_ == State::closed) return {};
  if (state_ == State::handshaking) return on_handshake(frame);
  switch (frame.type) {
    case FrameType::request_headers: return on_event<wire::RequestHeaders>(frame.payload, now);
    case FrameType::request_body_chunk: return on_event<wire::RequestBodyChunk>(frame.payload, now);
    case FrameType::response_headers: return on_event<wire::ResponseHeaders>(frame.payload, now);
    case FrameType::response_body_chunk: return on_event<wire::ResponseBodyChunk>(frame.payload, now);
    case FrameType::request_complete: return on_event<wire::RequestComplete>(frame.payload, now);
    case FrameType::websocket_frame: return on_event<wire::WebSocketFrame>(frame.payload, now);
    case FrameType::guardrail_inspect: return on_event<wire::GuardrailInspect>(frame.payload, now);
    case FrameType::configure: return on_event<wire::Configure>(frame.payload, now);
    case FrameType::cancel: return on_cancel(frame.payload, now);
    case FrameType::ping:
      pinged_ = true;
      wire::append_frame(FrameType::pong, frame.payload, output_);
      return {};
    case FrameType::pong: return {};
    default: return fail(ErrorKind::invalid_message, fmt::format("a proxy must not send {} here", name(frame.type)));
  }
}

/// Tells the proxy why the handshake failed, in a form that every peer can decode: full, empty capabilities and version
/// 0.
base::Error AgentSession::refuse(base::Error reason) {
  (void)wire::encode(format_, wire::HandshakeResponse{.error = reason.detail()}, output_);
  return reason;
}

base::Status AgentSession::on_handshake(const wire::FrameView& frame) {
  if (frame.type != FrameType::handshake_request)
    return refuse(
        fail(ErrorKind::invalid_message, fmt::format("expected handshake_request first, got {}", name(frame.type))));
  auto request = wire::decode<wire::HandshakeRequest>(format_, frame.payload, arena_);
  if (!request) return refuse(std::move(request.error()));
  if (std::ranges::find(request->supported_versions, protocol_version) == request->supported_versions.end())
    return refuse(fail(ErrorKind::version_mismatch,
                       fmt::format("no common protocol version: this agent speaks {}", protocol_version)));

  const auto speaks = [&](wire::Encoding encoding) {
    return std::ranges::find(config_.encodings, encoding) != config_.encodings.end();
  };
  const auto chosen = std::ranges::find_if(request->supported_encodings, speaks);
  if (chosen != request->supported_encodings.end()) format_.encoding = *chosen;

  const auto offered = [&](wire::Text extension) {
    return config_.extensions && std::ranges::find(request->extensions, extension) != request->extensions.end();
  };
  std::vector<wire::Text> taken;
  std::ranges::copy_if(wire::all_extensions, std::back_inserter(taken), offered);
  for (const std::int32_t number : request->events)
    if (number >= 0 && number <= static_cast<std::int32_t>(wire::EventKind::guardrail_inspect))
      announced_events_.push_back(static_cast<wire::EventKind>(number));

  const wire::HandshakeResponse answer{.protocol_version = protocol_version,
                                       .capabilities = capabilities(config_.info, arena_),
                                       .success = true,
                                       .encoding = format_.encoding,
                                       .extensions = taken};
  PICKET_TRY(wire::encode(format_, answer, output_));
  format_.raw_bytes = offered(wire::extension_raw_bytes);
  format_.event_reply = offered(wire::extension_event_reply);
  completes_are_answered_ = !offered(wire::extension_one_way_complete);
  state_ = State::open;
  actions_.emplace_back(Opened{keep(arena_, *request)});
  return {};
}

template <class Event>
base::Status AgentSession::on_event(std::string_view payload, base::TimePoint) {
  auto event = wire::decode<Event>(format_, payload, arena_);
  if (!event) return fail(event.error().kind(), fmt::format("{}: {}", name(Event::type), event.error().detail()));
  if (is_of_forgotten(*event)) return block_forgotten(*event);
  heads_come_ = heads_come_ || Event::type == FrameType::request_headers;
  const auto index = find_or_add(wire::correlation_id_of(*event));
  if (!index) return index.error();
  auto& exchange = exchanges_[*index];
  if (exchange.pending++ == 0) unlink_idle(*index);
  ++unanswered_;
  actions_.emplace_back(Arrived{{*index, exchange.generation, reply_key(*event)}, keep(arena_, *event)});
  return {};
}

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
  return write(response);
}

base::Status AgentSession::on_cancel(std::string_view payload, base::TimePoint now) {
  auto cancel = wire::decode<wire::Cancel>(format_, payload, arena_);
  if (!cancel) return std::move(cancel.error());
  const std::uint32_t index = by_id_.find(cancel->correlation_id);
  if (index == IdIndex::nothing) return {};
  // The entry stays for the request_complete that follows, as another generation: answers to what was cancelled no
  // longer fit.
  end_exchange(index, EndReason::cancelled);
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
  if (state_ != State::open || !live(ref) || exchanges_[ref.exchange].pending == 0) return false;
  auto& exchange = exchanges_[ref.exchange];
  const bool completes = ref.key.type == FrameType::request_complete;
  if (!completes || completes_are_answered_) {
    const std::size_t before = output_.size();
    response.correlation_id = exchange.id;
    if (format_.event_reply) response.reply_to = ref.key;
    auto status = write(response);
    if (!status) {
      close(std::move(status.error()));
      return false;
    }
    if (completes) linger_.defer(output_, before, now);  // nobody waits for it
  }
  --unanswered_;
  --exchange.pending;
  if (exchange.pending != 0) return true;
  if (completes || ref.key.type == FrameType::configure) {
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
  if (by_id_.size() >= config_.max_exchanges) {
    if (longest_idle_ == nothing)
      return fail(ErrorKind::unavailable,
                  fmt::format("more than {} exchanges wait for answers on one connection", config_.max_exchanges));
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
  actions_.emplace_back(Ended{index, exchange.generation, reason});
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
  if (state_ == State::handshaking && now >= handshake_deadline_)
    return close(fail(ErrorKind::timeout, "the proxy did not send its handshake in time"));
  linger_.tick(output_, now);
  if (!completes_are_answered_) return;
  while (longest_idle_ != nothing && now - exchanges_[longest_idle_].idle_since >= config_.exchange_ttl)
    forget(longest_idle_);
}

base::TimePoint AgentSession::next_wakeup() const noexcept {
  if (state_ == State::handshaking) return handshake_deadline_;
  if (state_ == State::closed) return base::TimePoint::max();
  if (longest_idle_ == nothing || !completes_are_answered_) return linger_.due();
  return std::min(linger_.due(), exchanges_[longest_idle_].idle_since + config_.exchange_ttl);
}

}  // namespace picket::session

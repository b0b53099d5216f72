#include "apps/gateway/websocket/inspected_tunnel.hpp"

#include <array>
#include <utility>

#include "picket/websocket/close.hpp"

namespace picket::apps::gateway::websocket {
namespace {

namespace close_codes = picket::websocket::close_codes;
using picket::websocket::Breach;
using picket::websocket::CloseFrame;
using picket::websocket::Frame;
using picket::websocket::Opcode;
using picket::websocket::Sender;

wire::WebSocketOpcode as_event(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::continuation: return wire::WebSocketOpcode::continuation;
    case Opcode::text: return wire::WebSocketOpcode::text;
    case Opcode::binary: return wire::WebSocketOpcode::binary;
    case Opcode::close: return wire::WebSocketOpcode::close;
    case Opcode::ping: return wire::WebSocketOpcode::ping;
    case Opcode::pong: break;
  }
  return wire::WebSocketOpcode::pong;
}

}  // namespace

InspectedTunnel::InspectedTunnel(transport::Worker& worker, TunnelEnd& client, TunnelEnd& upstream,
                                 inspection::FrameInspection& frames, transport::Cancel& cancel, Counters& counters,
                                 const Terms& terms)
    : worker_(worker),
      frames_(frames),
      cancel_(cancel),
      counters_(counters),
      terms_(terms),
      idle_(worker, terms.idle),
      to_upstream_(*this, Sender::client, client, upstream),
      to_client_(*this, Sender::server, upstream, client),
      timer_([](void* self, base::TimePoint) { static_cast<InspectedTunnel*>(self)->end(); }, this),
      other_way_(worker),
      guard_(cancel, [](void* self) { static_cast<InspectedTunnel*>(self)->say_last(); }, this) {}

transport::Task<void> InspectedTunnel::run() {
  if (cancel_.is_requested()) end();
  other_way_.run(pass(to_upstream_));
  co_await pass(to_client_);
  transport::Beside::End end{other_way_};
  co_await end;
}

// ---- one direction

transport::Task<void> InspectedTunnel::pass(Way& way) {
  while (phase_ == Phase::open && !way.has_closed && !way.has_ended) {
    auto frame = co_await next_frame(way);
    if (!frame || phase_ != Phase::open) continue;
    const Frame& whole = *frame;
    co_await judge(way, whole);
  }
  co_await finish(way);
}

transport::Task<std::optional<Frame>> InspectedTunnel::next_frame(Way& way) {
  while (phase_ == Phase::open) {
    const auto got = way.assembly.read(way.unread);
    if (!got) {
      breach(way, got.error());
    } else if (!count(way)) {
      close({.code = close_codes::try_again_later, .reason = {}, .sender = way.sender, .is_overloaded = true});
    } else if (*got) {
      counters_.frames[static_cast<std::size_t>(way.sender)].add();
      co_return *got;
    } else {
      const bool goes_on = co_await read(way);
      if (!goes_on) break;
    }
  }
  co_return std::nullopt;
}

/// Whether there is more.
transport::Task<bool> InspectedTunnel::read(Way& way) {
  const std::span<char> space{way.space.get(), space_size};
  const bool waits_for_more = phase_ == Phase::open && way.assembly.is_in_message();
  if (waits_for_more && !way.hold_ends.armed()) worker_.timers().arm(way.hold_ends, worker_.now() + terms_.to_hold);
  const auto size = co_await idle_.read(way.from, space);
  if (size && *size != 0) {
    way.unread = space.first(*size);
    co_return true;
  }
  if (size) {
    way.has_ended = true;
  } else if (phase_ == Phase::open && size.error().kind() == base::ErrorKind::timeout) {
    close({.code = close_codes::going_away, .reason = "nothing has passed for too long"});
  } else if (phase_ == Phase::open) {
    end();
  }
  co_return false;
}

transport::Task<void> InspectedTunnel::judge(Way& way, const Frame& frame) {
  if (way.assembly.has_message()) way.hold_ends.cancel();
  wire::WebSocketFrame event{.correlation_id = {},
                             .opcode = as_event(frame.opcode),
                             .data = frame.payload,
                             .client_to_server = way.sender == Sender::client,
                             .frame_index = way.frames++,
                             .fin = frame.fin,
                             .route_id = terms_.route,
                             .client_ip = terms_.client_ip};
  const auto verdict = co_await frames_.judge(event);
  if (phase_ != Phase::open) co_return;
  using Kind = inspection::FrameVerdict::Kind;
  if (verdict.kind == Kind::closes) {
    close({.code = verdict.code, .reason = verdict.reason, .sender = way.sender, .verdict = verdict});
    co_return;
  }
  bool is_dropped = verdict.kind == Kind::drops;
  if (!is_control(frame.opcode)) is_dropped = way.drops = way.drops || is_dropped;
  if (!way.assembly.completes()) {
    if (way.drops) shed(way);
    co_return;
  }
  co_await deliver(way, is_dropped);
  if (frame.opcode == Opcode::close) {
    way.has_closed = true;
    way.is_told = !is_dropped;
    if (other(way).has_closed) begin_to_end();
  }
}

/// What is complete goes on, or is dropped.
transport::Task<void> InspectedTunnel::deliver(Way& way, bool is_dropped) {
  const bool is_message = way.assembly.has_message();
  if (is_dropped && is_message) counters_.messages_dropped.add();
  if (!is_dropped) {
    const std::string_view sealed = way.assembly.seal(key_for(way));
    co_await write(way, sealed);
  }
  if (!is_message) co_return;
  way.drops = false;
  forget(way);
}

transport::Task<void> InspectedTunnel::write(Way& way, std::string_view bytes) {
  way.is_writing = true;
  const auto written = co_await idle_.write(way.to, bytes);
  way.is_writing = false;
  if (!written) co_return end();
  way.passed += bytes.size();
}

/// Says what is to be said of the end, and listens until the sender has ended, too: what it has under way would else be
/// met by a reset, which takes along what was written.
transport::Task<void> InspectedTunnel::finish(Way& way) {
  forget(way);  // what has not come whole never will
  const bool was_closed_here = phase_ == Phase::closing;
  if (was_closed_here && !way.is_told) {
    const CloseFrame frame{closing_->code, closing_->reason, key_for(way)};
    const std::string_view said = frame.text();
    co_await write(way, said);
  }
  if (was_closed_here && phase_ != Phase::over) way.to.shutdown_write();
  while (phase_ != Phase::over && !way.has_ended) {
    way.unread = {};
    const bool goes_on = co_await read(way);
    if (!goes_on && phase_ == Phase::closing) break;
  }
  if (!was_closed_here && phase_ != Phase::over) way.to.shutdown_write();
}

// ---- what is held

bool InspectedTunnel::count(Way& way) noexcept {
  const std::uint64_t now = way.assembly.held();
  if (now <= way.counted) return true;
  if (!way.held.count(now - way.counted)) return false;
  way.counted = now;
  return true;
}

void InspectedTunnel::forget(Way& way) {
  way.assembly.forget();
  way.held.give_back(std::exchange(way.counted, 0));
  way.hold_ends.cancel();
}

void InspectedTunnel::shed(Way& way) {
  way.assembly.shed();
  way.held.give_back(std::exchange(way.counted, 0));
}

std::optional<picket::websocket::MaskKey> InspectedTunnel::key_for(const Way& way) {
  return way.sender == Sender::client ? std::optional{masks_.next()} : std::nullopt;
}

// ---- the end

void InspectedTunnel::breach(const Way& way, Breach what) {
  if (phase_ != Phase::open) return;
  counters_.breaches[static_cast<std::size_t>(what)].add();
  const std::string_view reason = what == Breach::too_slow ? "a message was not whole in time" : "";
  close({.code = close_code(what), .reason = reason, .breach = what, .sender = way.sender});
}

/// A direction that reads, or waits for an agent, tells its end at once; one that writes has a moment for it.
void InspectedTunnel::close(const Closing& closing) {
  if (phase_ != Phase::open) return;
  phase_ = Phase::closing;
  closing_ = closing;
  idle_.end();
  begin_to_end();
  frames_.stop();
  for (Way* const way : {&to_upstream_, &to_client_})
    if (!other(*way).is_writing) way->from.stop();
}

void InspectedTunnel::begin_to_end() { worker_.timers().arm(timer_, worker_.now() + terms_.to_close); }

void InspectedTunnel::end() noexcept {
  if (std::exchange(phase_, Phase::over) == Phase::over) return;
  timer_.cancel();
  idle_.end();
  frames_.stop();
  for (Way* const way : {&to_upstream_, &to_client_}) {
    way->from.stop();
    way->from.cut();
  }
}

/// Nobody waits for what is written now, so that it is said as far as it is taken at once.
void InspectedTunnel::say_last() {
  if (phase_ == Phase::open && cancel_.reason() == wire::CancelReason::proxy_shutdown) {
    for (Way* const way : {&to_upstream_, &to_client_}) {
      if (way->is_writing || way->is_told || way->has_ended) continue;
      const CloseFrame frame{close_codes::going_away, {}, key_for(*way)};
      way->to.write_last(frame.text());
    }
  }
  end();
}

}  // namespace picket::apps::gateway::websocket

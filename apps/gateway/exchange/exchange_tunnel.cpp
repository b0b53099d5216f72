#include <fmt/format.h>
#include <spdlog/logger.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/websocket/tunnel.hpp"

namespace picket::apps::gateway::exchange {

/// What the client asks to switch to, where its route lets it (RFC 6455 §4.1).
std::string_view Exchange::upgrade() const noexcept {
  if (!route_->websocket || route_->respond) return {};
  return handshake_.is_asked_for() ? "websocket" : std::string_view{};
}

transport::Task<void> Exchange::open_tunnel() {
  const auto written = co_await client_.write({}, false);
  happened(written ? Event::head_sent : Event::client_lost);
}

/// What follows a 101. A client that leaves ends it, and so does the end of a drain.
transport::Task<void> Exchange::tunnel() {
  websocket::TunnelEnd* const client = client_.tunnel_end();
  websocket::TunnelEnd* const upstream = upstream_.tunnel_end();
  if (client == nullptr || upstream == nullptr) {
    happened(Event::broke);
    co_return;
  }
  auto& metrics = service_.shard.metrics;
  metrics.tunnels.add();
  metrics.tunnels_open.add(1);
  auto passing = inspects_frames() ? pass_frames(*client, *upstream) : pass_bytes(*client, *upstream);
  co_await passing;
  metrics.tunnels_open.add(-1);
  upstream_.reset(ResetCode::cancelled);
  happened(Event::relayed);
}

transport::Task<void> Exchange::pass_bytes(websocket::TunnelEnd& client, websocket::TunnelEnd& upstream) {
  websocket::Tunnel passing{service_.worker, client, upstream, route_->websocket_idle};
  co_await passing.run();
  note_passed(passing.passed());
}

transport::Task<void> Exchange::pass_frames(websocket::TunnelEnd& client, websocket::TunnelEnd& upstream) {
  const websocket::InspectedTunnel::Terms terms{
      .idle = route_->websocket_idle,
      .to_hold = service_.config.limits.held_body_time,
      .to_close = service_.timeouts.linger,
      .max_message = static_cast<std::size_t>(service_.config.limits.max_websocket_message),
      .route = route_->id,
      .client_ip = forwarded_.origin.address};
  websocket::InspectedTunnel passing{
      service_.worker, client, upstream, inspection_->frames(), cancel_, service_.shard.metrics.websocket, terms};
  co_await passing.run();
  note_passed(passing.passed());
  if (passing.closing()) note_closing(*passing.closing());
}

void Exchange::note_passed(const websocket::Passed& passed) {
  record_.request_size += passed.from_client;
  record_.response_size += passed.from_upstream;
}

void Exchange::note_closing(const websocket::Closing& closing) {
  const bool is_clients = closing.sender == picket::websocket::Sender::client;
  if (closing.breach) {
    record_.reason = answers::Reason::websocket_breach;
    record_.reason_detail =
        arena_.copy(fmt::format("{}: {}", is_clients ? "client" : "upstream", sentence(*closing.breach)));
    service_.shard.log.warn("a WebSocket was closed, {} (request {})", record_.reason_detail, id_.text());
  } else if (closing.is_overloaded) {
    record_.reason = answers::Reason::overloaded;
  } else if (closing.verdict) {
    record_.reason = answers::reason_of(closing.verdict->failure);
    record_.decision = closing.verdict->decision;
    record_.deciding_agent = closing.verdict->agent;
  }
}

}  // namespace picket::apps::gateway::exchange

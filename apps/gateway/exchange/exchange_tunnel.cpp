#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/header_edits.hpp"
#include "apps/gateway/websocket/tunnel.hpp"
#include "picket/http/list.hpp"
#include "picket/websocket/handshake.hpp"

namespace picket::apps::gateway::exchange {

/// What the client asks to switch to, where its route lets it (RFC 6455 §4.1). No other protocol: what an upstream
/// would read behind a switch to h2c is requests that nobody has looked at.
std::string_view Exchange::upgrade() const noexcept {
  constexpr std::string_view websocket = "websocket";
  if (!route_->websocket || route_->respond) return {};
  if (request_.must_switch) return websocket;
  if (request_.version != 11 || request_.method != "GET" || request_.has_body()) return {};
  const auto names = [&](std::string_view field, std::string_view wanted) {
    return std::ranges::any_of(request_.headers, [&](const base::Header& each) {
      if (!base::same_name(each.name, field)) return false;
      std::string_view list = each.value;
      while (const auto item = http::next_item(list))
        if (base::same_name(*item, wanted)) return true;
      return false;
    });
  };
  return names("upgrade", websocket) && names("connection", "upgrade") ? websocket : std::string_view{};
}

/// The handshake of HTTP/1.1 has a key, which an extended CONNECT has not.
std::string_view Exchange::handshake_key() {
  if (!request_.must_switch) return {};
  if (handshake_key_.empty()) {
    std::array<std::uint8_t, 16> nonce{};
    websocket::fill_with_random_bytes(nonce);
    handshake_key_ = picket::websocket::key_of(nonce);
  }
  return handshake_key_;
}

/// What is wrong with an answer to a handshake, if anything. Who only asked for a switch if there may be one takes any
/// other; and where nobody looks at frames, looks at the switch itself.
std::optional<base::Error> Exchange::wrong_with_switch(const http::ResponseHead& head) {
  using base::ErrorKind::invalid_message;
  const bool switches = head.status == 101;
  if (switches && inspects_frames() && head.headers.find(websocket_extensions))
    return base::fail(invalid_message, "it answered with an extension of WebSocket that it was not offered");
  if (request_.must_switch && !switches && head.status / 100 == 2)
    return base::fail(invalid_message, "it did not switch to WebSocket");
  if (!switches || !(request_.must_switch || inspects_frames())) return std::nullopt;
  const std::string_view key =
      request_.must_switch ? handshake_key() : request_.headers.find("sec-websocket-key").value_or("");
  if (head.headers.find("sec-websocket-accept") == picket::websocket::accept_of(key)) return std::nullopt;
  return base::fail(invalid_message, "it answered another handshake than it was asked for");
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

#include "apps/gateway/downstream/origin.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>
#include <string>

#include "picket/http/authority.hpp"
#include "picket/http/forwarded.hpp"
#include "picket/http/list.hpp"

namespace picket::apps::gateway::downstream {
namespace {

bool trusts(std::span<const config::Network> trusted, const config::IpAddress& ip) noexcept {
  return std::ranges::any_of(trusted, [&](const config::Network& network) { return network.has(ip); });
}

/// One item of X-Forwarded-For: an address, which some proxies write with a port.
struct Hop {
  config::IpAddress ip;
  std::uint16_t port = 0;
};

std::optional<Hop> parse_hop(std::string_view item) noexcept {
  if (const auto ip = config::IpAddress::parse(item)) return Hop{*ip};
  if (!http::is_authority(item)) return std::nullopt;
  std::string_view host = http::host_name(item);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto ip = config::IpAddress::parse(host);
  if (!ip) return std::nullopt;
  Hop hop{*ip};
  const std::string_view port = http::port_text(item);
  std::from_chars(port.data(), port.data() + port.size(), hop.port);
  return hop;
}

base::ArenaList<std::string_view> items_of(const base::Headers& headers, std::string_view name, base::Arena& arena) {
  base::ArenaList<std::string_view> items{arena};
  for (const auto& field : headers)
    if (base::same_name(field.name, name))
      for (std::string_view rest = field.value; const auto item = http::next_item(rest);) items.push_back(*item);
  return items;
}

/// What one proxy says of whom it passes on; empty where it does not.
struct Claim {
  std::string_view node;
  std::string_view scheme;
  std::string_view host;
};
using Claims = base::ArenaList<Claim>;  // the last proxy's first

/// X-Forwarded-Proto and -Host do not say whose word they are: the last of each counts, as the last proxy's.
Claims claims_of_x_forwarded(const base::Headers& headers, base::Arena& arena) {
  Claims claims{arena};
  const auto nodes = items_of(headers, "x-forwarded-for", arena);
  for (std::size_t left = nodes.size(); left != 0; --left) claims.push_back({.node = nodes.items()[left - 1]});
  auto schemes = items_of(headers, "x-forwarded-proto", arena);
  auto hosts = items_of(headers, "x-forwarded-host", arena);
  if (claims.size() == 0 && schemes.size() + hosts.size() != 0) claims.push_back({});
  if (schemes.size() != 0) claims.items().front().scheme = schemes.back();
  if (hosts.size() != 0) claims.items().front().host = hosts.back();
  return claims;
}

/// RFC 7239. What is malformed is nobody's word, and neither is what stands before it.
Claims claims_of_forwarded(const base::Headers& headers, base::Arena& arena) {
  base::ArenaList<std::string_view> lines{arena};
  for (const auto& field : headers)
    if (base::same_name(field.name, "forwarded")) lines.push_back(field.value);
  Claims claims{arena};
  for (const auto line : std::views::reverse(lines.items())) {
    const auto elements = http::read_forwarded(line, arena);
    if (!elements) break;
    for (const auto& element : std::views::reverse(elements->items()))
      claims.push_back({.node = element.node, .scheme = element.proto, .host = element.host});
  }
  return claims;
}

/// A proxy that sends the one may pass on what its client has written of the other.
Claims claims_of(const base::Headers& headers, base::Arena& arena) {
  Claims claims = claims_of_x_forwarded(headers, arena);
  return claims.size() != 0 ? claims : claims_of_forwarded(headers, arena);
}

/// Each claim is believed as far as the one whose it is is trusted: the peer's, then that of whom it names.
void walk(Origin& origin, const Peer& peer, std::span<const config::Network> trusted, const Claims& claims,
          base::Arena& arena) {
  base::ArenaList<std::string_view> walked{arena};
  walked.push_back(peer.address);
  config::IpAddress last = peer.ip;
  bool has_scheme = false;
  for (const Claim& claim : claims.items()) {
    if (!trusts(trusted, last)) break;
    if (!has_scheme && (base::same_name(claim.scheme, "https") || base::same_name(claim.scheme, "http"))) {
      has_scheme = true;
      origin.scheme = base::same_name(claim.scheme, "https") ? "https" : "http";
    }
    if (origin.host.empty() && http::is_authority(claim.host))
      origin.host = http::canonical_authority(claim.host, arena);
    const auto hop = parse_hop(claim.node);
    if (!hop) break;  // "unknown", or a name: who it stands for cannot be told
    last = hop->ip;
    origin.port = hop->port;
    walked.push_back(arena.copy(hop->ip.text()));
  }
  origin.address = walked.back();
  std::string passed_on;
  for (const auto address : std::views::reverse(walked.items()))
    passed_on.append(passed_on.empty() ? "" : ", ").append(address);
  origin.forwarded_for = arena.copy(passed_on);
}

}  // namespace

Origin origin_of(const Peer& peer, std::span<const config::Network> trusted, const base::Headers& headers,
                 base::Arena& arena) {
  Origin origin{.address = peer.address,
                .port = peer.port,
                .scheme = peer.tls ? "https" : "http",
                .host = {},
                .is_forwarded = trusts(trusted, peer.ip),
                .forwarded_for = peer.address};
  if (!origin.is_forwarded) return origin;
  walk(origin, peer, trusted, claims_of(headers, arena), arena);
  return origin;
}

}  // namespace picket::apps::gateway::downstream

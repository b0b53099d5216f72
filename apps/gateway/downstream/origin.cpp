#include "apps/gateway/downstream/origin.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>
#include <string>

#include "picket/http/authority.hpp"
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

void walk_forwarded_for(Origin& origin, const Peer& peer, std::span<const config::Network> trusted,
                        const base::Headers& headers, base::Arena& arena) {
  const auto items = items_of(headers, "x-forwarded-for", arena);
  base::ArenaList<std::string_view> walked{arena};
  walked.push_back(peer.address);
  config::IpAddress last = peer.ip;
  for (std::size_t left = items.size(); left != 0 && trusts(trusted, last); --left) {
    const auto hop = parse_hop(items.items()[left - 1]);
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
  walk_forwarded_for(origin, peer, trusted, headers, arena);
  auto schemes = items_of(headers, "x-forwarded-proto", arena);
  if (schemes.size() != 0) {
    if (base::same_name(schemes.back(), "https")) origin.scheme = "https";
    if (base::same_name(schemes.back(), "http")) origin.scheme = "http";
  }
  auto hosts = items_of(headers, "x-forwarded-host", arena);
  if (hosts.size() != 0 && http::is_authority(hosts.back()))
    origin.host = http::canonical_authority(hosts.back(), arena);
  return origin;
}

}  // namespace picket::apps::gateway::downstream

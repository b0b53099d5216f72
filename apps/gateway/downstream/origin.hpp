#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "apps/gateway/config/network.hpp"
#include "apps/gateway/downstream/peer.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"

namespace picket::apps::gateway::downstream {

/// Who a request is from and how it was asked for, as far as that can be believed: what its connection says, or what
/// the proxies before it say where they are trusted.
struct Origin {
  std::string_view address;        ///< The client's, bare.
  std::uint16_t port = 0;          ///< 0: not known.
  std::string_view scheme;         ///< "http" or "https"
  std::string_view host;           ///< Whom the client asked, in canonical form; empty: the request's own authority.
  bool is_forwarded = false;       ///< The peer is a proxy that is trusted.
  std::string_view forwarded_for;  ///< The client, then each proxy that passed it on, the peer last.
};

/// A peer that is not trusted is the client, whatever it says. What a trusted one says in X-Forwarded-For is walked
/// from the right, over addresses that are trusted, to the first that is not: that is the client, and what stands
/// before it is the client's own word and dropped. The last X-Forwarded-Proto and -Host count: those before them are
/// older. Where it sends none of the three, Forwarded (RFC 7239) is walked in the same way, with the scheme and the
/// host of the last proxy that says one. Pure. Lifetime: views of the arguments and the arena. Allocates nothing for a
/// peer that is not trusted.
[[nodiscard]] Origin origin_of(const Peer& peer, std::span<const config::Network> trusted, const base::Headers& headers,
                               base::Arena& arena);

}  // namespace picket::apps::gateway::downstream

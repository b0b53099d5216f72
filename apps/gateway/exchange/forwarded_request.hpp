#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/downstream/origin.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/message.hpp"

namespace picket::apps::gateway::exchange {

/// The head of a request as it goes on: what agents are asked about, logs tell and the upstream gets. Built once, so
/// that they cannot see different requests.
///
/// Lifetime: views of the request, the peer and the arena. An agent's header operations apply to a copy.
struct ForwardedRequest {
  explicit ForwardedRequest(base::Arena& arena) : fields(arena) {}

  downstream::Origin origin;
  std::string_view method;
  std::string_view target;     ///< Path and query, or "*".
  std::string_view authority;  ///< In canonical form; empty where the request has none.
  /// In the order in which they came, the gateway's own behind them. Content-Length or Transfer-Encoding stand as they
  /// came, so that agents know of a body; the upstream gets its own framing.
  http::FieldList fields;
  std::string_view refusal;  ///< Why it must not go on; empty where it may.
  bool ends_here = false;    ///< Max-Forwards is 0: the gateway answers (RFC 9110 §7.6.2).
};

/// What decides about it beside the request.
struct ForwardingTerms {
  std::span<const config::Network> trusted_proxies;
  bool underscores_in_headers = false;
  std::string_view request_id;
};

/// Leaves out what stays on its hop (http::stays_on_its_hop), names with underscores unless they are allowed, what says
/// whom the request is from (Forwarded, X-Real-IP, X-Forwarded-*), which is set from the connection, and what names
/// another target (X-Original-URL, …); of a trusted proxy the last and other X-Forwarded-* go on. X-Request-Id is
/// written once. What is told of a client's certificate (X-Client-Cert-*) is the gateway's alone to say, whoever the
/// peer is. Pure.
[[nodiscard]] ForwardedRequest forward(const http::RequestHead& request, const downstream::Peer& peer,
                                       const ForwardingTerms& terms, base::Arena& arena);

/// Whether a field of that name may stand behind a request's body: nothing there says whom the request is from, or
/// what it is for, whoever the peer is.
[[nodiscard]] bool may_come_behind(std::string_view name, bool underscores_in_headers) noexcept;

/// A field of the framing, which each connection has its own of.
[[nodiscard]] bool is_framing(std::string_view name) noexcept;

}  // namespace picket::apps::gateway::exchange

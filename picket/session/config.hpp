#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/session/agent_info.hpp"
#include "picket/wire/messages.hpp"

namespace picket::session {

/// How the proxy's end of one connection behaves. A value; connections share one that nobody writes any more. Lifetime:
/// each connection has a share of it. Changing what an agent gets means another value, and connections that are opened
/// with it; the agent's configuration alone can be changed on one that is open (ProxySession::configure).
///
///   const auto config = std::make_shared<const session::ProxyConfig>(
///       session::ProxyConfig{.events = {wire::EventKind::request_headers}, .config_json = R"({"limit": 5})"});
struct ProxyConfig {
  std::string proxy_id = "picket";
  std::string proxy_version;
  /// In order of preference. Of sockets: on gRPC it is protobuf whatever stands here.
  std::vector<wire::Encoding> encodings{wire::Encoding::msgpack, wire::Encoding::json};
  /// Offer the extensions of protocol.md §3. False: the agent is spoken to as the reference does, one event of an
  /// exchange at a time.
  bool extensions = true;
  /// The kinds this proxy will send; told to the agent.
  std::vector<wire::EventKind> events;
  /// Takes the list of an agent without extensions at its word, too.
  bool declared_events_only = false;
  /// The agent's configuration, delivered twice (protocol.md §4); none: null, no Configure.
  std::optional<std::string> config_json;
  // Each step of an opening has a time of its own, from when it begins.
  base::Duration handshake_timeout = std::chrono::seconds{5};
  base::Duration configure_timeout = std::chrono::seconds{5};
  /// Liveness; one ping per interval.
  base::Duration ping_interval = std::chrono::seconds{10};
  /// Without an answer for so long the connection is closed.
  base::Duration pong_timeout = std::chrono::seconds{5};
  /// A pause ends by itself after so long without another: an agent may forget to end it (protocol.md §6).
  base::Duration longest_pause = std::chrono::seconds{30};
  /// Bytes queued before send() refuses: a peer that does not read, or of the dialect v1 one that is slow.
  std::size_t max_output = std::size_t{4} * 1024 * 1024;
};

/// How the agent's end of one connection behaves. A value, shared in the same way. What bounds here is what a proxy
/// could make an agent hold.
struct AgentConfig {
  AgentInfo info;
  /// Which ones it speaks; the proxy's preference decides.
  std::vector<wire::Encoding> encodings{wire::Encoding::msgpack, wire::Encoding::json};
  /// Take the extensions of protocol.md §3 where offered.
  bool extensions = true;
  base::Duration handshake_timeout = std::chrono::seconds{10};
  /// Exchanges remembered; over it the one that was idle longest is forgotten.
  std::size_t max_exchanges = 10'000;
  /// Idle exchanges of a proxy that did not agree to one-way-complete are forgotten: some never send request_complete.
  /// Those of a proxy that did live as long as it holds them.
  base::Duration exchange_ttl = std::chrono::minutes{5};
};

}  // namespace picket::session

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "picket/transport/tls/options.hpp"

namespace picket::agent {

/// Proxies that an agent dials, for where they cannot dial it (protocol.md §8): an agent behind a firewall or in
/// another network, which may open connections and may not be reached.
///
///   ServerOptions options{.dial = {.proxies = {"tls:proxy.example:7443"}, .token_file = "/run/secrets/agent"}};
///
/// Thread safety: a value. Lifetime: it owns its text; a server copies it.
/// Errors: Server::start() refuses addresses that are none, gRPC, and TLS files that cannot be read. A proxy that is
/// not there, or refuses the id or the secret, is dialled again after 1 to 60 s, and ServerOptions::log says why, once.
struct DialOptions {
  /// "unix:PATH" or "tls:HOST:PORT", or where the server may speak in clear "tcp:HOST:PORT" (transport/endpoint.hpp).
  /// Of a name each address is a proxy, looked up again and again. Each proxy says how many connections it wants, and
  /// gets them.
  std::vector<std::string> proxies;
  std::vector<std::string> resolvers;  ///< Whom to ask for names, "IP:PORT"; none: those of /etc/resolv.conf.
  std::string agent_id;                ///< Under which the agent registers; empty: its Info's.
  std::optional<std::string> token;    ///< The secret that proves the id.
  std::string token_file;              ///< Has the secret, in the token's place; read before each registration.
  transport::tls::ClientOptions tls;   ///< of "tls:"; the files are read as those of ServerOptions::tls
};

}  // namespace picket::agent

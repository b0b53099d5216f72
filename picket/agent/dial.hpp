#pragma once

#include <optional>
#include <string>
#include <vector>

#include "picket/transport/tls/options.hpp"

namespace picket::agent {

/// Proxies that an agent dials, for where they cannot dial it (protocol.md §8). A value.
struct DialOptions {
  /// "unix:PATH" or "tls:IP:PORT", or where the server may speak in clear "tcp:IP:PORT" (transport/endpoint.hpp). Each
  /// says how many connections it wants, and gets them.
  std::vector<std::string> proxies;
  std::string agent_id;               ///< Under which the agent registers; empty: its Info's.
  std::optional<std::string> token;   ///< The secret that proves the id.
  std::string token_file;             ///< Has the secret, in the token's place; read before each registration.
  transport::tls::ClientOptions tls;  ///< of "tls:"; the files are read by start()
};

}  // namespace picket::agent

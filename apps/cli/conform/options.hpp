#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "picket/base/time.hpp"

namespace picket::apps::cli::conform {

/// How a peer is tested, and what is known of it. A value.
struct Options {
  base::Duration patience = std::chrono::seconds{5};  ///< For a connection, and for each answer.
  /// For an agent that dials: it comes back within a minute.
  base::Duration return_patience = std::chrono::seconds{75};
  std::optional<std::string> config;  ///< The agent's configuration, as JSON.
  /// Fields that make an agent do more than allow.
  std::vector<std::pair<std::string, std::string>> headers;
  bool undeclared = false;           ///< Send the kinds of events that it does not declare, too.
  bool slow = false;                 ///< Test what takes long.
  std::string agent_id;              ///< Under which the tool registers with a proxy.
  std::optional<std::string> token;  ///< The secret that agents register with.
  std::string http;                  ///< Where a proxy takes requests, as HOST:PORT; empty: it is sent none.
};

}  // namespace picket::apps::cli::conform

#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "apps/gateway/logs/line_queue.hpp"

namespace picket::apps::gateway::logs {

/// One line of the access log. Empty texts are written as null, but for the first four.
struct AccessEntry {
  std::string_view id;
  std::string_view client;
  std::string_view method;
  std::string_view uri;
  std::uint16_t status = 0;  ///< 0: the client was gone before an answer.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::chrono::nanoseconds duration{};
  std::string_view upstream;
  std::string_view upstream_error;  ///< Why it gave no whole answer; left out where it did.
  std::string_view decision;
  std::string_view agent;
  std::string_view reason;
  std::string_view detail;  ///< What was wrong with the request; left out where nothing was.
};

/// Queues the entry as one JSON object. Thread safety: the queue's pushing thread.
void write_access_line(LineQueue& queue, const AccessEntry& entry);

}  // namespace picket::apps::gateway::logs

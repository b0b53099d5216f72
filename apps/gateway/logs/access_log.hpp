#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "apps/gateway/logs/json_line.hpp"
#include "apps/gateway/logs/line_queue.hpp"
#include "apps/gateway/logs/timestamps.hpp"

namespace picket::apps::gateway::logs {

/// One line of the access log. Empty texts are written as null, but for the first four.
struct AccessEntry {
  std::string_view id;
  std::string_view client;
  std::string_view method;
  std::string_view uri;
  std::string_view protocol;  ///< "HTTP/2"
  std::uint16_t status = 0;   ///< 0: the client was gone before an answer.
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

/// Queues entries as lines, one JSON object each. Thread safety: its worker's thread. Lifetime: the queue outlives it.
class AccessLog {
 public:
  /// `lines`: null where no access log is configured.
  explicit AccessLog(LineQueue* lines = nullptr) noexcept : lines_(lines) {}

  [[nodiscard]] bool is_written() const noexcept { return lines_ != nullptr; }
  /// Nothing where the log is not written.
  void write(const AccessEntry& entry);

 private:
  LineQueue* lines_;
  JsonLine line_;  // kept from line to line, with its memory
  Timestamps timestamps_;
};

}  // namespace picket::apps::gateway::logs

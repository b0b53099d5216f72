#include "apps/gateway/logs/access_line.hpp"

#include <string>

#include "apps/gateway/logs/json_line.hpp"

namespace picket::apps::gateway::logs {

void write_access_line(LineQueue& queue, const AccessEntry& entry) {
  thread_local JsonLine line;
  thread_local std::string time;
  const auto optional_text = [&](std::string_view name, std::string_view value) {
    value.empty() ? line.null(name) : line.text(name, value);
  };
  line.begin();
  line.text("ts", rfc3339_now(time));
  line.text("id", entry.id);
  line.text("client", entry.client);
  line.text("method", entry.method);
  line.text("uri", entry.uri);
  line.number("status", entry.status);
  line.number("bytes_in", entry.bytes_in);
  line.number("bytes_out", entry.bytes_out);
  line.number("duration_us", static_cast<std::uint64_t>(
                                 std::chrono::duration_cast<std::chrono::microseconds>(entry.duration).count()));
  optional_text("upstream", entry.upstream);
  if (!entry.upstream_error.empty()) line.text("upstream_error", entry.upstream_error);
  optional_text("decision", entry.decision);
  optional_text("agent", entry.agent);
  optional_text("reason", entry.reason);
  if (!entry.detail.empty()) line.text("detail", entry.detail);
  queue.push(line.end());
}

}  // namespace picket::apps::gateway::logs

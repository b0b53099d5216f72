#include "apps/gateway/logs/access_log.hpp"

namespace picket::apps::gateway::logs {

void AccessLog::write(const AccessEntry& entry) {
  if (lines_ == nullptr) return;
  const auto optional_text = [this](std::string_view name, std::string_view value) {
    value.empty() ? line_.null(name) : line_.text(name, value);
  };
  line_.begin();
  line_.text("ts", timestamps_.now());
  line_.text("id", entry.id);
  line_.text("client", entry.client);
  line_.text("method", entry.method);
  line_.text("uri", entry.uri);
  optional_text("protocol", entry.protocol);
  line_.number("status", entry.status);
  line_.number("bytes_in", entry.bytes_in);
  line_.number("bytes_out", entry.bytes_out);
  line_.number("duration_us", static_cast<std::uint64_t>(
                                  std::chrono::duration_cast<std::chrono::microseconds>(entry.duration).count()));
  optional_text("upstream", entry.upstream);
  if (!entry.upstream_error.empty()) line_.text("upstream_error", entry.upstream_error);
  optional_text("decision", entry.decision);
  optional_text("agent", entry.agent);
  optional_text("reason", entry.reason);
  if (!entry.detail.empty()) line_.text("detail", entry.detail);
  lines_->push(line_.end());
}

}  // namespace picket::apps::gateway::logs

#pragma once

#include <string>
#include <vector>

#include "apps/gateway/config/access_fields.hpp"
#include "apps/gateway/logs/access_entry.hpp"
#include "apps/gateway/logs/json_line.hpp"
#include "apps/gateway/logs/line_queue.hpp"
#include "apps/gateway/logs/timestamps.hpp"

namespace picket::apps::gateway::logs {

/// Queues entries as lines: JSON objects, or the combined format. In JSON, texts that are empty are null, or left out
/// where most requests have none. Thread safety: its worker's thread. Lifetime: the queue outlives it.
class AccessLog {
 public:
  /// `lines`: null where no access log is configured. `fields`: of JSON, in this order; empty: all.
  explicit AccessLog(LineQueue* lines = nullptr, config::AccessFormat format = config::AccessFormat::json,
                     std::vector<config::AccessField> fields = {});

  [[nodiscard]] bool is_written() const noexcept { return lines_ != nullptr; }
  /// Nothing where the log is not written.
  void write(const AccessEntry& entry);

 private:
  void write_field(config::AccessField field, const AccessEntry& entry);

  LineQueue* lines_;
  config::AccessFormat format_;
  std::vector<config::AccessField> fields_;
  JsonLine line_;  // kept from line to line, with its memory
  std::string combined_;
  Timestamps timestamps_;
};

}  // namespace picket::apps::gateway::logs

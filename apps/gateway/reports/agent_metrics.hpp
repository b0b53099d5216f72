#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fwd.h>

#include "apps/gateway/reports/metrics_report.hpp"
#include "picket/base/time.hpp"
#include "picket/metrics/exposition.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::reports {

/// What agents count, for the page of all shards.
///
/// An agent sends the same report on each of its connections, to each shard: the first that comes is read, its
/// doubles are not. What an agent reported last is on the page until 300 s have passed without another report.
/// Thread safety: any thread. The lock is held for what is short: reports are read and pages are written outside it.
class AgentMetrics {
 public:
  static constexpr base::Duration lifetime = std::chrono::seconds{300};
  /// Reports of one agent sooner than that after the last are not read: a flood of them would cost the shard its time.
  static constexpr base::Duration shortest_interval = std::chrono::milliseconds{200};
  /// Processes of one agent, by the ids that they report.
  static constexpr std::size_t most_ids = 16;

  /// `log`: for what is not shown; outlives it.
  explicit AgentMetrics(spdlog::logger& log) : log_(log) {}

  /// `agent`: its id in the configuration.
  void take(std::string_view agent, const wire::MetricsReport& report, base::TimePoint now);
  /// Writes the families of all agents, each with its samples below it.
  void write(metrics::Exposition& page, base::TimePoint now);
  /// Series of an agent that were refused so far.
  [[nodiscard]] std::uint64_t refused(std::string_view agent) const;

 private:
  using Key = std::pair<std::string, std::string>;  // the agent, and what it calls itself
  struct Source {
    std::uint64_t timestamp_ms = 0;
    base::TimePoint heard{};
    std::shared_ptr<const ReadReport> report;
    std::set<std::string, std::less<>> names;  // of its samples
  };

  /// How many lines of the page it may have; none where it says nothing new. What comes of it is then for its source.
  [[nodiscard]] std::optional<std::size_t> expect(const Key& key, const wire::MetricsReport& report,
                                                  base::TimePoint now);
  [[nodiscard]] std::size_t room_for(const Key& key) const;
  void refuse_conflicts(const Key& key, ReadReport& report) const;
  void log_refusals(std::string_view agent, const ReadReport& report);
  void forget_old(base::TimePoint now);

  spdlog::logger& log_;
  mutable std::mutex mutex_;
  std::map<Key, Source, std::less<>> sources_;
  std::map<std::string, std::uint64_t, std::less<>> refused_;  // by agent
  std::set<std::string, std::less<>> said_;                    // each of them once
};

}  // namespace picket::apps::gateway::reports

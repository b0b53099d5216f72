#include "apps/gateway/reports/agent_metrics.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/logger.h>

namespace picket::apps::gateway::reports {
namespace {

// What is said of refused metrics; an agent that finds new names each time is not heard for ever.
constexpr std::size_t most_said = 1000;
// An older report within so long of a newer one took another connection; after it the agent's clock was set back.
constexpr base::Duration overtaken = std::chrono::seconds{5};

}  // namespace

void AgentMetrics::take(std::string_view agent, const wire::MetricsReport& report, base::TimePoint now) {
  const Key key{std::string{agent}, std::string{report.agent_id.substr(0, 256)}};
  const auto room = expect(key, report, now);
  if (!room) return;
  auto read = std::make_shared<ReadReport>(read_report(agent, report, *room));
  const std::lock_guard lock{mutex_};
  refuse_conflicts(key, *read);
  log_refusals(agent, *read);
  const auto found = sources_.find(key);
  if (found == sources_.end() || found->second.timestamp_ms != report.timestamp_ms) return;  // a later one is there
  found->second.names.clear();
  for (const auto& [name, family] : read->families)
    for (auto& sample : sample_names(name, family.kind)) found->second.names.insert(std::move(sample));
  found->second.report = std::move(read);
}

std::optional<std::size_t> AgentMetrics::expect(const Key& key, const wire::MetricsReport& report,
                                                base::TimePoint now) {
  const std::lock_guard lock{mutex_};
  forget_old(now);
  const auto found = sources_.find(key);
  if (found != sources_.end()) {
    Source& source = found->second;
    const base::Duration since = now - source.heard;
    const bool is_double = report.timestamp_ms == source.timestamp_ms && report.timestamp_ms != 0;
    const bool is_overtaken = report.timestamp_ms < source.timestamp_ms && since < overtaken;
    if (is_double || is_overtaken || since < shortest_interval) return std::nullopt;
    source.heard = now;
    source.timestamp_ms = report.timestamp_ms;
    return room_for(key);
  }
  const auto is_of_agent = [&](const auto& entry) { return entry.first.first == key.first; };
  if (std::ranges::count_if(sources_, is_of_agent) >= static_cast<std::ptrdiff_t>(most_ids)) return std::nullopt;
  sources_.emplace(key, Source{.timestamp_ms = report.timestamp_ms, .heard = now, .report = {}, .names = {}});
  return room_for(key);
}

/// What the other processes of the agent leave of its lines.
std::size_t AgentMetrics::room_for(const Key& key) const {
  std::size_t lines = 0;
  for (const auto& [other, source] : sources_)
    if (other.first == key.first && other.second != key.second && source.report) lines += source.report->lines;
  return most_series - std::min(lines, most_series);
}

/// One name is one kind of metric on a page, whoever reports it: who had it first keeps it.
void AgentMetrics::refuse_conflicts(const Key& key, ReadReport& report) const {
  const auto conflicts = [&](const std::string& name, const Family& family) {
    const auto samples = sample_names(name, family.kind);
    return std::ranges::any_of(sources_, [&](const auto& entry) {
      const auto& [other, source] = entry;
      const auto is_taken = [&source](const std::string& sample) { return source.names.contains(sample); };
      if (other == key || !source.report || std::ranges::none_of(samples, is_taken)) return false;
      const auto same = source.report->families.find(name);
      return same == source.report->families.end() || same->second.kind != family.kind;
    });
  };
  for (auto family = report.families.begin(); family != report.families.end();) {
    if (!conflicts(family->first, family->second)) {
      ++family;
      continue;
    }
    report.refused.push_back({family->first, "another agent reports another kind of metric by that name"});
    family = report.families.erase(family);
  }
}

void AgentMetrics::log_refusals(std::string_view agent, const ReadReport& report) {
  if (report.refused.empty()) return;
  refused_[std::string{agent}] += report.refused.size();
  for (const auto& [name, reason] : report.refused) {
    if (said_.size() >= most_said) return;
    if (!said_.insert(fmt::format("{}\n{}\n{}", agent, name, reason)).second) continue;
    log_.warn("agent '{}': a metric that it reports is not shown: {} (metric '{}'; said once)", agent, reason, name);
  }
}

void AgentMetrics::forget_old(base::TimePoint now) {
  std::erase_if(sources_, [&](const auto& entry) { return now - entry.second.heard >= lifetime; });
}

void AgentMetrics::write(metrics::Exposition& page, base::TimePoint now) {
  std::vector<std::shared_ptr<const ReadReport>> reports;
  {
    const std::lock_guard lock{mutex_};
    forget_old(now);
    for (const auto& [key, source] : sources_)
      if (source.report) reports.push_back(source.report);
  }
  std::map<std::string_view, std::vector<const Family*>> families;
  for (const auto& report : reports)
    for (const auto& [name, family] : report->families) families[name].push_back(&family);
  for (const auto& [name, of_agents] : families) {
    page.family(name, of_agents.front()->help, of_agents.front()->kind);
    for (const Family* const family : of_agents) page.samples(family->samples);
  }
}

std::uint64_t AgentMetrics::refused(std::string_view agent) const {
  const std::lock_guard lock{mutex_};
  const auto found = refused_.find(agent);
  return found != refused_.end() ? found->second : 0;
}

}  // namespace picket::apps::gateway::reports

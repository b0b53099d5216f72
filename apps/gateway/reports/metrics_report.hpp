#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "picket/wire/messages.hpp"

/// What one agent counts, as the metrics page shows it. Pure.
namespace picket::apps::gateway::reports {

/// Lines of the page that one agent may fill; more would fill the memory of whoever scrapes.
inline constexpr std::size_t most_series = 10'000;
inline constexpr std::size_t most_labels = 32;    ///< Of a series.
inline constexpr std::size_t most_buckets = 256;  ///< Of a histogram.

/// One metric of an agent.
struct Family {
  std::string_view kind;  ///< "counter", "gauge" or "histogram"
  std::string help;
  std::string samples;  ///< Lines of the page, each with `agent` and `agent_id`.
};

/// A series that does not come on the page.
struct RefusedSeries {
  std::string name;  ///< Printable, whatever the agent called it.
  std::string_view reason;
};

/// A report as it comes on the page.
struct ReadReport {
  std::map<std::string, Family, std::less<>> families;  ///< By name.
  std::vector<RefusedSeries> refused;                   ///< One for each series.
  std::size_t lines = 0;                                ///< Of all families' samples.
};

/// Reads what `agent`, by its id in the configuration, reports. What it chose is checked: names and labels that are
/// none or that are the gateway's, series that are there twice, histograms that do not add up, and what is too much is
/// refused, and the rest is read. `room`: lines of the page that are left for it.
[[nodiscard]] ReadReport read_report(std::string_view agent, const wire::MetricsReport& report,
                                     std::size_t room = most_series);

/// The names of samples that a family writes: its own, and of a histogram those of its parts.
[[nodiscard]] std::vector<std::string> sample_names(std::string_view name, std::string_view kind);

}  // namespace picket::apps::gateway::reports

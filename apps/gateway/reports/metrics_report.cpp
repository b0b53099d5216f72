#include "apps/gateway/reports/metrics_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "picket/metrics/exposition.hpp"
#include "picket/metrics/name.hpp"
#include "picket/session/quote.hpp"

namespace picket::apps::gateway::reports {
namespace {

using Label = std::pair<std::string_view, std::string_view>;

constexpr std::size_t longest_help = 512;       // bytes
constexpr std::size_t longest_shown_name = 64;  // bytes of a refused name in a log line
constexpr std::string_view of_the_gateway = "picket_";
constexpr std::array<std::string_view, 3> reserved_labels{"agent", "agent_id", "le"};

bool is_printable(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// Why a metric may not be called so; empty where it may.
std::string_view problem_of_name(std::string_view name) noexcept {
  if (!metrics::is_metric_name(name)) return "its name is no name of a metric";
  if (name.starts_with(of_the_gateway)) return "names that begin with picket_ are the gateway's own";
  return {};
}

std::string_view problem_of_labels(wire::TextMap labels) noexcept {
  if (labels.size() > most_labels) return "it has too many labels";
  for (const auto& [name, value] : labels) {
    if (!metrics::is_label_name(name)) return "a label's name is no name of a label";
    if (std::ranges::find(reserved_labels, name) != reserved_labels.end())
      return "the labels agent, agent_id and le are the gateway's own";
    if (value.size() > metrics::longest_label_value) return "a label's value is too long";
    if (!is_printable(value)) return "a label's value has control characters";
    if (std::ranges::count(labels, name, &wire::TextPair::key) != 1) return "a label is there twice";
  }
  return {};
}

bool has_last_bound(const wire::HistogramMetric& histogram) noexcept {
  return !histogram.buckets.empty() && std::isinf(histogram.buckets.back().le.value);
}

/// Upper bounds that grow, counts that grow with them, and none above the count of all.
std::string_view problem_of_buckets(const wire::HistogramMetric& histogram) noexcept {
  constexpr std::string_view wrong = "its buckets do not add up";
  if (histogram.buckets.size() > most_buckets) return "it has too many buckets";
  double bound = -INFINITY;
  std::uint64_t count = 0;
  for (const auto& bucket : histogram.buckets) {
    if (!(bucket.le.value > bound) || bucket.count < count || bucket.count > histogram.count) return wrong;
    bound = bucket.le.value;
    count = bucket.count;
  }
  return has_last_bound(histogram) && count != histogram.count ? wrong : std::string_view{};
}

/// Reads one report, series by series.
class Reading {
 public:
  Reading(std::string_view agent, std::string_view agent_id, std::size_t room)
      : agent_(agent), agent_id_(agent_id), room_(room) {}

  /// `problem`: why its values are none; empty where they are. `write`: its samples.
  template <class Metric, class Write>
  void take(const Metric& metric, std::string_view kind, std::size_t lines, std::string_view problem, Write write) {
    if (problem.empty()) problem = problem_of(metric, kind, lines);
    if (!problem.empty()) return refuse(metric.name, problem);
    const std::vector<Label> labels = sorted(metric.labels);
    metrics::Exposition page;
    page.go_on_with(metric.name);
    write(page, labels);
    Family& family = read_.families[std::string{metric.name}];
    if (family.kind.empty()) family.help = help_of(metric);
    family.kind = kind;
    family.samples += std::move(page).take();
    read_.lines += lines;
  }
  [[nodiscard]] ReadReport end() && { return std::move(read_); }

 private:
  template <class Metric>
  [[nodiscard]] std::string_view problem_of(const Metric& metric, std::string_view kind, std::size_t lines) {
    if (const std::string_view problem = problem_of_name(metric.name); !problem.empty()) return problem;
    if (const std::string_view problem = problem_of_labels(metric.labels); !problem.empty()) return problem;
    if (read_.lines + lines > room_) return "the agent reports more than 10,000 series";
    if (!claim(metric.name, kind)) return "another kind of metric has that name";
    if (!seen_.insert(series_of(metric)).second) return "the same series is there twice";
    return {};
  }
  /// Names the series: no label has a control character.
  template <class Metric>
  [[nodiscard]] std::string series_of(const Metric& metric) const {
    std::string series{metric.name};
    for (const auto& [name, value] : sorted(metric.labels))
      (series.append("\x1f").append(name) += '\x1f').append(value);
    return series;
  }
  /// Whether no other metric of this agent writes samples of these names.
  [[nodiscard]] bool claim(std::string_view name, std::string_view kind) {
    const auto found = read_.families.find(name);
    if (found != read_.families.end()) return found->second.kind == kind;
    auto names = sample_names(name, kind);
    if (std::ranges::any_of(names, [&](const std::string& sample) { return claimed_.contains(sample); })) return false;
    claimed_.insert(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
    return true;
  }
  [[nodiscard]] std::vector<Label> sorted(wire::TextMap labels) const {
    std::vector<Label> all{{"agent", agent_}, {"agent_id", agent_id_}};
    for (const auto& label : labels) all.emplace_back(label.key, label.value);
    std::ranges::sort(all.begin() + 2, all.end());
    return all;
  }
  template <class Metric>
  [[nodiscard]] static std::string help_of(const Metric& metric) {
    const bool is_fit = metric.help && metric.help->size() <= longest_help && is_printable(*metric.help);
    return is_fit ? std::string{*metric.help} : std::string{"Reported by agents."};
  }
  void refuse(std::string_view name, std::string_view reason) {
    read_.refused.push_back({session::printable(name, longest_shown_name), reason});
  }

  std::string_view agent_;
  std::string_view agent_id_;
  std::size_t room_;
  ReadReport read_;
  std::set<std::string, std::less<>> claimed_;  // names of samples
  std::set<std::string, std::less<>> seen_;     // series
};

void take_histogram(Reading& reading, const wire::HistogramMetric& histogram) {
  const bool has_last = has_last_bound(histogram);
  reading.take(histogram, "histogram", histogram.buckets.size() + (has_last ? 2 : 3), problem_of_buckets(histogram),
               [&](metrics::Exposition& page, metrics::Labels labels) {
                 for (const auto& bucket : histogram.buckets) page.bucket(labels, bucket.le.value, bucket.count);
                 if (!has_last) page.bucket(labels, INFINITY, histogram.count);
                 page.counted(labels, histogram.sum, histogram.count);
               });
}

}  // namespace

ReadReport read_report(std::string_view agent, const wire::MetricsReport& report, std::size_t room) {
  const std::string agent_id = session::printable(report.agent_id, metrics::longest_label_value);
  Reading reading{agent, agent_id, room};
  const auto write_value = [](const auto& metric) {
    return [&metric](metrics::Exposition& page, metrics::Labels labels) { page.sample(labels, metric.value); };
  };
  for (const auto& counter : report.counters) reading.take(counter, "counter", 1, {}, write_value(counter));
  for (const auto& gauge : report.gauges) reading.take(gauge, "gauge", 1, {}, write_value(gauge));
  for (const auto& histogram : report.histograms) take_histogram(reading, histogram);
  return std::move(reading).end();
}

std::vector<std::string> sample_names(std::string_view name, std::string_view kind) {
  std::vector<std::string> names{std::string{name}};
  if (kind == "histogram")
    for (const auto* const part : {"_bucket", "_sum", "_count"}) names.push_back(std::string{name} + part);
  return names;
}

}  // namespace picket::apps::gateway::reports

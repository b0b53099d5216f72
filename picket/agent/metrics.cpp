#include "picket/agent/metrics.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "picket/metrics/name.hpp"

namespace picket::agent {
namespace {

constexpr char separator = '\x1f';  // no name has it

/// What counts beyond most_series: one for all.
constexpr std::string_view overflow = "";

std::string key_of(std::string_view name, const Labels& labels) {
  std::string key{name};
  for (const auto& [label, value] : labels) ((key += separator) += label) += separator + value;
  return key;
}

void check(std::string_view name, const Labels& labels) {
  const bool is_of_proxies = name.starts_with("picket_");
  if (!metrics::is_metric_name(name) || is_of_proxies)
    throw std::invalid_argument{fmt::format("'{}' names no metric of an agent", name)};
  for (const auto& [label, value] : labels) {
    const bool is_reserved = label == "agent" || label == "agent_id" || label == "le";
    if (!metrics::is_label_name(label) || is_reserved)
      throw std::invalid_argument{fmt::format("'{}' names no label of '{}'", label, name)};
    if (value.size() > metrics::longest_label_value)
      throw std::invalid_argument{fmt::format("the value of '{}' of '{}' has {} bytes; at most {} are shown", label,
                                              name, value.size(), metrics::longest_label_value)};
  }
}

wire::TextMap copied(const Labels& labels, base::Arena& memory) {
  const auto pairs = memory.allocate_array<wire::TextPair>(labels.size());
  std::ranges::transform(labels, pairs.begin(),
                         [](const auto& label) -> wire::TextPair { return {label.first, label.second}; });
  return pairs;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {
  if (!std::ranges::is_sorted(bounds_, std::ranges::less_equal{}))
    throw std::invalid_argument{"the bounds of a histogram grow"};
  counts_ = std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1);
}

void Histogram::observe(double value) noexcept {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> Metrics::latency_bounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

template <class Metric, class... Parts>
Metric& Metrics::find_or_add(SeriesMap<Metric>& series, char kind, std::string_view name, std::string_view help,
                             const Labels& labels, Parts&&... parts) {
  std::string key = key_of(name, labels);
  const std::lock_guard lock{mutex_};
  if (const auto found = series.find(key); found != series.end()) return found->second.metric;
  check(name, labels);
  if (const auto other = kinds_.find(name); other != kinds_.end() && other->second != kind)
    throw std::invalid_argument{fmt::format("'{}' is another kind of metric already", name)};
  const bool fits = series_ < most_series;
  if (fits) {
    kinds_.emplace(name, kind);
    ++series_;
  } else {
    key = overflow;
  }
  return series.try_emplace(std::move(key), name, help, labels, std::forward<Parts>(parts)...).first->second.metric;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return find_or_add(counters_, 'c', name, help, labels);
}
Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return find_or_add(gauges_, 'g', name, help, labels);
}
Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                              const Labels& labels) {
  return find_or_add(histograms_, 'h', name, help, labels, std::move(bounds));
}

bool Metrics::empty() const {
  const std::lock_guard lock{mutex_};
  return series_ == 0;
}

// ---- reports

/// The metrics of several handlers, those of one name and labels added up.
class Metrics::Sum {
 public:
  explicit Sum(base::Arena& memory) : memory_(memory) {}

  void add(const Metrics& handler) {
    const std::lock_guard lock{handler.mutex_};
    for (const auto& [key, series] : handler.counters_) {
      if (key == overflow) continue;
      auto& counter = counters_[key];
      head(counter, series);
      counter.value += series.metric.value();
    }
    for (const auto& [key, series] : handler.gauges_) {
      if (key == overflow) continue;
      auto& gauge = gauges_[key];
      head(gauge, series);
      gauge.value += series.metric.value();
    }
    for (const auto& [key, series] : handler.histograms_)
      if (key != overflow) add_histogram(histograms_[key], series);
  }

  [[nodiscard]] wire::MetricsReport report() {
    wire::MetricsReport report;
    report.counters = values(counters_);
    report.gauges = values(gauges_);
    report.histograms = values(histograms_);
    return report;
  }

 private:
  template <class Reported, class Metric>
  void head(Reported& reported, const Series<Metric>& series) {
    if (!reported.name.empty()) return;
    reported.name = series.name;
    reported.help = series.help;
    reported.labels = copied(series.labels, memory_);
  }
  /// Handlers of other bounds cannot be added up: the first one's stand.
  void add_histogram(wire::HistogramMetric& reported, const Series<Histogram>& series) {
    const Histogram& counted = series.metric;
    const std::size_t size = counted.bounds().size() + 1;
    const bool is_first = reported.name.empty();
    if (!is_first && reported.buckets.size() != size) return;
    head(reported, series);
    const auto buckets = memory_.allocate_array<wire::HistogramBucket>(size);
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const bool is_last = i == counted.bounds().size();
      so_far += counted.in_bucket(i);
      buckets[i] = {{is_last ? std::numeric_limits<double>::infinity() : counted.bounds()[i]},
                    so_far + (is_first ? 0 : reported.buckets[i].count)};
    }
    reported.buckets = buckets;
    reported.count = buckets.back().count;
    reported.sum += counted.sum();
  }
  template <class Reported>
  [[nodiscard]] std::span<const Reported> values(const std::map<std::string_view, Reported>& reported) {
    const auto list = memory_.allocate_array<Reported>(reported.size());
    std::ranges::transform(reported, list.begin(), [](const auto& entry) { return entry.second; });
    return list;
  }

  base::Arena& memory_;
  std::map<std::string_view, wire::CounterMetric> counters_;
  std::map<std::string_view, wire::GaugeMetric> gauges_;
  std::map<std::string_view, wire::HistogramMetric> histograms_;
};

wire::MetricsReport Metrics::sum(std::span<const Metrics* const> handlers, base::Arena& memory) {
  Sum sum{memory};
  for (const Metrics* const handler : handlers) sum.add(*handler);
  return sum.report();
}

}  // namespace picket::agent

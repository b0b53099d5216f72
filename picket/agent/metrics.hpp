#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

/// A number that only grows. Thread safety: any thread; nothing else is ordered by it. Lifetime: its Metrics'.
/// Complexity: one atomic addition.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down. Of several workers the report has the sum: a share or a mean is not for a gauge.
///
/// Thread safety: any thread. Lifetime: its Metrics'. Complexity: set() one store, add() a loop of compare and
/// exchange.
class Gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// How often values were at most as large as each of some bounds. Thread safety: any thread; a reader may see a value
/// in its bucket and not yet in the sum. Complexity: a search among the bounds and two atomic additions.
class Histogram {
 public:
  /// `bounds`: the largest value of each bucket, in the unit of what is observed; one more bucket takes what is larger.
  /// Errors: std::invalid_argument for bounds that do not grow.
  explicit Histogram(std::vector<double> bounds);

  void observe(double value) noexcept;
  [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }
  /// Of the values at most as large as that bound and larger than the one before; of what is larger than all, for
  /// bounds().size().
  [[nodiscard]] std::uint64_t in_bucket(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  /// Of all values that were observed.
  [[nodiscard]] double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Label names and values of a metric, e.g. `{{"rule", "42"}}`.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// What a handler counts, for its proxies' pages of metrics. A metric is declared in one line, as a member of the
/// handler:
///
///   Counter& blocked_ = metrics().counter("denylist_blocked_total", "Requests that were blocked.");
///
/// Each worker's handler has its own, and the agent reports their sums. A metric that is there already is given again,
/// so that labels that are known late can be asked for late; it is a search, and what is asked for often is kept.
///
/// Thread safety: any thread. Lifetime: metrics live as long as their handler. Errors: std::invalid_argument for a name
/// or a label that a proxy would refuse, and for a name that another kind of metric has. Complexity: a lock and a
/// search by name and labels; counting itself takes neither.
class Metrics {
 public:
  /// In seconds, from 0.5 ms to 10 s.
  [[nodiscard]] static std::vector<double> latency_bounds();
  /// Series that one handler keeps; what is declared beyond them is counted and not reported. A label whose values come
  /// from clients would else let them fill the memory of agent and proxies.
  static constexpr std::size_t most_series = 10'000;

  /// `name` ends in "_total" by convention; times are seconds. Names that begin with "picket_" are the proxies', and
  /// the labels agent, agent_id and le are theirs.
  [[nodiscard]] Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  [[nodiscard]] Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  [[nodiscard]] Histogram& histogram(std::string_view name, std::string_view help,
                                     std::vector<double> bounds = latency_bounds(), const Labels& labels = {});
  /// Whether nothing is declared: then proxies are not told that there will be reports.
  [[nodiscard]] bool empty() const;

  /// The sums of several handlers' metrics as one report, in `memory`. Of histograms of one name with other numbers of
  /// bounds the first counts. Lifetime: names are views of `handlers`'. Complexity: linear in their series, each
  /// handler's under its lock.
  [[nodiscard]] static wire::MetricsReport sum(std::span<const Metrics* const> handlers, base::Arena& memory);

 private:
  class Sum;
  template <class Metric>
  struct Series {
    template <class... Parts>
    Series(std::string_view name_in, std::string_view help_in, const Labels& labels_in, Parts&&... parts)
        : name(name_in), help(help_in), labels(labels_in), metric(std::forward<Parts>(parts)...) {}
    std::string name;
    std::string help;
    Labels labels;
    Metric metric;
  };
  /// By name and labels.
  template <class Metric>
  using SeriesMap = std::map<std::string, Series<Metric>, std::less<>>;

  template <class Metric, class... Parts>
  Metric& find_or_add(SeriesMap<Metric>& series, char kind, std::string_view name, std::string_view help,
                      const Labels& labels, Parts&&... parts);

  mutable std::mutex mutex_;
  std::map<std::string, char, std::less<>> kinds_;  // by name
  SeriesMap<Counter> counters_;
  SeriesMap<Gauge> gauges_;
  SeriesMap<Histogram> histograms_;
  std::size_t series_ = 0;
};

}  // namespace picket::agent

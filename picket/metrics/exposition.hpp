#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "picket/metrics/histogram.hpp"

namespace picket::metrics {

/// Label names and values of one sample, in the order in which they are written.
using Labels = std::span<const std::pair<std::string_view, std::string_view>>;

/// Writes metrics as Prometheus text exposition format 0.0.4. Off the hot path: a scrape builds one and sums the
/// workers into it.
///
/// Call a family function once per metric, then its samples. Names follow the Prometheus conventions: counters end in
/// `_total`, times are seconds and end in `_seconds`. Thread safety: none.
class Exposition {
 public:
  void counter_family(std::string_view name, std::string_view help);
  void gauge_family(std::string_view name, std::string_view help);
  void histogram_family(std::string_view name, std::string_view help);
  /// One of a kind that is known at run time only.
  void family(std::string_view name, std::string_view help, std::string_view kind);

  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, std::int64_t value);
  void sample(Labels labels, double value);
  /// The sum of several workers' histograms as one, in seconds: 235 bounds from 10 µs to 100 s, each at most a tenth
  /// above the one before, so that a quantile between the two is read within 10 %. A page grows by 238 lines.
  void sample(Labels labels, std::span<const Histogram* const> histograms);

  /// The same of a histogram that has been counted elsewhere: `bucket` for each bound, `counted` once.
  void bucket(Labels labels, double bound, std::uint64_t cumulative);
  void counted(Labels labels, double sum, std::uint64_t count);
  /// Samples that another exposition has written of the same family.
  void samples(std::string_view lines) { text_ += lines; }
  /// The samples that follow are of that family, whose head another exposition writes.
  void go_on_with(std::string_view family) { name_ = family; }

  /// The text so far; take it when all is written.
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  void begin_sample(std::string_view suffix, Labels labels, std::string_view bound = {});

  void value(double value);

  std::string text_;
  std::string name_;
};

}  // namespace picket::metrics

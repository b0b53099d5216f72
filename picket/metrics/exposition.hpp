#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "picket/metrics/histogram.hpp"

namespace picket::metrics {

/// Label names and values of one sample, in the order in which they are written. Lifetime: looked at during the call
/// only. Values may hold anything and are escaped; names are not: is_label_name() says which will do.
using Labels = std::span<const std::pair<std::string_view, std::string_view>>;

/// Writes metrics as Prometheus text exposition format 0.0.4. Off the hot path: a scrape builds one and sums the
/// workers into it.
///
/// Call a family function once per metric, then its samples. Names follow the Prometheus conventions: counters end in
/// `_total`, times are seconds and end in `_seconds`. Thread safety: none. Lifetime: a value; what it is given is
/// copied. Errors: std::bad_alloc only; what makes a wrong page (a name that is none, a family twice, samples of one
/// series twice) is not caught here. Complexity: linear in what is written.
///
///   metrics::Exposition page;
///   page.counter_family("picket_requests_total", "Requests that were answered.");
///   page.sample(std::array<std::pair<std::string_view, std::string_view>, 1>{{{"route", "api"}}}, requests.value());
///   response.body = std::move(page).take();
class Exposition {
 public:
  void counter_family(std::string_view name, std::string_view help);
  void gauge_family(std::string_view name, std::string_view help);
  void histogram_family(std::string_view name, std::string_view help);
  /// One of a kind that is known at run time only. `kind` is written as it is: "counter", "gauge", "histogram",
  /// "untyped".
  void family(std::string_view name, std::string_view help, std::string_view kind);

  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, std::int64_t value);
  /// Infinity and NaN are written as Prometheus has them.
  void sample(Labels labels, double value);
  /// The sum of several workers' histograms as one, in seconds: 235 bounds from 10 µs to 100 s, each at most a tenth
  /// above the one before, so that a quantile between the two is read within 10 %. A page grows by 238 lines.
  void sample(Labels labels, std::span<const Histogram* const> histograms);

  /// The same of a histogram that has been counted elsewhere: `bucket` for each bound, `counted` once. In the order of
  /// their bounds, the last one infinity; `cumulative` counts what the smaller ones count, too. Units: the family's.
  void bucket(Labels labels, double bound, std::uint64_t cumulative);
  void counted(Labels labels, double sum, std::uint64_t count);
  /// Samples that another exposition has written of the same family. They are taken as they are, each with its line
  /// feed.
  void samples(std::string_view lines) { text_ += lines; }
  /// The samples that follow are of that family, whose head another exposition writes. So the samples of each agent can
  /// be written by itself and be put under one head.
  void go_on_with(std::string_view family) { name_ = family; }

  /// The text so far; take it when all is written. Lifetime: the string is the caller's; the exposition is empty.
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  void begin_sample(std::string_view suffix, Labels labels, std::string_view bound = {});

  void value(double value);

  std::string text_;
  std::string name_;
};

}  // namespace picket::metrics

#include "picket/metrics/exposition.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace picket::metrics {
namespace {

using namespace std::chrono_literals;

// Who reads a quantile from a page knows the two bounds around it, no more. Bounds that are at most a tenth apart keep
// the error below a tenth, however the values lie between them.
constexpr std::chrono::nanoseconds shortest_bound = 10us;
constexpr std::chrono::nanoseconds longest_bound = 100s;

/// The bucket after which the next line stands: the last one whose bound is at most a tenth above that of `bucket`.
constexpr std::size_t next_shown(std::size_t bucket) {
  const auto limit = Histogram::upper_bound_of(bucket) * 11 / 10;
  while (Histogram::upper_bound_of(bucket + 1) <= limit) ++bucket;
  return bucket;
}

/// The last bucket at or below the shortest bound: the first line.
constexpr std::size_t first_shown() {
  std::size_t bucket = 0;
  while (Histogram::upper_bound_of(bucket + 1) <= shortest_bound) ++bucket;
  return bucket;
}

constexpr std::size_t count_shown() {
  std::size_t count = 1;
  for (std::size_t bucket = first_shown(); Histogram::upper_bound_of(bucket) < longest_bound; ++count)
    bucket = next_shown(bucket);
  return count;
}

/// The buckets of a histogram after which the page has a line. Bounds are bounds of buckets, so each line is exact.
constexpr auto shown_buckets = [] {
  std::array<std::size_t, count_shown()> shown{first_shown()};
  for (std::size_t i = 1; i < shown.size(); ++i) shown[i] = next_shown(shown[i - 1]);
  return shown;
}();
static_assert(shown_buckets.size() == 235, "docs/metrics.md names the number of lines");
static_assert(shown_buckets.back() < Histogram::bucket_count);

/// Backslash and line feed are escaped everywhere, the double quote in label values only.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (quotes && c == '"')) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view help, std::string_view kind) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} ", name);
  append_escaped(text_, help, false);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", name, kind);
}

void Exposition::counter_family(std::string_view name, std::string_view help) { family(name, help, "counter"); }
void Exposition::gauge_family(std::string_view name, std::string_view help) { family(name, help, "gauge"); }
void Exposition::histogram_family(std::string_view name, std::string_view help) { family(name, help, "histogram"); }

void Exposition::begin_sample(std::string_view suffix, Labels labels, std::string_view bound) {
  text_ += name_;
  text_ += suffix;
  if (labels.empty() && bound.empty()) {
    text_ += ' ';
    return;
  }
  char separator = '{';
  const auto label = [&](std::string_view name, std::string_view value) {
    text_ += separator;
    separator = ',';
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, value, true);
    text_ += '"';
  };
  for (const auto& [name, value] : labels) label(name, value);
  if (!bound.empty()) label("le", bound);
  text_ += "} ";
}

void Exposition::sample(Labels labels, std::uint64_t value) {
  begin_sample({}, labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void Exposition::sample(Labels labels, std::int64_t value) {
  begin_sample({}, labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void Exposition::sample(Labels labels, double number) {
  begin_sample({}, labels);
  value(number);
}

void Exposition::bucket(Labels labels, double bound, std::uint64_t cumulative) {
  begin_sample("_bucket", labels, std::isinf(bound) ? "+Inf" : fmt::format("{}", bound));
  fmt::format_to(std::back_inserter(text_), "{}\n", cumulative);
}

void Exposition::counted(Labels labels, double sum, std::uint64_t count) {
  begin_sample("_sum", labels);
  value(sum);
  begin_sample("_count", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", count);
}

void Exposition::value(double value) {
  if (std::isnan(value)) {
    text_ += "NaN\n";
  } else if (std::isinf(value)) {
    text_ += value > 0 ? "+Inf\n" : "-Inf\n";
  } else {
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
  }
}

void Exposition::sample(Labels labels, std::span<const Histogram* const> histograms) {
  using Seconds = std::chrono::duration<double>;
  Histogram::Counts counts{};
  Histogram::Sum sum{};
  for (const auto* histogram : histograms) {
    histogram->add_to(counts);
    sum += histogram->sum();
  }
  std::uint64_t total = 0;
  std::size_t next = 0;
  for (const std::size_t last : shown_buckets) {
    for (; next <= last; ++next) total += counts[next];
    begin_sample("_bucket", labels, fmt::format("{}", Seconds{Histogram::upper_bound_of(last)}.count()));
    fmt::format_to(std::back_inserter(text_), "{}\n", total);
  }
  for (; next < counts.size(); ++next) total += counts[next];
  begin_sample("_bucket", labels, "+Inf");
  fmt::format_to(std::back_inserter(text_), "{}\n", total);
  begin_sample("_sum", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", Seconds{sum}.count());
  begin_sample("_count", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", total);
}

}  // namespace picket::metrics

#include "picket/metrics/exposition.hpp"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace picket::metrics {
namespace {

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

void Exposition::family(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} ", name);
  append_escaped(text_, help, false);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", name, type);
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

void Exposition::sample(Labels labels, double value) {
  begin_sample({}, labels);
  if (std::isnan(value)) {
    text_ += "NaN\n";
  } else if (std::isinf(value)) {
    text_ += value > 0 ? "+Inf\n" : "-Inf\n";
  } else {
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
  }
}

void Exposition::sample(Labels labels, std::span<const Histogram* const> histograms) {
  using namespace std::chrono;
  for (nanoseconds bound = microseconds{1}; bound < seconds{20}; bound *= 4) {
    std::uint64_t count = 0;
    for (const auto* histogram : histograms) count += histogram->count_up_to(bound);
    begin_sample("_bucket", labels, fmt::format("{}", duration<double>(bound).count()));
    fmt::format_to(std::back_inserter(text_), "{}\n", count);
  }
  std::uint64_t count = 0;
  nanoseconds sum{};
  for (const auto* histogram : histograms) {
    count += histogram->count();
    sum += histogram->sum();
  }
  begin_sample("_bucket", labels, "+Inf");
  fmt::format_to(std::back_inserter(text_), "{}\n", count);
  begin_sample("_sum", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", duration<double>(sum).count());
  begin_sample("_count", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", count);
}

}  // namespace picket::metrics

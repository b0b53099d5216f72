#include <memory>

#include "bench/rows.hpp"
#include "picket/metrics/histogram.hpp"

/// Recording one latency: 16 buckets per power of two here, 9 buckets in all in the reference.
namespace picket::metrics {
namespace {

/// The latencies that the reference's benchmark records, in its unit: microseconds. The next one is found without a
/// division, on both sides, or that would be most of what is measured.
auto record() {
  return [own = std::make_shared<Histogram>(), value = std::uint64_t{0}]() mutable {
    value += 37;
    if (value >= 15000) value -= 15000;
    own->record(std::chrono::microseconds{value});
    return value;
  };
}

const bench::Declared rows{[] {
  bench::row("histogram/record", record);
  bench::contended_row("histogram/record", record, record);
}};

}  // namespace
}  // namespace picket::metrics

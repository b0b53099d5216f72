#include <memory>

#include "bench/rows.hpp"
#include "picket/metrics/counter.hpp"

/// Counters and gauges. A gauge is how a connection's health reaches other threads: one writes, any reads.
namespace picket::metrics {
namespace {

using bench::contended_row;
using bench::row;

/// In memory of its own, as each worker's are: two workers that count never write to one cache line.
struct alignas(128) Own {
  Counter counter;
  Gauge gauge;
};

auto increment() {
  return [own = std::make_shared<Own>()] {
    own->counter.add();
    return true;
  };
}
auto read_gauge() {
  return [own = std::make_shared<Own>()] { return own->gauge.value(); };
}
auto write_gauge() {
  return [own = std::make_shared<Own>()] {
    std::int64_t state = 1;
    benchmark::DoNotOptimize(state);
    own->gauge.set(state);
    return true;
  };
}

Own shared;  // what one thread counts while another scrapes it

const bench::Declared rows{[] {
  row("counter/inc", increment);
  contended_row("counter/inc", increment, increment);
  row("counter/read", [] { return [] { return shared.counter.value(); }; });
  contended_row(
      "counter/read",
      [] {
        return [] {
          shared.counter.add();
          return true;
        };
      },
      [] { return [] { return shared.counter.value(); }; });
  row("health/read", read_gauge);
  contended_row("health/read", read_gauge, read_gauge);
  row("health/write", write_gauge);
  contended_row("health/write", write_gauge, write_gauge);
}};

}  // namespace
}  // namespace picket::metrics

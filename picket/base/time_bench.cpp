#include <atomic>
#include <memory>

#include "bench/rows.hpp"
#include "picket/base/time.hpp"

/// When something was last seen: the time of the loop turn is stored, where the reference reads the clock for each.
namespace picket::base {
namespace {

struct Seen {
  CoarseClock clock;
  std::atomic<TimePoint::rep> at{0};
};

auto touch() {
  return [seen = std::make_shared<Seen>()] {
    seen->at.store(seen->clock.now().time_since_epoch().count(), std::memory_order_relaxed);
    return true;
  };
}

const bench::Declared rows{[] {
  bench::row("last_seen/touch", touch);
  bench::contended_row("last_seen/touch", touch, touch);
  bench::row("last_seen/read", [] {
    return [seen = std::make_shared<Seen>()] { return TimePoint{Duration{seen->at.load(std::memory_order_relaxed)}}; };
  });
}};

}  // namespace
}  // namespace picket::base

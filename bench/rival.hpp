#pragma once

#include <atomic>
#include <thread>
#include <utility>

namespace picket::bench {

/// Another thread that does the same all the time, while this lives: what a row named …/contended is measured against.
/// The constructor returns once it is at work.
class Rival {
 public:
  template <class Work>
  explicit Rival(Work work) {
    std::atomic<bool> running{false};
    thread_ = std::jthread{[&running, work = std::move(work)](const std::stop_token& stop) mutable {
      bool told = false;
      while (!stop.stop_requested()) {
        for (int i = 0; i < 1000; ++i) work();
        if (!std::exchange(told, true)) running.store(true);
      }
    }};
    while (!running.load()) std::this_thread::yield();
  }

 private:
  std::jthread thread_;
};

}  // namespace picket::bench

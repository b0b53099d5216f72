#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace picket::apps::gateway::logs {

/// Lines on their way from one worker to the log thread: a ring of bytes, bounded, without a lock.
///
/// What does not fit is dropped and counted: logging never slows serving. Thread safety: one thread pushes, one drains.
class LineQueue {
 public:
  explicit LineQueue(std::size_t capacity = 1024 * 1024)
      : capacity_(capacity), ring_(std::make_unique<char[]>(capacity)) {}

  /// Appends `line` and a line feed, whole or not at all.
  bool push(std::string_view line) noexcept;
  /// Moves everything that is there to the end of `out`. Returns whether there was anything.
  bool drain(std::string& out);
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  void put(std::size_t at, std::string_view text) noexcept;

  std::size_t capacity_;
  std::unique_ptr<char[]> ring_;
  alignas(64) std::atomic<std::size_t> written_{0};  // bytes ever; positions are modulo capacity
  alignas(64) std::atomic<std::size_t> read_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace picket::apps::gateway::logs

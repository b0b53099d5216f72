#pragma once

#include <array>
#include <chrono>
#include <string_view>

namespace picket::apps::gateway::logs {

/// The wall-clock time as RFC 3339 in UTC with microseconds. What changes once a second is formatted once a second.
/// Thread safety: one thread's.
class Timestamps {
 public:
  /// Lifetime: until the next call.
  [[nodiscard]] std::string_view now() { return at(std::chrono::system_clock::now()); }
  [[nodiscard]] std::string_view at(std::chrono::system_clock::time_point time);

 private:
  static constexpr std::size_t size = 27;  // "2026-11-27T18:00:00.000000Z"

  std::chrono::sys_seconds formatted_ = std::chrono::sys_seconds::max();
  std::array<char, size> text_{};
};

}  // namespace picket::apps::gateway::logs

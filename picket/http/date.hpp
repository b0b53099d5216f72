#pragma once

#include <array>
#include <ctime>
#include <string_view>

namespace picket::http {

/// The value of Date: the time as IMF-fixdate (RFC 9110 §5.6.7), formatted once a second. Thread safety: one thread's.
/// Complexity: a system call without a switch to the kernel each time, and formatting once a second.
class DateClock {
 public:
  /// Lifetime: until the next call.
  [[nodiscard]] std::string_view now() { return at(std::time(nullptr)); }
  /// Lifetime: until the next call. `time`: seconds since 1970, in UTC.
  [[nodiscard]] std::string_view at(std::time_t time);

 private:
  static constexpr std::size_t size = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"

  std::time_t formatted_ = -1;
  std::array<char, size> text_{};
};

}  // namespace picket::http

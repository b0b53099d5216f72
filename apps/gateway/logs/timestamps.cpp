#include "apps/gateway/logs/timestamps.hpp"

#include <fmt/chrono.h>

namespace picket::apps::gateway::logs {

std::string_view Timestamps::at(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto whole = floor<seconds>(time);
  if (whole != formatted_) {
    formatted_ = whole;
    fmt::format_to_n(text_.data(), size, "{:%Y-%m-%dT%H:%M:%S}.000000Z", fmt::gmtime(system_clock::to_time_t(whole)));
  }
  auto* digit = text_.end() - 1;
  auto micros = duration_cast<microseconds>(time - whole).count();
  for (int i = 0; i < 6; ++i, micros /= 10) *--digit = static_cast<char>('0' + micros % 10);
  return {text_.data(), size};
}

}  // namespace picket::apps::gateway::logs

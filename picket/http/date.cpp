#include "picket/http/date.hpp"

#include <fmt/format.h>

namespace picket::http {

std::string_view DateClock::at(std::time_t time) {
  constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (time != formatted_) {
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    fmt::format_to_n(text_.data(), size, "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
    formatted_ = time;
  }
  return {text_.data(), size};
}

}  // namespace picket::http

#include "picket/wire/internal/protobuf_mapping.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstring>

namespace picket::wire::internal {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::uint64_t a_day = 86'400'000;                  // ms
constexpr std::uint64_t end_of_years = 253'402'300'800'000;  // ms: the first of the year 10000
constexpr Text shape = "0000-00-00T00:00:00.000Z";           // 0: a digit
constexpr std::size_t shortest = shape.size() - Text{".000"}.size();

/// The digits of `text` from `at` on; nothing where another character stands there.
std::optional<unsigned> number_at(Text text, std::size_t at, std::size_t size) noexcept {
  unsigned number = 0;
  for (const char c : text.substr(at, size)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number;
}

void put_number_at(char* text, std::size_t at, std::size_t size, std::uint64_t number) noexcept {
  for (; size != 0; --size, number /= 10) text[at + size - 1] = static_cast<char>('0' + number % 10);
}

/// Milliseconds of ".123456"; `at` is moved behind it.
unsigned fraction(Text text, std::size_t& at) noexcept {
  if (at == text.size() || text[at] != '.') return 0;
  unsigned milliseconds = 0;
  unsigned weight = 100;
  for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, weight /= 10)
    milliseconds += weight * static_cast<unsigned>(text[at] - '0');
  return milliseconds;
}

/// Minutes that a zone is ahead of UTC: "Z", "+01:30".
std::optional<int> zone(Text text) noexcept {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = number_at(text, 1, 2);
  const auto minutes = number_at(text, 4, 2);
  if (!hours || !minutes) return std::nullopt;
  const int ahead = static_cast<int>(*hours * 60 + *minutes);
  return text[0] == '+' ? ahead : -ahead;
}

/// Whether the characters between the numbers are those of RFC 3339.
bool is_punctuated(Text text) noexcept {
  return text.size() >= shortest && text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
         text[13] == ':' && text[16] == ':';
}

}  // namespace

std::uint64_t milliseconds_of(Text rfc3339) noexcept {
  if (!is_punctuated(rfc3339)) return 0;
  const auto year = number_at(rfc3339, 0, 4);
  const auto month = number_at(rfc3339, 5, 2);
  const auto day = number_at(rfc3339, 8, 2);
  const auto hour = number_at(rfc3339, 11, 2);
  const auto minute = number_at(rfc3339, 14, 2);
  const auto second = number_at(rfc3339, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return 0;
  std::size_t at = shortest - 1;
  const unsigned thousandths = fraction(rfc3339, at);
  const auto ahead = zone(rfc3339.substr(at));
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month},
                                         std::chrono::day{*day}};
  if (!ahead || !date.ok()) return 0;
  const std::int64_t minutes = std::int64_t{*hour} * 60 + *minute - *ahead;
  const std::int64_t since =
      sys_days{date}.time_since_epoch() / std::chrono::milliseconds{1} + (minutes * 60 + *second) * 1000 + thousandths;
  return since > 0 ? static_cast<std::uint64_t>(since) : 0;
}

Text rfc3339_of(std::uint64_t milliseconds, base::Arena& arena) {
  if (milliseconds == 0 || milliseconds >= end_of_years) return {};
  const std::chrono::year_month_day date{sys_days{days{milliseconds / a_day}}};
  const std::uint64_t of_day = milliseconds % a_day;
  const std::uint64_t seconds = of_day / 1000;
  auto* const text = static_cast<char*>(arena.allocate(shape.size(), 1));
  std::memcpy(text, shape.data(), shape.size());
  put_number_at(text, 0, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  put_number_at(text, 5, 2, static_cast<unsigned>(date.month()));
  put_number_at(text, 8, 2, static_cast<unsigned>(date.day()));
  put_number_at(text, 11, 2, seconds / 3600);
  put_number_at(text, 14, 2, seconds / 60 % 60);
  put_number_at(text, 17, 2, seconds % 60);
  put_number_at(text, 20, 3, of_day % 1000);
  return {text, shape.size()};
}

}  // namespace picket::wire::internal

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "picket/http/path_readings.hpp"

namespace http = picket::http;
using picket::fuzz::require;

/// A path has itself for a reading, has others only where it says so, and the readings are closed: what a step that
/// decodes nothing makes of one is one. A chain of steps, which the input's first bytes choose, ends in one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t chain = 8;
  if (size < chain) return 0;
  picket::base::Arena arena;
  std::string path{"/"};
  path += picket::fuzz::text_of(data + chain, size - chain);
  const auto readings = http::readings_of(path, arena);
  if (!readings) return 0;
  const auto is_one = [&](std::string_view text) { return std::ranges::find(*readings, text) != readings->end(); };
  require(readings->front() == path, "a path is its own first reading");
  if (http::has_one_reading(path)) require(readings->size() == 1, "a path with one reading has no others");
  std::string_view read = path;
  std::size_t decodings = 0;
  for (std::size_t i = 0; i < chain; ++i) {
    const auto& step = http::reading_steps()[data[i] % http::reading_steps().size()];
    if (step.decodes && ++decodings > http::max_decodings) break;
    read = step.apply(read, arena);
    require(is_one(read), "every chain of steps ends in a reading");
  }
  return 0;
}

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace picket::fuzz {

/// The input as text.
[[nodiscard]] inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process where something is wrong: what a fuzzer reports and replay shows.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

/// The same for the laws of picket/wire/testing, which return what is wrong.
inline void require_none(std::string_view complaint) { require(complaint.empty(), complaint); }

}  // namespace picket::fuzz

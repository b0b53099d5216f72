#include <algorithm>

#include <simdjson.h>

#include "fuzz/check.hpp"
#include "picket/wire/internal/utf8.hpp"

using namespace picket;

/// A text: simdjson agrees whether it is UTF-8, and it is where each of its sequences is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const bool is_utf8 = wire::internal::is_utf8(text);
  fuzz::require(is_utf8 == simdjson::validate_utf8(text.data(), text.size()), "simdjson agrees");
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  fuzz::require(wire::internal::is_ascii(text) == is_ascii, "ASCII is what has no byte above 0x7F");
  std::string_view left = text;
  while (const std::size_t length = wire::internal::utf8_sequence(left)) left.remove_prefix(length);
  fuzz::require(left.empty() == is_utf8, "all of it are sequences");
  return 0;
}

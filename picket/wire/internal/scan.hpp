#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace picket::wire::internal {

/// Where plain string content ends, and whether it held a byte above 0x7F.
struct StringScan {
  const char* end;
  bool ascii;
};

/// From `at` to the first quote, backslash or control character, or `limit`. Needs 16 readable bytes behind `limit`.
[[nodiscard]] inline StringScan scan_string(const char* at, const char* limit) noexcept {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  int high = 0;
  for (; at < limit; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                                         _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block));
    const int stops = _mm_movemask_epi8(special);
    const int block_high = _mm_movemask_epi8(block);
    if (stops != 0) {
      const int offset = std::countr_zero(static_cast<unsigned>(stops));
      high |= block_high & ((1 << offset) - 1);
      const char* const stop = at + offset;
      if (stop < limit) return {stop, high == 0};
      return {limit, high == 0};  // a high bit behind the limit only costs a needless check
    }
    high |= block_high;
  }
  return {limit, high == 0};
#else
  bool ascii = true;
  for (; at < limit; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
    ascii = ascii && byte < 0x80;
  }
  return {at, ascii};
#endif
}

/// Whether `size` bytes are all below 0x80. Needs 16 readable bytes behind them.
[[nodiscard]] inline bool is_ascii_padded(const char* at, std::size_t size) noexcept {
#if defined(__SSE2__)
  const auto high_bits = [](const char* from) {
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  };
  unsigned high = 0;
  for (; size > 16; size -= 16, at += 16) high |= high_bits(at);
  return (high | (high_bits(at) & ((1U << size) - 1))) == 0;
#else
  bool ascii = true;
  for (std::size_t i = 0; i < size; ++i) ascii = ascii && static_cast<unsigned char>(at[i]) < 0x80;
  return ascii;
#endif
}

}  // namespace picket::wire::internal

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "picket/base/ascii.hpp"

/// Copying short text while looking at it: the inner loop of both writers.
namespace picket::wire::internal {

enum class Case : std::uint8_t { kept, lower };

/// Which bytes a copy must not meet.
enum class Plain : std::uint8_t {
  json,   ///< Printable ASCII without quote and backslash: stands in a JSON string as it is.
  ascii,  ///< Below 0x80.
};

template <Plain plain>
[[nodiscard]] constexpr bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  if constexpr (plain == Plain::ascii) return byte < 0x80;
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/// Copies `size` bytes, ASCII letters in the case wanted; true when all of them were plain. All are copied in any case.
template <Plain plain, Case letters>
[[nodiscard]] bool copy_text_portable(const char* from, std::size_t size, char* to) noexcept {
  bool all = true;
  for (std::size_t i = 0; i < size; ++i) {
    all &= is_plain<plain>(from[i]);
    to[i] = letters == Case::lower ? base::lower(from[i]) : from[i];
  }
  return all;
}

#if defined(__SSE2__)

/// Sets the top bit of each byte that is not plain.
template <Plain plain>
[[nodiscard]] inline __m128i not_plain(__m128i block) noexcept {
  if constexpr (plain == Plain::ascii) return block;
  // Signed: bytes from 0x80 up are below every control character.
  return _mm_or_si128(
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
      _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)));
}

template <Case letters>
[[nodiscard]] inline __m128i in_case(__m128i block) noexcept {
  if constexpr (letters == Case::kept) return block;
  const __m128i upper =
      _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('A' - 1)), _mm_cmplt_epi8(block, _mm_set1_epi8('Z' + 1)));
  return _mm_or_si128(block, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
}

[[nodiscard]] inline __m128i load_block(const char* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
inline void store_block(char* at, __m128i block) noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(at), block); }

/// Fewer than 16 bytes as one block: two halves that overlap, so that nothing outside the text is touched.
template <Plain plain, Case letters>
[[nodiscard]] inline bool copy_short_text(const char* from, std::size_t size, char* to) noexcept {
  if (size >= 8) {
    const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    const __m128i last = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + size - 8));
    const __m128i block = _mm_unpacklo_epi64(first, last);
    const __m128i written = in_case<letters>(block);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), written);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to + size - 8), _mm_unpackhi_epi64(written, written));
    return _mm_movemask_epi8(not_plain<plain>(block)) == 0;
  }
  if (size >= 4) {
    std::uint32_t halves[2];
    std::memcpy(&halves[0], from, 4);
    std::memcpy(&halves[1], from + size - 4, 4);
    const std::uint64_t both = halves[0] | std::uint64_t{halves[1]} << 32;
    const __m128i block = _mm_set1_epi64x(static_cast<std::int64_t>(both));
    const auto written = static_cast<std::uint64_t>(_mm_cvtsi128_si64(in_case<letters>(block)));
    const auto first = static_cast<std::uint32_t>(written);
    const auto second = static_cast<std::uint32_t>(written >> 32);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &second, 4);
    return _mm_movemask_epi8(not_plain<plain>(block)) == 0;
  }
  return copy_text_portable<plain, letters>(from, size, to);
}

/// copy_text_portable, 16 bytes at a time.
template <Plain plain, Case letters>
[[nodiscard]] inline bool copy_text(const char* from, std::size_t size, char* to) noexcept {
  if (size < 16) return copy_short_text<plain, letters>(from, size, to);
  if (size <= 32) {
    const __m128i first = load_block(from);
    const __m128i last = load_block(from + size - 16);
    store_block(to, in_case<letters>(first));
    store_block(to + size - 16, in_case<letters>(last));
    return _mm_movemask_epi8(_mm_or_si128(not_plain<plain>(first), not_plain<plain>(last))) == 0;
  }
  __m128i seen = _mm_setzero_si128();
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const __m128i block = load_block(from + i);
    seen = _mm_or_si128(seen, not_plain<plain>(block));
    store_block(to + i, in_case<letters>(block));
  }
  if (i != size) {
    const __m128i block = load_block(from + size - 16);
    seen = _mm_or_si128(seen, not_plain<plain>(block));
    store_block(to + size - 16, in_case<letters>(block));
  }
  return _mm_movemask_epi8(seen) == 0;
}

#else

template <Plain plain, Case letters>
[[nodiscard]] inline bool copy_text(const char* from, std::size_t size, char* to) noexcept {
  return copy_text_portable<plain, letters>(from, size, to);
}

#endif

}  // namespace picket::wire::internal

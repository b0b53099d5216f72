#include "picket/wire/internal/base64_avx2.hpp"

#if defined(PICKET_HAS_AVX2)

#include <immintrin.h>

namespace picket::wire::internal {
namespace {

PICKET_AVX2 inline __m256i both_lanes(__m128i lane) noexcept { return _mm256_broadcastsi128_si256(lane); }

/// Four 6-bit numbers from each three bytes, one to a byte.
PICKET_AVX2 inline __m256i split(__m256i bytes) noexcept {
  const __m256i spread =
      _mm256_shuffle_epi8(bytes, both_lanes(_mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10)));
  const __m256i outer =
      _mm256_mulhi_epu16(_mm256_and_si256(spread, _mm256_set1_epi32(0x0FC0FC00)), _mm256_set1_epi32(0x04000040));
  const __m256i inner =
      _mm256_mullo_epi16(_mm256_and_si256(spread, _mm256_set1_epi32(0x003F03F0)), _mm256_set1_epi32(0x01000010));
  return _mm256_or_si256(outer, inner);
}

/// The alphabet's ranges differ from 6-bit numbers by a constant each: the range picks it.
PICKET_AVX2 inline __m256i to_letters(__m256i numbers) noexcept {
  const __m256i from_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), numbers);
  const __m256i range = _mm256_or_si256(_mm256_subs_epu8(numbers, _mm256_set1_epi8(51)),
                                        _mm256_and_si256(from_upper, _mm256_set1_epi8(13)));
  constexpr char digit = '0' - 52;
  const __m256i shift =
      _mm256_shuffle_epi8(both_lanes(_mm_setr_epi8('a' - 26, digit, digit, digit, digit, digit, digit, digit, digit,
                                                   digit, digit, '+' - 62, '/' - 63, 'A', 0, 0)),
                          range);
  return _mm256_add_epi8(numbers, shift);
}

/// The 6-bit numbers of 32 characters; false where one is outside the alphabet.
PICKET_AVX2 inline bool to_numbers(__m256i letters, __m256i& numbers) noexcept {
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi32(letters, 4), nibble);
  const __m256i low = _mm256_and_si256(letters, nibble);
  // A bit for each kind of row that a column does not have: a character is wrong where row and column share one.
  const __m256i wrong_for_low =
      _mm256_shuffle_epi8(both_lanes(_mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13,
                                                   0x1A, 0x1B, 0x1B, 0x1B, 0x1A)),
                          low);
  const __m256i kind_of_high =
      _mm256_shuffle_epi8(both_lanes(_mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10,
                                                   0x10, 0x10, 0x10, 0x10, 0x10)),
                          high);
  if (_mm256_testz_si256(wrong_for_low, kind_of_high) == 0) return false;
  const __m256i slash = _mm256_cmpeq_epi8(letters, _mm256_set1_epi8('/'));  // shares its row with '+'
  const __m256i shift =
      _mm256_shuffle_epi8(both_lanes(_mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0)),
                          _mm256_add_epi8(slash, high));
  numbers = _mm256_add_epi8(letters, shift);
  return true;
}

/// 24 bytes in the front from 32 6-bit numbers.
PICKET_AVX2 inline __m256i join(__m256i numbers) noexcept {
  const __m256i twelve = _mm256_maddubs_epi16(numbers, _mm256_set1_epi32(0x01400140));
  const __m256i twenty_four = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));
  const __m256i packed = _mm256_shuffle_epi8(
      twenty_four, both_lanes(_mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1)));
  return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

}  // namespace

PICKET_AVX2 std::size_t encode_base64_avx2(const unsigned char* data, std::size_t size, char* out) noexcept {
  std::size_t done = 0;
  for (; size - done >= 28; done += 24, out += 32) {  // each lane takes 12 bytes but loads 16
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + done));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + done + 12));
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), to_letters(split(bytes)));
  }
  return done;
}

PICKET_AVX2 std::size_t decode_base64_avx2(const char* text, std::size_t size, unsigned char* out) noexcept {
  std::size_t done = 0;
  for (; size - done >= 32; done += 32, out += 24) {
    __m256i numbers;
    if (!to_numbers(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + done)), numbers)) break;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), join(numbers));
  }
  return done;
}

}  // namespace picket::wire::internal

#endif

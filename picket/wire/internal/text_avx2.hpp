#pragma once

#include "picket/wire/internal/avx2.hpp"

#if defined(PICKET_HAS_AVX2)

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <immintrin.h>

#include "picket/wire/internal/copy_text.hpp"

/// Copying text while looking at it, by 32 bytes: what header fields and the texts of structs have in common.
namespace picket::wire::internal::avx2 {

inline constexpr std::size_t block_size = 32;

/// 32 bytes of which the first belongs to a text and the others need not: what stands on the same page can be read.
/// Not an intrinsic, so that neither the compiler nor a sanitizer reasons about bytes outside the text.
PICKET_AVX2 inline __m256i load_on_page(const char* at) noexcept {
  __m256i block;
  asm("vmovdqu %1, %0" : "=x"(block) : "m"(*reinterpret_cast<const char(*)[block_size]>(at)));
  return block;
}
PICKET_AVX2 inline __m256i load(const char* at) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
PICKET_AVX2 inline void store(char* at, __m256i block) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), block);
}
[[nodiscard]] inline bool on_one_page(const char* at) noexcept {
  constexpr std::size_t page = 4096;  // the smallest there is
  return reinterpret_cast<std::uintptr_t>(at) % page <= page - block_size;
}

/// Whether a text may be loaded as one block. Its length decides nothing else: texts come in all lengths, and a branch
/// guessed wrong costs as much as the text.
[[nodiscard]] inline bool is_one_block(std::string_view text) noexcept {
  return text.size() - 1 < block_size && on_one_page(text.data());
}

/// Sets the top bit of each byte that is not plain.
template <Plain plain>
PICKET_AVX2 inline __m256i not_plain(__m256i block) noexcept {
  if constexpr (plain == Plain::ascii) return block;
  // Signed: bytes from 0x80 up are below every control character.
  return _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(block, _mm256_set1_epi8('"')),
                                         _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'))),
                         _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), block));
}

/// Whether the first `size` bytes, 1 to 32, are plain: 0 where they are.
template <Plain plain>
PICKET_AVX2 inline std::uint32_t stops_in(__m256i block, std::size_t size) noexcept {
  const std::uint64_t stops = static_cast<std::uint32_t>(_mm256_movemask_epi8(not_plain<plain>(block)));
  return static_cast<std::uint32_t>(stops << (block_size - size));
}

/// A short text that cannot be loaded as one block: it is empty, or its page ends with it.
template <Plain plain>
[[gnu::noinline]] std::uint32_t put_text_exactly(std::string_view text, char* to) noexcept {
  return copy_text<plain, Case::kept>(text.data(), text.size(), to) ? 0 : 1;
}

/// Copies `text`; 0 when all of it was plain. May write 32 bytes at `to`, however short the text is.
template <Plain plain>
PICKET_AVX2 inline std::uint32_t put_text(std::string_view text, char* to) noexcept {
  if (is_one_block(text)) [[likely]] {
    const __m256i block = load_on_page(text.data());
    store(to, block);
    return stops_in<plain>(block, text.size());
  }
  if (text.size() <= block_size) return put_text_exactly<plain>(text, to);
  const __m256i last = load(text.data() + text.size() - block_size);
  store(to + text.size() - block_size, last);
  __m256i seen = not_plain<plain>(last);
  for (std::size_t i = 0; i + block_size < text.size(); i += block_size) {
    const __m256i block = load(text.data() + i);
    store(to + i, block);
    seen = _mm256_or_si256(seen, not_plain<plain>(block));
  }
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(seen));
}

}  // namespace picket::wire::internal::avx2

#endif

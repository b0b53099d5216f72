#include "picket/wire/internal/header_fields_avx2.hpp"

#if defined(PICKET_HAS_AVX2)

#include <cstdint>
#include <cstring>
#include <string_view>

#include <immintrin.h>

#include "picket/wire/internal/msgpack_writer.hpp"

namespace picket::wire::internal {
namespace {

constexpr std::size_t block_size = 32;
constexpr std::size_t longest_value = 0xFF;     // whose head is short in MessagePack
constexpr std::size_t around = 9 + block_size;  // what stands around name and value, and a block behind it

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
[[nodiscard]] bool on_one_page(const char* at) noexcept {
  constexpr std::size_t page = 4096;  // the smallest there is
  return reinterpret_cast<std::uintptr_t>(at) % page <= page - block_size;
}

PICKET_AVX2 inline __m256i lower(__m256i block) noexcept {
  const __m256i upper = _mm256_and_si256(_mm256_cmpgt_epi8(block, _mm256_set1_epi8('A' - 1)),
                                         _mm256_cmpgt_epi8(_mm256_set1_epi8('Z' + 1), block));
  return _mm256_or_si256(block, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
}

/// `,"name":["value"]`: plain is printable ASCII without quote and backslash.
struct Json {
  PICKET_AVX2 static __m256i not_plain(__m256i block) noexcept {
    // Signed: bytes from 0x80 up are below every control character.
    return _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(block, _mm256_set1_epi8('"')),
                                           _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'))),
                           _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), block));
  }
  static char* before_name(std::size_t /*size*/, char* at) noexcept {
    std::memcpy(at, ",\"", 2);
    return at + 2;
  }
  static char* before_value(std::size_t /*size*/, char* at) noexcept {
    std::memcpy(at, "\":[\"", 4);
    return at + 4;
  }
  static char* after_value(char* at) noexcept {
    std::memcpy(at, "\"]", 2);
    return at + 2;
  }
};

/// The name, an array of one: plain is ASCII.
struct Msgpack {
  PICKET_AVX2 static __m256i not_plain(__m256i block) noexcept { return block; }
  static char* before_name(std::size_t size, char* at) noexcept { return MsgpackWriter::short_text_head(size, at); }
  static char* before_value(std::size_t size, char* at) noexcept {
    *at = static_cast<char>(0x91);
    return MsgpackWriter::short_text_head(size, at + 1);
  }
  static char* after_value(char* at) noexcept { return at; }
};

/// Whether the first `size` bytes, at most 32, are plain.
template <class Encoding>
PICKET_AVX2 inline bool begins_plain(__m256i block, std::size_t size) noexcept {
  const std::uint64_t stops = static_cast<std::uint32_t>(_mm256_movemask_epi8(Encoding::not_plain(block)));
  return static_cast<std::uint32_t>(stops << (block_size - size)) == 0;
}

/// Whether a text may be loaded as one block. Its length decides nothing else: texts come in all lengths, and a branch
/// guessed wrong costs as much as the text.
[[nodiscard]] bool is_one_block(std::string_view text) noexcept {
  return text.size() - 1 < block_size && on_one_page(text.data());
}

template <class Encoding>
PICKET_AVX2 inline bool put_name(std::string_view name, char* to) noexcept {
  if (!is_one_block(name)) return false;
  const __m256i block = load_on_page(name.data());
  store(to, lower(block));
  return begins_plain<Encoding>(block, name.size());
}

template <class Encoding>
PICKET_AVX2 inline bool put_value(std::string_view value, char* to) noexcept {
  if (is_one_block(value)) [[likely]] {
    const __m256i block = load_on_page(value.data());
    store(to, block);
    return begins_plain<Encoding>(block, value.size());
  }
  if (value.size() <= block_size) return value.empty();
  const __m256i last = load(value.data() + value.size() - block_size);
  store(to + value.size() - block_size, last);
  __m256i seen = Encoding::not_plain(last);
  for (std::size_t i = 0; i + block_size < value.size(); i += block_size) {
    const __m256i block = load(value.data() + i);
    store(to + i, block);
    seen = _mm256_or_si256(seen, Encoding::not_plain(block));
  }
  return _mm256_movemask_epi8(seen) == 0;
}

template <class Encoding>
PICKET_AVX2 std::size_t put_fields(std::span<const Header> fields, char*& position, const char* limit) noexcept {
  char* at = position;
  std::size_t done = 0;
  for (const auto& [name, value] : fields) {
    if (value.size() > longest_value || static_cast<std::size_t>(limit - at) < name.size() + value.size() + around)
      break;
    char* end = Encoding::before_name(name.size(), at);
    if (!put_name<Encoding>(name, end)) break;
    end = Encoding::before_value(value.size(), end + name.size());
    if (!put_value<Encoding>(value, end)) break;
    at = Encoding::after_value(end + value.size());
    ++done;
  }
  position = at;
  return done;
}

}  // namespace

std::size_t put_json_fields_avx2(std::span<const Header> fields, char*& at, const char* limit) noexcept {
  return put_fields<Json>(fields, at, limit);
}
std::size_t put_msgpack_fields_avx2(std::span<const Header> fields, char*& at, const char* limit) noexcept {
  return put_fields<Msgpack>(fields, at, limit);
}

}  // namespace picket::wire::internal

#endif

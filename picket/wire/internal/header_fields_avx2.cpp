#include "picket/wire/internal/header_fields_avx2.hpp"

#if defined(PICKET_HAS_AVX2)

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include <immintrin.h>

#include "picket/wire/internal/msgpack_head.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"
#include "picket/wire/internal/text_avx2.hpp"

namespace picket::wire::internal {
namespace {

using namespace avx2;

constexpr std::size_t around = 10 + block_size;  // what stands around name and value, and a block behind it

PICKET_AVX2 inline __m256i lower(__m256i block) noexcept {
  const __m256i upper = _mm256_and_si256(_mm256_cmpgt_epi8(block, _mm256_set1_epi8('A' - 1)),
                                         _mm256_cmpgt_epi8(_mm256_set1_epi8('Z' + 1), block));
  return _mm256_or_si256(block, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
}

/// `"name":["value"]`, and already `,"` of a field behind it.
struct Json {
  static constexpr Plain plain = Plain::json;
  static constexpr std::size_t ahead = 2;
  static constexpr std::size_t longest_name = block_size;
  static constexpr std::size_t shortest_value = 0;
  static constexpr std::size_t longest_value = std::numeric_limits<std::size_t>::max();

  static char* begin(std::size_t separator, char* at) noexcept {
    *at = ',';
    at += separator;
    *at = '"';
    return at + 1;
  }
  static char* before_name(std::size_t /*size*/, std::size_t /*value_size*/, char* at) noexcept { return at; }
  static char* before_value(std::size_t /*size*/, char* at) noexcept {
    std::memcpy(at, "\":[\"", 4);
    return at + 4;
  }
  static char* after_value(char* at) noexcept {
    std::memcpy(at, "\"],\"", 4);
    return at + 4;
  }
};

/// The name, an array of one.
struct Msgpack {
  static constexpr Plain plain = Plain::ascii;
  static constexpr std::size_t ahead = 0;
  static constexpr std::size_t longest_name = 31;  // whose head is one byte
  static constexpr std::size_t shortest_value = 0;
  static constexpr std::size_t longest_value = 0xFF;  // whose head is one byte, or two

  static char* begin(std::size_t /*separator*/, char* at) noexcept { return at; }
  static char* before_name(std::size_t size, std::size_t /*value_size*/, char* at) noexcept {
    *at = static_cast<char>(0xA0 | size);
    return at + 1;
  }
  static char* before_value(std::size_t size, char* at) noexcept {
    *at = static_cast<char>(0x91);
    return put_short_text_head(size, at + 1);
  }
  static char* after_value(char* at) noexcept { return at; }
};

/// A message of two texts, behind its tag and length.
template <std::uint32_t tag>
struct Protobuf {
  static constexpr Plain plain = Plain::ascii;
  static constexpr std::size_t ahead = 0;
  static constexpr std::size_t longest_name = block_size;
  static constexpr std::size_t shortest_value = 1;    // an empty one is left out
  static constexpr std::size_t longest_value = 0x7F;  // whose length has one byte

  static char* begin(std::size_t /*separator*/, char* at) noexcept { return at; }
  static char* before_name(std::size_t size, std::size_t value_size, char* at) noexcept {
    const std::size_t message = size + value_size + 4;
    const bool longer = message >= 0x80;
    at[0] = static_cast<char>(tag);
    at[1] = static_cast<char>(longer ? message | 0x80 : message);
    at[2] = static_cast<char>(message >> 7);
    at += longer ? 3 : 2;
    at[0] = static_cast<char>(tag_of(1, WireType::bytes));
    at[1] = static_cast<char>(size);
    return at + 2;
  }
  static char* before_value(std::size_t size, char* at) noexcept {
    at[0] = static_cast<char>(tag_of(2, WireType::bytes));
    at[1] = static_cast<char>(size);
    return at + 2;
  }
  static char* after_value(char* at) noexcept { return at; }
};

template <class Encoding>
PICKET_AVX2 std::size_t put_fields(std::span<const base::Header> fields, std::size_t separator, char*& position,
                                   const char* limit) noexcept {
  limit -= around;
  if (position > limit) return 0;
  char* at = Encoding::begin(separator, position);
  std::size_t done = 0;
  for (const auto [name, value] : fields) {  // copies: bytes written through a char pointer may be any object's
    if (value.size() < Encoding::shortest_value || value.size() > Encoding::longest_value ||
        name.size() - 1 >= Encoding::longest_name || !on_one_page(name.data()) ||
        limit - at < static_cast<std::ptrdiff_t>(name.size() + value.size()))
      break;
    char* end = Encoding::before_name(name.size(), value.size(), at);
    const __m256i name_block = load_on_page(name.data());
    store(end, lower(name_block));
    end = Encoding::before_value(value.size(), end + name.size());
    const std::uint32_t stops = put_text<Encoding::plain>(value, end);
    if ((stops | stops_in<Encoding::plain>(name_block, name.size())) != 0) break;
    at = Encoding::after_value(end + value.size());
    ++done;
  }
  if (done != 0) position = at - Encoding::ahead;
  return done;
}

}  // namespace

std::size_t put_json_fields_avx2(std::span<const base::Header> fields, std::size_t separator, char*& at,
                                 const char* limit) noexcept {
  return put_fields<Json>(fields, separator, at, limit);
}
std::size_t put_msgpack_fields_avx2(std::span<const base::Header> fields, char*& at, const char* limit) noexcept {
  return put_fields<Msgpack>(fields, 0, at, limit);
}
template <std::uint32_t tag>
std::size_t put_protobuf_fields_avx2(std::span<const base::Header> fields, char*& at, const char* limit) noexcept {
  return put_fields<Protobuf<tag>>(fields, 0, at, limit);
}
template std::size_t put_protobuf_fields_avx2<tag_of(3, WireType::bytes)>(std::span<const base::Header>, char*&,
                                                                          const char*) noexcept;
template std::size_t put_protobuf_fields_avx2<tag_of(5, WireType::bytes)>(std::span<const base::Header>, char*&,
                                                                          const char*) noexcept;

}  // namespace picket::wire::internal

#endif

#include "picket/wire/internal/json_writer.hpp"

#include <charconv>
#include <cmath>

#include "picket/wire/internal/base64.hpp"
#include "picket/wire/internal/scan.hpp"
#include "picket/wire/internal/utf8.hpp"

namespace picket::wire::internal {
namespace {

constexpr std::size_t number_size = 32;  // the longest that to_chars writes for 64 bits
constexpr std::size_t part_size = 4096;  // text is escaped in parts, so that room for the worst case stays small
constexpr std::size_t worst_escape = 6;  // \u00XX

void put_escape(char*& out, unsigned char byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  *out++ = '\\';
  switch (byte) {
    case '"':
    case '\\': *out++ = static_cast<char>(byte); return;
    case '\b': *out++ = 'b'; return;
    case '\f': *out++ = 'f'; return;
    case '\n': *out++ = 'n'; return;
    case '\r': *out++ = 'r'; return;
    case '\t': *out++ = 't'; return;
    default: break;
  }
  std::memcpy(out, "u00", 3);
  out[3] = hex[byte >> 4];
  out[4] = hex[byte & 0xF];
  out += 5;
}

constexpr std::size_t vector_size = 16;

constexpr bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Copies ASCII that needs no escape, as far as it goes; returns how far. May write vector_size bytes too many.
template <JsonWriter::Case letters>
std::size_t copy_plain(const char* at, const char* end, char* out) noexcept {
  const char* const begin = at;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);  // signed: bytes from 0x80 up are below it, too
  for (; end - at >= static_cast<std::ptrdiff_t>(vector_size); at += vector_size, out += vector_size) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i plain = _mm_andnot_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                                           _mm_cmpgt_epi8(block, last_control));
    if constexpr (letters == JsonWriter::Case::lower) {
      const __m128i upper =
          _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('A' - 1)), _mm_cmplt_epi8(block, _mm_set1_epi8('Z' + 1)));
      block = _mm_or_si128(block, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
    const unsigned stops = static_cast<unsigned>(_mm_movemask_epi8(plain)) ^ 0xFFFFU;
    if (stops != 0) return static_cast<std::size_t>(at - begin) + static_cast<std::size_t>(std::countr_zero(stops));
  }
#endif
  for (; at != end && is_plain(*at); ++at) *out++ = letters == JsonWriter::Case::lower ? lower(*at) : *at;
  return static_cast<std::size_t>(at - begin);
}

}  // namespace

void JsonWriter::unsigned_integer(std::uint64_t value) {
  out_.need(number_size);
  out_.at() = std::to_chars(out_.at(), out_.at() + number_size, value).ptr;
}

void JsonWriter::signed_integer(std::int64_t value) {
  out_.need(number_size);
  out_.at() = std::to_chars(out_.at(), out_.at() + number_size, value).ptr;
}

void JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();  // JSON has no other word for it
  out_.need(number_size);
  out_.at() = std::to_chars(out_.at(), out_.at() + number_size, value).ptr;
}

void JsonWriter::number(float value) {
  if (!std::isfinite(value)) return null();
  out_.need(number_size);
  out_.at() = std::to_chars(out_.at(), out_.at() + number_size, value).ptr;
}

template <JsonWriter::Case letters>
void JsonWriter::quoted(std::string_view value) {
  out_.need(1);
  out_.put('"');
  while (value.size() > part_size) {
    // Not within a sequence: step back to where one begins.
    std::size_t cut = part_size;
    for (int i = 0; i < 3 && (static_cast<unsigned char>(value[cut]) & 0xC0) == 0x80; ++i) --cut;
    escape<letters>(value.substr(0, cut));
    value.remove_prefix(cut);
  }
  escape<letters>(value);
  out_.need(1);
  out_.put('"');
}

void JsonWriter::text(std::string_view value) { quoted<Case::kept>(value); }
void JsonWriter::lower_case_text(std::string_view value) { quoted<Case::lower>(value); }

template <JsonWriter::Case letters>
void JsonWriter::escape(std::string_view part) {
  out_.need(part.size() * worst_escape + vector_size);
  char* out = out_.at();
  const char* at = part.data();
  const char* const end = at + part.size();
  while (at != end) {
    const std::size_t plain = copy_plain<letters>(at, end, out);
    at += plain;
    out += plain;
    if (at == end) break;
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x80) {
      put_escape(out, byte);
      ++at;
    } else if (const std::size_t size = utf8_sequence({at, static_cast<std::size_t>(end - at)}); size != 0) {
      std::memcpy(out, at, size);
      out += size;
      at += size;
    } else {
      std::memcpy(out, replacement_character.data(), replacement_character.size());
      out += replacement_character.size();
      ++at;
    }
  }
  out_.at() = out;
}

void JsonWriter::bytes(base::ByteView value) {
  const std::size_t size = base64_size(value.size());
  out_.need(size + 2);
  out_.put('"');
  encode_base64(value, out_.at());
  out_.at() += size;
  out_.put('"');
}

void JsonWriter::value(const Value& value) {
  if (value.is_null()) return null();
  if (const auto* const boolean_value = value.get<bool>()) return boolean(*boolean_value);
  if (const auto* const integer = value.get<std::int64_t>()) return signed_integer(*integer);
  if (const auto* const large = value.get<std::uint64_t>()) return unsigned_integer(*large);
  if (const auto* const real = value.get<double>()) return number(*real);
  if (const auto* const words = value.get<std::string_view>()) return text(*words);
  if (const auto* const list = value.get<Value::List>()) {
    begin_array(list->size());
    for (const Value& item : *list) {
      element();
      this->value(item);
    }
    return end_array();
  }
  const auto& members = *value.get<Value::Object>();
  begin_object(members.size());
  for (const Member& member : members) {
    key(member.name);
    this->value(member.value);
  }
  end_object();
}

}  // namespace picket::wire::internal

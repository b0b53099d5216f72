#include "picket/wire/internal/json_writer.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "picket/wire/internal/base64.hpp"
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

constexpr std::size_t block_size = 16;

/// Copies what needs no escape, as far as it goes; returns how far. May write block_size bytes too many.
template <Case letters>
std::size_t copy_plain(const char* at, const char* end, char* out) noexcept {
  const char* const begin = at;
#if defined(__SSE2__)
  for (; end - at >= static_cast<std::ptrdiff_t>(block_size); at += block_size, out += block_size) {
    const __m128i block = load_block(at);
    store_block(out, in_case<letters>(block));
    const auto stops = static_cast<unsigned>(_mm_movemask_epi8(not_plain<Plain::json>(block)));
    if (stops != 0) return static_cast<std::size_t>(at - begin) + static_cast<std::size_t>(std::countr_zero(stops));
  }
#endif
  for (; at != end && is_plain<Plain::json>(*at); ++at) *out++ = letters == Case::lower ? base::lower(*at) : *at;
  return static_cast<std::size_t>(at - begin);
}

}  // namespace

void JsonWriter::long_integer(std::uint64_t value) {
  out_.need(number_size);
  out_.at() = std::to_chars(out_.at(), out_.at() + number_size, value).ptr;
}

void JsonWriter::signed_integer(std::int64_t value) {
  out_.need(number_size);
  out_.at() = std::to_chars(out_.at(), out_.at() + number_size, value).ptr;
}

/// A real number keeps its point, so that a reader that tells 1 from 1.0 finds what was written.
template <class T>
void JsonWriter::real(T value) {
  if (!std::isfinite(value)) return null();  // JSON has no other word for it
  out_.need(number_size);
  char* const from = out_.at();
  char* const to = std::to_chars(from, from + number_size, value).ptr;
  out_.at() = to;
  const bool integral = std::all_of(from, to, [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
  if (integral) out_.write(".0");
}

void JsonWriter::number(double value) { real(value); }
void JsonWriter::number(float value) { real(value); }

template <Case letters>
void JsonWriter::escaped(std::string_view value) {
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

template void JsonWriter::escaped<Case::kept>(std::string_view);
template void JsonWriter::escaped<Case::lower>(std::string_view);

template <Case letters>
void JsonWriter::escape(std::string_view part) {
  out_.need(part.size() * worst_escape + block_size);
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

void JsonWriter::escaped_header_field(std::string_view name, std::string_view value) {
  lower_case_key(name);
  begin_array(1);
  element();
  text(value);
  end_array();
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

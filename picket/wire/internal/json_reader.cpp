#include "picket/wire/internal/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "picket/base/ascii.hpp"
#include "picket/base/limits.hpp"
#include "picket/wire/internal/base64.hpp"
#include "picket/wire/internal/scan.hpp"
#include "picket/wire/internal/utf8.hpp"

namespace picket::wire::internal {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Of a number outside a double's range: whether it is too large, not too small. The place of its first significant
/// digit says so.
bool is_huge(std::string_view token) noexcept {
  const std::size_t e = std::min(token.find_first_of("eE"), token.size());
  const std::string_view mantissa = token.substr(0, e);
  std::int64_t exponent = 0;
  if (e != token.size()) {
    const std::size_t digits = token[e + 1] == '+' ? e + 2 : e + 1;
    const auto parsed = std::from_chars(token.data() + digits, token.data() + token.size(), exponent);
    if (parsed.ec != std::errc{}) return token[e + 1] != '-';
  }
  const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const auto first = static_cast<std::int64_t>(mantissa.find_first_of("123456789"));
  return exponent > first - point;  // not a sum: the exponent may be any of 64 bits
}

}  // namespace

/// After an error nothing is left to read.
bool JsonReader::fail(std::string_view what) {
  if (error_.empty()) error_ = fmt::format("{} at byte {}", what, at_ - begin_);
  at_ = end_;
  return false;
}

base::Error JsonReader::error() const { return base::fail(base::ErrorKind::invalid_message, error_); }

Kind JsonReader::peek() noexcept {
  if (!ok()) return Kind::invalid;
  skip_space();
  if (at_ == end_) return Kind::invalid;
  switch (*at_) {
    case '{': return Kind::object;
    case '[': return Kind::array;
    case '"': return Kind::text;
    case 't':
    case 'f': return Kind::boolean;
    case 'n': return Kind::null;
    default: return *at_ == '-' || is_digit(*at_) ? Kind::number : Kind::invalid;
  }
}

bool JsonReader::expect(std::string_view literal) {
  if (!ok()) return false;
  skip_space();
  if (std::string_view{at_, static_cast<std::size_t>(end_ - at_)}.substr(0, literal.size()) != literal)
    return fail(fmt::format("expected {}", literal));
  at_ += literal.size();
  return true;
}

bool JsonReader::read_any_boolean(bool& value) {
  switch (peek()) {
    case Kind::boolean: value = *at_ == 't'; return expect(value ? "true" : "false");
    default: return fail("expected true or false");
  }
}

// ---- numbers

/// Checks the grammar of a number and steps over it.
bool JsonReader::scan_number(std::string_view& token, bool& integer) {
  if (peek() != Kind::number) return fail("expected a number");
  const char* at = at_;
  const auto digits = [&] {
    const char* const from = at;
    while (at != end_ && is_digit(*at)) ++at;
    return at != from;
  };
  if (*at == '-') ++at;
  if (at != end_ && *at == '0') {
    ++at;
  } else if (!digits()) {
    return fail("expected a digit after '-'");
  }
  integer = true;
  if (at != end_ && *at == '.') {
    integer = false;
    ++at;
    if (!digits()) return fail("expected a digit after '.'");
  }
  if (at != end_ && (*at == 'e' || *at == 'E')) {
    integer = false;
    ++at;
    if (at != end_ && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return fail("expected a digit in the exponent");
  }
  token = {at_, static_cast<std::size_t>(at - at_)};
  at_ = at;
  return true;
}

bool JsonReader::read_any_unsigned(std::uint64_t& value, std::uint64_t most) {
  std::string_view token;
  bool integer = false;
  if (!scan_number(token, integer)) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (!integer || error != std::errc{} || value > most)
    return fail(fmt::format("expected an integer from 0 to {}", most));
  return true;
}

bool JsonReader::read_signed(std::int64_t& value, std::int64_t least, std::int64_t most) {
  std::string_view token;
  bool integer = false;
  if (!scan_number(token, integer)) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (!integer || error != std::errc{} || value < least || value > most)
    return fail(fmt::format("expected an integer from {} to {}", least, most));
  return true;
}

bool JsonReader::read_double(double& value) {
  if (peek() == Kind::null) {
    value = std::numeric_limits<double>::quiet_NaN();
    return read_null();
  }
  std::string_view token;
  bool integer = false;
  if (!scan_number(token, integer)) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc::result_out_of_range) return true;
  if (is_huge(token)) return fail("a number that is too large");
  value = 0;
  return true;
}

// ---- text

bool JsonReader::read_any_text(std::string_view& value) {
  if (peek() != Kind::text) return fail("expected a string");
  const char* const opening = ++at_;
  const StringScan scan = scan_string(opening, end_);
  if (scan.end != end_ && *scan.end == '"') [[likely]] {
    value = {opening, static_cast<std::size_t>(scan.end - opening)};
    if (!scan.ascii && !is_utf8(value)) return fail("a string that is not UTF-8");
    at_ = scan.end + 1;
    return true;
  }
  at_ = scan.end;
  if (at_ == end_) return fail("a string without its closing quote");
  if (*at_ != '\\') return fail("a control character in a string");
  return read_escaped(value, opening);
}

/// From the first escape on: the string is put together in the arena. It never gets longer than it is in the document.
bool JsonReader::read_escaped(std::string_view& value, const char* opening) {
  std::size_t most = 0;  // up to the closing quote, escapes not yet resolved
  for (const char* at = opening; at < end_ && *at != '"'; at += *at == '\\' ? 2 : 1)
    most = static_cast<std::size_t>(at - opening) + 2;
  char* const begin = static_cast<char*>(arena_->allocate(most + 4, 1));
  char* out = begin;
  const char* from = opening;
  while (true) {
    const StringScan scan = scan_string(from, end_);
    const std::string_view plain{from, static_cast<std::size_t>(scan.end - from)};
    at_ = scan.end;
    if (!scan.ascii && !is_utf8(plain)) return fail("a string that is not UTF-8");
    if (at_ == end_) return fail("a string without its closing quote");
    std::memcpy(out, plain.data(), plain.size());
    out += plain.size();
    if (*at_ == '"') break;
    if (*at_ != '\\') return fail("a control character in a string");
    ++at_;
    if (!read_escape(out)) return false;
    from = at_;
  }
  ++at_;
  value = {begin, static_cast<std::size_t>(out - begin)};
  return true;
}

bool JsonReader::read_escape(char*& out) {
  if (at_ == end_) return fail("a string that ends in an escape");
  switch (*at_++) {
    case '"': *out++ = '"'; return true;
    case '\\': *out++ = '\\'; return true;
    case '/': *out++ = '/'; return true;
    case 'b': *out++ = '\b'; return true;
    case 'f': *out++ = '\f'; return true;
    case 'n': *out++ = '\n'; return true;
    case 'r': *out++ = '\r'; return true;
    case 't': *out++ = '\t'; return true;
    case 'u': break;
    default: return fail("an unknown escape in a string");
  }
  char32_t unit = 0;
  if (!read_hex4(unit)) return false;
  if (unit >= 0xDC00 && unit <= 0xDFFF) return fail("a lone low surrogate in a string");
  if (unit >= 0xD800 && unit <= 0xDBFF) {
    char32_t low = 0;
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return fail("a lone high surrogate in a string");
    at_ += 2;
    if (!read_hex4(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return fail("a high surrogate without its low one in a string");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  out = write_utf8(out, unit);
  return true;
}

bool JsonReader::read_hex4(char32_t& unit) {
  if (end_ - at_ < 4) return fail("a \\u escape that is cut short");
  for (int i = 0; i < 4; ++i) {
    const int digit = base::hex_value(*at_);
    if (digit < 0) return fail("a \\u escape without four hexadecimal digits");
    unit = unit << 4 | static_cast<char32_t>(digit);
    ++at_;
  }
  return true;
}

bool JsonReader::read_bytes(base::ByteView& value) {
  std::string_view text;
  if (!read_text(text)) return false;
  return decode_base64(text, *arena_, value) || fail("data that is not base64");
}

// ---- arrays and objects

bool JsonReader::enter() {
  if (++depth_ > base::limits::max_nesting)
    return fail(fmt::format("more than {} levels of nesting", base::limits::max_nesting));
  ++at_;
  return true;
}

bool JsonReader::too_many_items() { return fail(fmt::format("more than {} values", base::limits::max_items)); }

bool JsonReader::begin_array(Cursor& cursor) {
  cursor = {};
  return peek() == Kind::array ? enter() : fail("expected an array");
}

bool JsonReader::next_element(Cursor& cursor) {
  if (!ok()) return false;
  skip_space();
  if (at_ != end_ && *at_ == ']') {
    ++at_;
    --depth_;
    return false;
  }
  if (cursor.first) {
    cursor.first = false;
    return count_item();
  }
  if (at_ == end_ || *at_ != ',') return fail("expected ',' or ']'");
  ++at_;
  return count_item() && (peek() != Kind::invalid || fail("expected a value after ','"));
}

bool JsonReader::begin_object(Cursor& cursor) {
  cursor = {};
  return peek() == Kind::object ? enter() : fail("expected an object");
}

bool JsonReader::next_any_member(Cursor& cursor, std::string_view& key) {
  if (!ok()) return false;
  skip_space();
  if (at_ != end_ && *at_ == '}') {
    ++at_;
    --depth_;
    return false;
  }
  if (!cursor.first) {
    if (at_ == end_ || *at_ != ',') return fail("expected ',' or '}'");
    ++at_;
  }
  cursor.first = false;
  if (!count_item() || !read_text(key)) return false;
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail("expected ':'");
  ++at_;
  return true;
}

// ---- any value

bool JsonReader::read_value(Value& value) {
  switch (peek()) {
    case Kind::null: value.data = Value::Null{}; return read_null();
    case Kind::boolean: return read(value.data.emplace<bool>());
    case Kind::text: return read_text(value.data.emplace<std::string_view>());
    case Kind::number: {
      std::string_view token;
      bool integer = false;
      if (!scan_number(token, integer)) return false;
      const char* const last = token.data() + token.size();
      if (integer) {
        if (std::from_chars(token.data(), last, value.data.emplace<std::int64_t>()).ec == std::errc{}) return true;
        if (std::from_chars(token.data(), last, value.data.emplace<std::uint64_t>()).ec == std::errc{}) return true;
      }
      at_ = token.data();
      return read_double(value.data.emplace<double>());
    }
    case Kind::array: {
      Cursor cursor;
      base::ArenaList<Value> items{*arena_};
      if (!begin_array(cursor)) return false;
      while (next_element(cursor)) {
        Value item;
        if (!read_value(item)) return false;
        items.push_back(item);
      }
      value.data = Value::List{items.items()};
      return ok();
    }
    case Kind::object: {
      Cursor cursor;
      base::ArenaList<Member> members{*arena_};
      std::string_view key;
      if (!begin_object(cursor)) return false;
      while (next_member(cursor, key)) {
        Member member{key, {}};
        if (!read_value(member.value)) return false;
        members.push_back(member);
      }
      value.data = Value::Object{members.items()};
      return ok();
    }
    default: return fail("expected a value");
  }
}

bool JsonReader::skip() {
  switch (peek()) {
    case Kind::null: return read_null();
    case Kind::boolean: {
      bool ignored = false;
      return read(ignored);
    }
    case Kind::text: {
      std::string_view ignored;
      return read_text(ignored);
    }
    case Kind::number: {
      std::string_view token;
      bool integer = false;
      return scan_number(token, integer);
    }
    case Kind::array: {
      Cursor cursor;
      if (!begin_array(cursor)) return false;
      while (next_element(cursor))
        if (!skip()) return false;
      return ok();
    }
    case Kind::object: {
      Cursor cursor;
      std::string_view key;
      if (!begin_object(cursor)) return false;
      while (next_member(cursor, key))
        if (!skip()) return false;
      return ok();
    }
    default: return fail("expected a value");
  }
}

bool JsonReader::finish() {
  if (!ok()) return false;
  skip_space();
  return at_ == end_ || fail("something after the end of the document");
}

}  // namespace picket::wire::internal

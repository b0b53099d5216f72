#include "picket/wire/internal/msgpack_reader.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/wire/internal/base64.hpp"
#include "picket/wire/internal/utf8.hpp"

namespace picket::wire::internal {

const std::array<Kind, 256> MsgpackReader::kinds = [] {
  std::array<Kind, 256> kinds{};
  const auto set = [&](unsigned from, unsigned to, Kind kind) {
    for (unsigned m = from; m <= to; ++m) kinds[m] = kind;
  };
  set(0x00, 0xFF, Kind::invalid);  // 0xC1 is never used; the rest is ext
  set(0x00, 0x7F, Kind::number);
  set(0x80, 0x8F, Kind::object);
  set(0x90, 0x9F, Kind::array);
  set(0xA0, 0xBF, Kind::text);
  set(0xC0, 0xC0, Kind::null);
  set(0xC2, 0xC3, Kind::boolean);
  set(0xC4, 0xC6, Kind::bytes);
  set(0xCA, 0xD3, Kind::number);
  set(0xD9, 0xDB, Kind::text);
  set(0xDC, 0xDD, Kind::array);
  set(0xDE, 0xDF, Kind::object);
  set(0xE0, 0xFF, Kind::number);
  return kinds;
}();

/// After an error nothing is left to read.
bool MsgpackReader::fail(std::string_view what) {
  if (error_.empty()) error_ = fmt::format("{} at byte {}", what, at_ - begin_);
  at_ = end_;
  return false;
}

base::Error MsgpackReader::error() const { return base::fail(base::ErrorKind::invalid_message, error_); }

/// `size` bytes behind the marker as a big-endian integer; steps over both.
bool MsgpackReader::take(std::size_t size, std::uint64_t& big_endian) {
  if (left() < size + 1) return fail("a value that is cut short");
  big_endian = 0;
  for (std::size_t i = 1; i <= size; ++i) big_endian = big_endian << 8 | static_cast<unsigned char>(at_[i]);
  at_ += size + 1;
  return true;
}

bool MsgpackReader::take_text(std::size_t size, std::string_view& value) {
  if (left() < size) return fail("text that is cut short");
  value = {at_, size};
  at_ += size;
  return true;
}

// ---- numbers

bool MsgpackReader::read_integer(std::uint64_t& magnitude, bool& negative) {
  negative = false;
  if (!ok() || at_ == end_) return fail("expected an integer");
  const unsigned char m = marker();
  if (m <= 0x7F) {
    magnitude = m;
    ++at_;
    return true;
  }
  if (m >= 0xE0) {
    negative = true;
    magnitude = static_cast<std::uint64_t>(-static_cast<std::int64_t>(static_cast<signed char>(m)));
    ++at_;
    return true;
  }
  if (m >= 0xCC && m <= 0xCF) return take(std::size_t{1} << (m - 0xCC), magnitude);
  if (m < 0xD0 || m > 0xD3) return fail("expected an integer");
  const std::size_t size = std::size_t{1} << (m - 0xD0);
  std::uint64_t bits = 0;
  if (!take(size, bits)) return false;
  const unsigned unused = static_cast<unsigned>(64 - 8 * size);
  const auto number = static_cast<std::int64_t>(bits << unused) >> unused;
  negative = number < 0;
  magnitude = negative ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
  return true;
}

bool MsgpackReader::read_any_unsigned(std::uint64_t& value, std::uint64_t most) {
  bool negative = false;
  if (!read_integer(value, negative)) return false;
  return (!negative && value <= most) || fail(fmt::format("expected an integer from 0 to {}", most));
}

bool MsgpackReader::read_signed(std::int64_t& value, std::int64_t least, std::int64_t most) {
  std::uint64_t magnitude = 0;
  bool negative = false;
  if (!read_integer(magnitude, negative)) return false;
  constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool fits = magnitude <= limit + (negative ? 1 : 0);
  value = static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
  return (fits && value >= least && value <= most) ||
         fail(fmt::format("expected an integer from {} to {}", least, most));
}

bool MsgpackReader::read_double(double& value) {
  if (peek() != Kind::number) return fail("expected a number");
  std::uint64_t bits = 0;
  if (marker() == 0xCA) {
    if (!take(4, bits)) return false;
    value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    return true;
  }
  if (marker() == 0xCB) {
    if (!take(8, bits)) return false;
    value = std::bit_cast<double>(bits);
    return true;
  }
  bool negative = false;
  if (!read_integer(bits, negative)) return false;
  value = negative ? -static_cast<double>(bits) : static_cast<double>(bits);
  return true;
}

// ---- text and bytes

bool MsgpackReader::read_raw(std::string_view& value, bool& is_bin) {
  if (!ok() || at_ == end_) return fail("expected text");
  const unsigned char m = marker();
  is_bin = false;
  if (m >= 0xA0 && m <= 0xBF) [[likely]] {
    ++at_;
    return take_text(m & 0x1F, value);
  }
  std::uint64_t size = 0;
  if (m >= 0xD9 && m <= 0xDB) {
    if (!take(std::size_t{1} << (m - 0xD9), size)) return false;
  } else if (m >= 0xC4 && m <= 0xC6) {
    is_bin = true;
    if (!take(std::size_t{1} << (m - 0xC4), size)) return false;
  } else {
    return fail("expected text");
  }
  return take_text(size, value);
}

bool MsgpackReader::read_any_text(std::string_view& value) {
  bool is_bin = false;
  if (!read_raw(value, is_bin)) return false;
  return is_utf8(value) || fail("text that is not UTF-8");
}

bool MsgpackReader::read_any_header_value(std::string_view& value) {
  bool is_bin = false;
  if (!read_raw(value, is_bin)) return false;
  return (is_bin && bin_.raw_header_values) || is_utf8(value) || fail("text that is not UTF-8");
}

bool MsgpackReader::read_bytes(base::ByteView& value) {
  std::string_view raw;
  bool is_bin = false;
  if (!read_raw(raw, is_bin)) return false;
  if (is_bin && bin_.raw_bodies) {
    value = base::as_bytes(raw);
    return true;
  }
  return decode_base64(raw, *arena_, value) || fail("data that is not base64");
}

// ---- arrays and maps

bool MsgpackReader::too_many_items() { return fail(fmt::format("more than {} values", base::limits::max_items)); }

bool MsgpackReader::refuse_to_enter() {
  if (depth_ > base::limits::max_nesting)
    return fail(fmt::format("more than {} levels of nesting", base::limits::max_nesting));
  return fail("an array or map that is cut short");
}

bool MsgpackReader::begin_long_array(Cursor& cursor) {
  if (peek() != Kind::array) return fail("expected an array");
  std::uint64_t items = 0;
  return take(marker() == 0xDC ? 2 : 4, items) && enter(items, 1, cursor);
}

bool MsgpackReader::begin_long_object(Cursor& cursor) {
  if (peek() != Kind::object) return fail("expected a map");
  std::uint64_t items = 0;
  return take(marker() == 0xDE ? 2 : 4, items) && enter(items, 2, cursor);
}

bool MsgpackReader::next_member(Cursor& cursor, std::string_view& key) {
  return next_element(cursor) && read_text(key);
}

bool MsgpackReader::next_field(Cursor& cursor, std::span<const std::string_view> names, std::string_view& key) {
  if (!next_element(cursor)) return false;
  if (peek() != Kind::number) return read_text(key);
  std::uint64_t number = 0;
  if (!read_unsigned(number, std::numeric_limits<std::uint64_t>::max())) return false;
  key = number < names.size() ? names[number] : std::string_view{};
  return true;
}

// ---- any value

bool MsgpackReader::read_value(Value& value) {
  switch (peek()) {
    case Kind::null: value.data = Value::Null{}; return read_null();
    case Kind::boolean: return read(value.data.emplace<bool>());
    case Kind::text: return read_text(value.data.emplace<std::string_view>());
    case Kind::number: {
      if (marker() == 0xCA || marker() == 0xCB) return read_double(value.data.emplace<double>());
      std::uint64_t magnitude = 0;
      bool negative = false;
      if (!read_integer(magnitude, negative)) return false;
      if (negative) {
        value.data = static_cast<std::int64_t>(~magnitude + 1);
      } else if (magnitude <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        value.data = static_cast<std::int64_t>(magnitude);
      } else {
        value.data = magnitude;
      }
      return true;
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
      if (!begin_object(cursor)) return false;
      while (next_element(cursor)) {
        Member member;
        if (peek() != Kind::text) return fail("expected a text as key");
        if (!read_text(member.name) || !read_value(member.value)) return false;
        members.push_back(member);
      }
      value.data = Value::Object{members.items()};
      return ok();
    }
    default: return fail("a value that has no JSON form");
  }
}

bool MsgpackReader::skip() {
  switch (peek()) {
    case Kind::null:
    case Kind::boolean: ++at_; return true;
    case Kind::text: {
      std::string_view ignored;
      return read_text(ignored);
    }
    case Kind::bytes: {
      std::string_view ignored;
      bool is_bin = false;
      return read_raw(ignored, is_bin);
    }
    case Kind::number: {
      double ignored = 0;
      return read_double(ignored);
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
      if (!begin_object(cursor)) return false;
      while (next_element(cursor))
        if (!skip() || !skip()) return false;
      return ok();
    }
    case Kind::invalid: break;
  }
  if (!ok() || at_ == end_) return fail("a value that is cut short");
  // ext: fixext 1-16 have their size in the marker, the others behind it; all have one byte of type.
  const unsigned char m = marker();
  std::uint64_t size = 0;
  if (m >= 0xD4 && m <= 0xD8) {
    size = std::uint64_t{1} << (m - 0xD4);
    ++at_;
  } else if (m < 0xC7 || m > 0xC9) {
    return fail("the marker that MessagePack never uses");
  } else if (!take(std::size_t{1} << (m - 0xC7), size)) {
    return false;
  }
  std::string_view ignored;
  return take_text(size + 1, ignored);
}

}  // namespace picket::wire::internal

#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/bytes.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/internal/json_reader.hpp"
#include "picket/wire/value.hpp"

namespace picket::wire::internal {

/// A validating pull parser over one MessagePack value (the specification's 2017 text). Same interface as JsonReader.
///
/// Text is read from str and bin, and is a view of the document. Integers of any width are taken, floats where a float
/// is wanted. Every length is checked against what is left before anything is reserved, so a lie costs nothing.
class MsgpackReader {
 public:
  /// What bin stands for: the bytes themselves, or the text that would have been str.
  struct Bin {
    bool raw_bodies = false;  ///< Else base64 text.
    bool raw_header_values = false;
  };

  MsgpackReader(std::string_view document, base::Arena& arena, Bin bin) noexcept
      : begin_(document.data()),
        at_(document.data()),
        end_(document.data() + document.size()),
        arena_(&arena),
        bin_(bin) {}

  [[nodiscard]] Kind peek() const noexcept { return at_ == end_ ? Kind::invalid : kinds[marker()]; }

  bool read(bool& value) {
    if (at_ == end_ || (marker() | 1) != 0xC3) return fail("expected a boolean");
    value = marker() == 0xC3;
    ++at_;
    return true;
  }
  bool read_unsigned(std::uint64_t& value, std::uint64_t most) {
    if (at_ == end_ || marker() > 0x7F || marker() > most) return read_any_unsigned(value, most);
    value = marker();
    ++at_;
    return true;
  }
  bool read_signed(std::int64_t& value, std::int64_t least, std::int64_t most);
  bool read_double(double& value);
  bool read_text(std::string_view& value) { return read_plain_text(value) || read_any_text(value); }
  bool read_bytes(base::ByteView& value);
  bool read_header_value(std::string_view& value) { return read_plain_text(value) || read_any_header_value(value); }
  bool read_value(Value& value);
  bool read_null() {
    if (at_ == end_ || marker() != 0xC0) return fail("expected nil");
    ++at_;
    return true;
  }
  bool skip();

  struct Cursor {
    std::uint64_t left = 0;
  };
  bool begin_array(Cursor& cursor) {
    if (at_ == end_ || (marker() & 0xF0) != 0x90) return begin_long_array(cursor);
    const unsigned items = marker() & 0xF;
    ++at_;
    return enter(items, 1, cursor);
  }
  bool next_element(Cursor& cursor) noexcept {
    if (cursor.left == 0) {
      leave();
      return false;
    }
    --cursor.left;
    return true;
  }
  bool begin_object(Cursor& cursor) {
    if (at_ == end_ || (marker() & 0xF0) != 0x80) return begin_long_object(cursor);
    const unsigned items = marker() & 0xF;
    ++at_;
    return enter(items, 2, cursor);
  }
  bool next_member(Cursor& cursor, std::string_view& key);
  /// A key may be the number of one of `names`, which then is `key`; a number that is none gives empty text, which is
  /// no field's name either.
  bool next_field(Cursor& cursor, std::span<const std::string_view> names, std::string_view& key);

  // As in JsonReader.
  template <std::size_t size>
  bool next_is(Cursor& cursor, const FieldName<size>& name) noexcept {
    static_assert(size < 32, "a name that has its length in the marker");
    if (cursor.left == 0 || left() <= size || marker() != (0xA0 | size) ||
        std::memcmp(at_ + 1, name.plain().data(), size) != 0)
      return false;
    at_ += size + 1;
    --cursor.left;
    return true;
  }
  bool read_empty_array() noexcept { return read_marker(0x90); }
  bool read_empty_object() noexcept { return read_marker(0x80); }
  bool read_only_header_value(std::string_view& value) {
    if (at_ == end_ || marker() != 0x91) return false;
    const char* const start = at_++;
    if (read_plain_text(value)) return count_items(1);
    at_ = start;
    return false;
  }

  /// Bytes may follow: the reference takes them.
  bool finish() { return ok(); }

  [[nodiscard]] bool ok() const noexcept { return error_.empty(); }
  bool fail(std::string_view what);
  [[nodiscard]] base::Error error() const;
  [[nodiscard]] base::Arena& arena() noexcept { return *arena_; }

 private:
  static const std::array<Kind, 256> kinds;  ///< By marker.

  /// Text of at most 255 bytes that is ASCII; false without having moved for any other.
  bool read_plain_text(std::string_view& value) noexcept {
    if (left() < 2) return false;
    const unsigned char m = marker();
    const bool fixed = (m & 0xE0) == 0xA0;
    if (!fixed && m != 0xD9) return false;
    const std::size_t size = fixed ? m & 0x1F : static_cast<unsigned char>(at_[1]);
    const char* const text = at_ + (fixed ? 1 : 2);
    if (static_cast<std::size_t>(end_ - text) < size || !is_ascii_padded(text, size)) [[unlikely]]
      return false;
    value = {text, size};
    at_ = text + size;
    return true;
  }
  bool read_marker(unsigned char wanted) noexcept {
    if (at_ == end_ || marker() != wanted) return false;
    ++at_;
    return true;
  }
  bool read_any_unsigned(std::uint64_t& value, std::uint64_t most);
  bool read_any_text(std::string_view& value);
  bool read_any_header_value(std::string_view& value);
  bool count_items(std::uint64_t items) { return (items_ += items) <= base::limits::max_items || too_many_items(); }
  bool too_many_items();
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] unsigned char marker() const noexcept { return static_cast<unsigned char>(*at_); }
  bool take(std::size_t size, std::uint64_t& big_endian);
  bool take_text(std::size_t size, std::string_view& value);
  bool read_raw(std::string_view& value, bool& is_bin);
  bool read_integer(std::uint64_t& magnitude, bool& negative);
  bool begin_long_array(Cursor& cursor);
  bool begin_long_object(Cursor& cursor);
  /// Every item takes at least a byte: a count that cannot be there is refused before anything is read.
  bool enter(std::uint64_t items, std::size_t bytes_per_item, Cursor& cursor) {
    cursor.left = items;
    if (++depth_ > base::limits::max_nesting || items * bytes_per_item > left()) [[unlikely]]
      return refuse_to_enter();
    return count_items(items);
  }
  bool refuse_to_enter();
  void leave() noexcept { --depth_; }

  const char* begin_;
  const char* at_;
  const char* end_;
  base::Arena* arena_;
  std::string error_;
  std::size_t depth_ = 0;
  std::uint64_t items_ = 0;  // elements and members announced so far
  Bin bin_;
};

}  // namespace picket::wire::internal

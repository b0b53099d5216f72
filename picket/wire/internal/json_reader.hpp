#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/bytes.hpp"
#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/internal/field_name.hpp"
#include "picket/wire/internal/scan.hpp"
#include "picket/wire/value.hpp"

namespace picket::wire::internal {

/// What stands next in a document, as far as a reader must know.
enum class Kind : std::uint8_t { null, boolean, number, text, bytes, array, object, invalid };

/// A validating pull parser over one JSON text (RFC 8259).
///
/// Every read validates what it consumes, what is skipped included, so a document that was read to its end() is
/// well-formed. Text is a view of the document; only text with escapes is copied to the arena. The first error sticks:
/// reads return false from then on. The document must be followed by limits::tail_padding readable bytes. Same
/// interface as MsgpackReader.
class JsonReader {
 public:
  /// `items`: that other documents of the same message had, which count towards its bound.
  JsonReader(std::string_view document, base::Arena& arena, std::size_t items = 0) noexcept
      : begin_(document.data()),
        at_(document.data()),
        end_(document.data() + document.size()),
        arena_(&arena),
        items_(items) {}

  /// What stands next, after white space. Does not move.
  [[nodiscard]] Kind peek() noexcept;

  bool read(bool& value) {
    value = read_plain_literal("true");
    return value || read_plain_literal("false") || read_any_boolean(value);
  }
  bool read_unsigned(std::uint64_t& value, std::uint64_t most) {
    return read_plain_unsigned(value, most) || read_any_unsigned(value, most);
  }
  bool read_signed(std::int64_t& value, std::int64_t least, std::int64_t most);
  /// null is read as NaN: JSON has no word for what is not finite, and this one is written for it, here and by serde.
  bool read_double(double& value);
  bool read_text(std::string_view& value) { return read_plain_text(value) || read_any_text(value); }
  /// Base64 text as the bytes it stands for.
  bool read_bytes(base::ByteView& value);
  /// Header values: any bytes; in JSON they are text.
  bool read_header_value(std::string_view& value) { return read_text(value); }
  bool read_value(Value& value);
  bool read_null() { return read_plain_literal("null") || expect("null"); }
  bool skip();

  /// Position within an array or object; made by the begin functions.
  struct Cursor {
    bool first = true;
  };
  bool begin_array(Cursor& cursor);
  /// True when another element follows: read it. False at the end, or after an error: see ok().
  bool next_element(Cursor& cursor);
  bool begin_object(Cursor& cursor);
  /// True when another member follows: `key` is set, read its value.
  bool next_member(Cursor& cursor, std::string_view& key) {
    const char* const start = at_;
    if (cursor.first || (at_ != end_ && *at_ == ',')) {
      at_ += cursor.first ? 0 : 1;
      if (read_plain_text(key) && at_ != end_ && *at_ == ':') [[likely]] {
        ++at_;
        cursor.first = false;
        return count_item();
      }
    }
    at_ = start;
    return next_any_member(cursor, key);
  }
  /// The same for a struct, whose fields other encodings may number.
  bool next_field(Cursor& cursor, std::span<const std::string_view>, std::string_view& key) {
    return next_member(cursor, key);
  }

  // What peers write nearly always, compared as it would stand there. Each is true when it was there and was stepped
  // over; false without having moved where it was not, or was written in another way.

  /// The next member is `name`: read its value.
  template <std::size_t size>
  bool next_is(Cursor& cursor, const FieldName<size>& name) {
    const char* const at = at_ + (cursor.first ? 0 : 1);
    if (static_cast<std::size_t>(end_ - at_) <= name.quoted.size() || (!cursor.first && *at_ != ',') ||
        std::memcmp(at, name.quoted.data(), name.quoted.size()) != 0)
      return false;
    at_ = at + name.quoted.size();
    cursor.first = false;
    return count_item();
  }
  /// The next value is an array of one text.
  bool read_only_text(std::string_view& value) {
    if (end_ - at_ < 4 || at_[0] != '[') return false;
    const char* const start = at_++;
    if (read_plain_text(value) && at_ != end_ && *at_ == ']') [[likely]] {
      ++at_;
      return count_item();
    }
    at_ = start;
    return false;
  }
  bool read_only_header_value(std::string_view& value) { return read_only_text(value); }
  bool read_empty_array() noexcept { return read_plain_literal("[]"); }
  bool read_empty_object() noexcept { return read_plain_literal("{}"); }

  /// Nothing but white space may follow.
  bool finish();

  /// Elements and members so far.
  [[nodiscard]] std::size_t items() const noexcept { return items_; }
  [[nodiscard]] bool ok() const noexcept { return error_.empty(); }
  /// Sticks where it is the first; returns false.
  bool fail(std::string_view what);
  [[nodiscard]] base::Error error() const;
  [[nodiscard]] base::Arena& arena() noexcept { return *arena_; }

 private:
  void skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  /// Text that stands here at once and is ASCII without escapes; false without having moved for any other.
  bool read_plain_text(std::string_view& value) noexcept {
    if (at_ == end_ || *at_ != '"') return false;
    const StringScan scan = scan_string(at_ + 1, end_);
    if (scan.end == end_ || *scan.end != '"' || !scan.ascii) [[unlikely]]
      return false;
    value = {at_ + 1, static_cast<std::size_t>(scan.end - at_ - 1)};
    at_ = scan.end + 1;
    return true;
  }
  template <std::size_t size>
  bool read_plain_literal(const char (&text)[size]) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < size - 1 || std::memcmp(at_, text, size - 1) != 0) return false;
    at_ += size - 1;
    return true;
  }
  /// At most 18 digits that end here; false, `value` changed or not, for anything else.
  bool read_plain_unsigned(std::uint64_t& value, std::uint64_t most) noexcept {
    const char* at = at_;
    value = 0;
    for (; at != end_ && *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    const std::ptrdiff_t digits = at - at_;
    if (digits == 0 || digits > 18 || (digits > 1 && *at_ == '0') || value > most) return false;
    if (at == end_ || (*at != ',' && *at != '}' && *at != ']')) return false;
    at_ = at;
    return true;
  }
  bool read_any_unsigned(std::uint64_t& value, std::uint64_t most);
  bool read_any_boolean(bool& value);
  bool next_any_member(Cursor& cursor, std::string_view& key);
  bool read_any_text(std::string_view& value);
  bool expect(std::string_view literal);
  bool enter();
  bool count_item() { return ++items_ <= base::limits::max_items || too_many_items(); }
  bool too_many_items();
  bool scan_number(std::string_view& token, bool& integer);
  bool read_escaped(std::string_view& value, const char* opening);
  bool read_escape(char*& out);
  bool read_hex4(char32_t& unit);

  const char* begin_;
  const char* at_;
  const char* end_;
  base::Arena* arena_;
  std::string error_;
  std::size_t depth_ = 0;
  std::size_t items_;
};

}  // namespace picket::wire::internal

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/bytes.hpp"
#include "picket/base/result.hpp"
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
  JsonReader(std::string_view document, base::Arena& arena) noexcept
      : begin_(document.data()), at_(document.data()), end_(document.data() + document.size()), arena_(&arena) {}

  /// What stands next, after white space. Does not move.
  [[nodiscard]] Kind peek() noexcept;

  bool read(bool& value);
  bool read_unsigned(std::uint64_t& value, std::uint64_t most);
  bool read_signed(std::int64_t& value, std::int64_t least, std::int64_t most);
  bool read_double(double& value);
  bool read_text(std::string_view& value);
  /// Base64 text as the bytes it stands for.
  bool read_bytes(base::ByteView& value);
  /// Header values: any bytes; in JSON they are text.
  bool read_header_value(std::string_view& value) { return read_text(value); }
  bool read_value(Value& value);
  bool read_null();
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
  bool next_member(Cursor& cursor, std::string_view& key);
  /// The same for a struct, whose fields other encodings may number.
  bool next_field(Cursor& cursor, std::span<const std::string_view>, std::string_view& key) {
    return next_member(cursor, key);
  }

  /// Nothing but white space may follow.
  bool finish();

  [[nodiscard]] bool ok() const noexcept { return error_.empty(); }
  /// Sticks where it is the first; returns false.
  bool fail(std::string_view what);
  [[nodiscard]] base::Error error() const;
  [[nodiscard]] base::Arena& arena() noexcept { return *arena_; }

 private:
  void skip_space() noexcept;
  bool expect(std::string_view literal);
  bool enter();
  bool count_item();
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
  std::size_t items_ = 0;  // elements and members so far
};

}  // namespace picket::wire::internal

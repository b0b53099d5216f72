#pragma once

#include <cstdint>
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

  [[nodiscard]] Kind peek() noexcept;

  bool read(bool& value);
  bool read_unsigned(std::uint64_t& value, std::uint64_t most);
  bool read_signed(std::int64_t& value, std::int64_t least, std::int64_t most);
  bool read_double(double& value);
  bool read_text(std::string_view& value);
  bool read_bytes(base::ByteView& value);
  bool read_header_value(std::string_view& value);
  bool read_value(Value& value);
  bool read_null();
  bool skip();

  struct Cursor {
    std::uint64_t left = 0;
  };
  bool begin_array(Cursor& cursor);
  bool next_element(Cursor& cursor);
  bool begin_object(Cursor& cursor);
  bool next_member(Cursor& cursor, std::string_view& key);
  /// A key may be the number of one of `names`, which then is `key`; a number that is none gives empty text, which is
  /// no field's name either.
  bool next_field(Cursor& cursor, std::span<const std::string_view> names, std::string_view& key);

  /// Bytes may follow: the reference takes them.
  bool finish() { return ok(); }

  [[nodiscard]] bool ok() const noexcept { return error_.empty(); }
  bool fail(std::string_view what);
  [[nodiscard]] base::Error error() const;
  [[nodiscard]] base::Arena& arena() noexcept { return *arena_; }

 private:
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] unsigned char marker() const noexcept { return static_cast<unsigned char>(*at_); }
  bool take(std::size_t size, std::uint64_t& big_endian);
  bool take_text(std::size_t size, std::string_view& value);
  bool read_raw(std::string_view& value, bool& is_bin);
  bool read_integer(std::uint64_t& magnitude, bool& negative);
  bool enter(std::uint64_t items, std::size_t bytes_per_item, Cursor& cursor);
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

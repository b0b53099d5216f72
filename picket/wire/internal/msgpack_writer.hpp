#pragma once

#include <cstdint>
#include <string_view>

#include "picket/base/bytes.hpp"
#include "picket/wire/internal/appender.hpp"
#include "picket/wire/internal/copy_text.hpp"
#include "picket/wire/value.hpp"

namespace picket::wire::internal {

/// Writes MessagePack, every value in its shortest form. Same interface as JsonWriter.
class MsgpackWriter {
 public:
  /// `raw_bytes`: bodies are bin and travel uncopied, header values that are not UTF-8 are bin; without it bodies are
  /// base64 text and other bytes become U+FFFD (protocol.md §3).
  MsgpackWriter(Output& output, bool raw_bytes) : out_(output), raw_bytes_(raw_bytes) {}

  void null() { one(0xC0); }
  void boolean(bool value) { one(value ? 0xC3 : 0xC2); }
  void unsigned_integer(std::uint64_t value);
  void signed_integer(std::int64_t value);
  void number(double value);
  void number(float value);
  void text(std::string_view value) { checked_text<Case::kept>(value); }
  void lower_case_text(std::string_view value) { checked_text<Case::lower>(value); }
  void bytes(base::ByteView value);
  void header_value(std::string_view value) { raw_bytes_ ? raw_header_value(value) : text(value); }
  void value(const Value& value);

  void begin_array(std::size_t size) { head(size, 0x90, 0xDC); }
  void end_array() {}
  void begin_object(std::size_t size) { head(size, 0x80, 0xDE); }
  void end_object() {}
  void element() {}
  void name(std::string_view name) { text(name); }
  void key(std::string_view key) { text(key); }
  void lower_case_key(std::string_view key) { lower_case_text(key); }

 private:
  void one(unsigned byte) {
    out_.need(1);
    out_.put(static_cast<char>(byte));
  }
  /// Copies while it looks, since nearly all text is ASCII; what is not is looked at once more.
  template <Case letters>
  void checked_text(std::string_view value) {
    out_.need(value.size() + 9);  // the longest that a head asks for, so that `start` stays where it is
    char* const start = out_.at();
    if (value.size() < 32) {
      *out_.at()++ = static_cast<char>(0xA0 | value.size());
    } else {
      long_text_head(value.size());
    }
    char* const at = out_.at();
    out_.at() += value.size();
    if (!copy_text<Plain::ascii, letters>(value.data(), value.size(), at)) [[unlikely]]
      check_text(value, start);
  }
  void check_text(std::string_view value, char* start);
  void raw_header_value(std::string_view value);
  void head(std::size_t size, unsigned short_form, unsigned long_form);
  void text_head(std::size_t size);
  void long_text_head(std::size_t size);
  void bin_head(std::size_t size);
  void big_endian(unsigned marker, std::uint64_t value, std::size_t size);
  void replaced_text(std::string_view value);

  Appender out_;
  bool raw_bytes_;
};

}  // namespace picket::wire::internal

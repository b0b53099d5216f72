#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "picket/base/bytes.hpp"
#include "picket/wire/internal/appender.hpp"
#include "picket/wire/internal/copy_text.hpp"
#include "picket/wire/internal/field_name.hpp"
#include "picket/wire/internal/field_runs_avx2.hpp"
#include "picket/wire/internal/header_fields_avx2.hpp"
#include "picket/wire/internal/msgpack_head.hpp"
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
  void unsigned_integer(std::uint64_t value) {
    out_.need(number_room);
    out_.at() = put_number(value, out_.at());
  }
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
  template <std::size_t size>
  void name(const FieldName<size>& name) {
    text(name.plain());
  }
  template <std::size_t size>
  void text_field(const FieldName<size>& name, std::string_view value) {
    text(name.plain());
    text(value);
  }
  /// Never: the caller writes them one by one, as few structs have names here.
  template <Described T, class Fields>
  [[nodiscard]] bool simple_members(const T& /*message*/, Fields /*fields*/) {
    return false;
  }
  /// Writes the elements of a struct that have these numbers, a run (field_runs.hpp); false where they are to be
  /// written one by one.
  template <Described T, std::size_t... index>
  [[nodiscard]] bool simple_elements([[maybe_unused]] const T& message,
                                     [[maybe_unused]] std::index_sequence<index...> fields) {
#if defined(PICKET_HAS_AVX2)
    if (has_avx2() && avx2::all_are_short(message, fields)) {
      out_.need(avx2::room_for<avx2::MsgpackRun>(message, fields));
      return avx2::put_run<avx2::MsgpackRun>(message, fields, out_.at());
    }
#endif
    return false;
  }
  template <std::size_t size>
  void boolean_field(const FieldName<size>& name, bool value) {
    text(name.plain());
    boolean(value);
  }
  template <std::size_t size>
  void null_field(const FieldName<size>& name) {
    text(name.plain());
    null();
  }
  template <std::size_t size>
  void empty_array_field(const FieldName<size>& name) {
    text(name.plain());
    begin_array(0);
  }
  template <std::size_t size>
  void empty_object_field(const FieldName<size>& name) {
    text(name.plain());
    begin_object(0);
  }
  /// A header with one value, as a member: the name, an array of one.
  [[gnu::always_inline]] void header_field(std::string_view name, std::string_view value) {
    out_.need(name.size() + value.size() + 5);
    if (name.size() > 0xFF || value.size() > 0xFF) [[unlikely]]
      return any_header_field(name, value);
    char* at = put_short_text_head(name.size(), out_.at());
    const bool plain_name = copy_text<Plain::ascii, Case::lower>(name.data(), name.size(), at);
    at += name.size();
    *at++ = static_cast<char>(0x91);
    at = put_short_text_head(value.size(), at);
    const bool plain_value = copy_text<Plain::ascii, Case::kept>(value.data(), value.size(), at);
    if (!plain_name || !plain_value) [[unlikely]]
      return any_header_field(name, value);
    out_.at() = at + value.size();
  }
  /// Writes `fields`, the first at least; returns how many.
  [[nodiscard]] std::size_t header_fields(std::span<const Header> fields) {
#if defined(PICKET_HAS_AVX2)
    if (has_avx2()) {
      if (const std::size_t done = put_msgpack_fields_avx2(fields, out_.at(), out_.limit()); done != 0) {
        return done;
      }
      fields = fields.first(1);  // which needs more than copying
    }
#endif
    for (const auto& [name, value] : fields) header_field(name, value);
    return fields.size();
  }
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
    if (value.size() <= 0xFF) [[likely]] {
      out_.at() = put_short_text_head(value.size(), start);
    } else {
      long_text_head(value.size());
    }
    char* const at = out_.at();
    out_.at() = at + value.size();
    if (!copy_text<Plain::ascii, letters>(value.data(), value.size(), at)) [[unlikely]]
      check_text(value, start);
  }
  void any_header_field(std::string_view name, std::string_view value);
  void check_text(std::string_view value, char* start);
  void raw_header_value(std::string_view value);
  void head(std::size_t size, unsigned short_form, unsigned long_form) {
    if (size < 16) return one(static_cast<unsigned>(short_form | size));
    long_head(size, long_form);
  }
  void long_head(std::size_t size, unsigned long_form);
  void text_head(std::size_t size);
  void long_text_head(std::size_t size);
  void bin_head(std::size_t size);
  void big_endian(unsigned marker, std::uint64_t value, std::size_t size);
  void replaced_text(std::string_view value);

  Appender out_;
  bool raw_bytes_;
};

}  // namespace picket::wire::internal

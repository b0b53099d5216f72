#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "picket/base/bytes.hpp"
#include "picket/wire/internal/appender.hpp"
#include "picket/wire/internal/copy_text.hpp"
#include "picket/wire/internal/field_name.hpp"
#include "picket/wire/internal/field_runs_avx2.hpp"
#include "picket/wire/internal/header_fields_avx2.hpp"
#include "picket/wire/value.hpp"

namespace picket::wire::internal {

/// Writes JSON. Text that is not UTF-8 is written with U+FFFD in place of each bad byte. Same interface as
/// MsgpackWriter.
class JsonWriter {
 public:
  explicit JsonWriter(Output& output) : out_(output) {}

  void null() { literal("null"); }
  void boolean(bool value) { value ? literal("true") : literal("false"); }
  void unsigned_integer(std::uint64_t value) {
    if (value >= 10) return long_integer(value);
    one(static_cast<char>('0' + value));
  }
  void signed_integer(std::int64_t value);
  void number(double value);
  void number(float value);
  void text(std::string_view value) { quoted<Case::kept>(value); }
  void lower_case_text(std::string_view value) { quoted<Case::lower>(value); }
  void bytes(base::ByteView value);
  void header_value(std::string_view value) { text(value); }
  void value(const Value& value);

  void begin_array(std::size_t /*size*/) { open('['); }
  void end_array() { close(']'); }
  void begin_object(std::size_t /*size*/) { open('{'); }
  void end_object() { close('}'); }
  /// Before every element of an array.
  void element() {
    out_.need(1);
    char* const at = out_.at();
    *at = ',';
    out_.at() = at + separator_;
    separator_ = 1;
  }
  /// Before every member: a name that needs no escaping.
  void name(std::string_view name) {
    out_.need(name.size() + 4);
    char* at = out_.at();
    *at = ',';
    at += separator_;
    *at++ = '"';
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    std::memcpy(at, "\":", 2);
    out_.at() = at + 2;
    separator_ = 1;
  }
  template <std::size_t size>
  void name(const FieldName<size>& name) {
    out_.need(size + 4);
    out_.at() = put_name(name, out_.at());
    separator_ = 1;
  }
  /// A struct's member that is a text.
  template <std::size_t size>
  void text_field(const FieldName<size>& name, std::string_view value) {
    out_.need(size + 4 + value.size() + 2);
    char* const at = put_name(name, out_.at());
    separator_ = 1;
    if (!copy_text<Plain::json, Case::kept>(value.data(), value.size(), at + 1)) [[unlikely]] {
      out_.at() = at;
      return escaped<Case::kept>(value);
    }
    *at = '"';
    at[value.size() + 1] = '"';
    out_.at() = at + value.size() + 2;
  }
  /// Writes the members of a struct that have these numbers, a run (field_runs.hpp); false where they are to be written
  /// one by one.
  template <Described T, std::size_t... index>
  [[nodiscard]] bool simple_members([[maybe_unused]] const T& message,
                                    [[maybe_unused]] std::index_sequence<index...> fields) {
#if defined(PICKET_HAS_AVX2)
    if (has_avx2()) {
      out_.need(avx2::room_for<avx2::JsonRun>(message, fields));
      if (avx2::put_run<avx2::JsonRun>(message, fields, out_.at(), separator_)) {
        separator_ = 1;
        return true;
      }
    }
#endif
    return false;
  }
  /// Never: structs are objects here.
  template <Described T, class Fields>
  [[nodiscard]] bool simple_elements(const T& /*message*/, Fields /*fields*/) {
    return false;
  }
  template <std::size_t size>
  void boolean_field(const FieldName<size>& name, bool value) {
    value ? literal_field(name, "true") : literal_field(name, "false");
  }
  template <std::size_t size>
  void null_field(const FieldName<size>& name) {
    literal_field(name, "null");
  }
  template <std::size_t size>
  void empty_array_field(const FieldName<size>& name) {
    literal_field(name, "[]");
  }
  template <std::size_t size>
  void empty_object_field(const FieldName<size>& name) {
    literal_field(name, "{}");
  }
  /// A header with one value, as a member: `"name":["value"]`.
  [[gnu::always_inline]] void header_field(std::string_view name, std::string_view value) {
    out_.need(name.size() + value.size() + 9);
    char* at = out_.at();
    *at = ',';
    at += separator_;
    *at++ = '"';
    const bool plain_name = copy_text<Plain::json, Case::lower>(name.data(), name.size(), at);
    at += name.size();
    std::memcpy(at, "\":[\"", 4);
    at += 4;
    const bool plain_value = copy_text<Plain::json, Case::kept>(value.data(), value.size(), at);
    at += value.size();
    std::memcpy(at, "\"]", 2);
    if (!plain_name || !plain_value) [[unlikely]]
      return escaped_header_field(name, value);
    out_.at() = at + 2;
    separator_ = 1;
  }
  /// Writes `fields`, the first at least; returns how many.
  [[nodiscard]] std::size_t header_fields(std::span<const Header> fields) {
#if defined(PICKET_HAS_AVX2)
    if (has_avx2()) {
      if (const std::size_t done = put_json_fields_avx2(fields, separator_, out_.at(), out_.limit()); done != 0) {
        separator_ = 1;
        return done;
      }
      fields = fields.first(1);  // which needs more than copying
    }
#endif
    for (const auto& [name, value] : fields) header_field(name, value);
    return fields.size();
  }
  /// Before every member of a map: any name.
  void key(std::string_view key) {
    element();
    text(key);
    one(':');
  }
  void lower_case_key(std::string_view key) {
    element();
    lower_case_text(key);
    one(':');
  }

 private:
  // Everywhere below the position is a local variable until the end: bytes written through a char pointer may be any
  // object's, so the compiler would load it again after each of them.
  void one(char byte) {
    out_.need(1);
    char* const at = out_.at();
    *at = byte;
    out_.at() = at + 1;
  }
  template <std::size_t size>
  [[nodiscard]] char* put_name(const FieldName<size>& name, char* at) const noexcept {
    *at = ',';
    at += separator_;
    std::memcpy(at, name.quoted.data(), name.quoted.size());
    return at + name.quoted.size();
  }
  template <std::size_t size, std::size_t length>
  void literal_field(const FieldName<size>& name, const char (&text)[length]) {
    out_.need(size + 4 + length);
    char* const at = put_name(name, out_.at());
    std::memcpy(at, text, length - 1);
    out_.at() = at + length - 1;
    separator_ = 1;
  }
  void escaped_header_field(std::string_view name, std::string_view value);
  template <std::size_t size>
  void literal(const char (&text)[size]) {
    out_.need(size - 1);
    char* const at = out_.at();
    std::memcpy(at, text, size - 1);
    out_.at() = at + size - 1;
  }
  void open(char bracket) {
    one(bracket);
    separator_ = 0;
  }
  void close(char bracket) {
    one(bracket);
    separator_ = 1;
  }
  void long_integer(std::uint64_t value);
  template <class T>
  void real(T value);

  /// Nearly all text is plain: it is copied at once, and only text that turns out otherwise is written again.
  template <Case letters>
  void quoted(std::string_view value) {
    out_.need(value.size() + 2);
    char* const at = out_.at();
    if (!copy_text<Plain::json, letters>(value.data(), value.size(), at + 1)) [[unlikely]]
      return escaped<letters>(value);
    *at = '"';
    at[value.size() + 1] = '"';
    out_.at() = at + value.size() + 2;
  }
  template <Case letters>
  void escaped(std::string_view value);
  template <Case letters>
  void escape(std::string_view part);

  Appender out_;
  std::size_t separator_ = 0;  ///< 1 where a comma stands before what comes next.
};

}  // namespace picket::wire::internal

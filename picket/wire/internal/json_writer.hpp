#pragma once

#include <cstdint>
#include <string_view>

#include "picket/base/bytes.hpp"
#include "picket/wire/internal/appender.hpp"
#include "picket/wire/value.hpp"

namespace picket::wire::internal {

/// Writes JSON. Text that is not UTF-8 is written with U+FFFD in place of each bad byte. Same interface as
/// MsgpackWriter.
class JsonWriter {
 public:
  enum class Case : std::uint8_t { kept, lower };

  explicit JsonWriter(Output& output) : out_(output) {}

  void null() { out_.write("null"); }
  void boolean(bool value) { out_.write(value ? std::string_view{"true"} : std::string_view{"false"}); }
  void unsigned_integer(std::uint64_t value);
  void signed_integer(std::int64_t value);
  void number(double value);
  void number(float value);
  void text(std::string_view value);
  void lower_case_text(std::string_view value);
  void bytes(base::ByteView value);
  void header_value(std::string_view value) { text(value); }
  void value(const Value& value);

  void begin_array(std::size_t /*size*/) { open('['); }
  void end_array() { close(']'); }
  void begin_object(std::size_t /*size*/) { open('{'); }
  void end_object() { close('}'); }
  /// Before every element of an array.
  void element() { separate(); }
  /// Before every member: a name that needs no escaping.
  void name(std::string_view name) {
    separate();
    out_.need(name.size() + 3);
    out_.put('"');
    out_.put(name);
    out_.put("\":");
  }
  /// Before every member of a map: any name.
  void key(std::string_view key) {
    separate();
    text(key);
    out_.write(":");
  }
  void lower_case_key(std::string_view key) {
    separate();
    lower_case_text(key);
    out_.write(":");
  }

 private:
  void separate() {
    out_.need(1);
    if (!first_) out_.put(',');
    first_ = false;
  }
  void open(char bracket) {
    out_.need(1);
    out_.put(bracket);
    first_ = true;
  }
  void close(char bracket) {
    out_.need(1);
    out_.put(bracket);
    first_ = false;
  }
  template <Case letters>
  void quoted(std::string_view value);
  template <Case letters>
  void escape(std::string_view part);

  Appender out_;
  bool first_ = true;
};

}  // namespace picket::wire::internal

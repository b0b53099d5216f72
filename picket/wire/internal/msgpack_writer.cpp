#include "picket/wire/internal/msgpack_writer.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include "picket/wire/internal/base64.hpp"
#include "picket/wire/internal/utf8.hpp"

namespace picket::wire::internal {

void MsgpackWriter::big_endian(unsigned marker, std::uint64_t value, std::size_t size) {
  out_.need(number_room);
  out_.at() = put_big_endian(marker, value, size, out_.at());
}

void MsgpackWriter::signed_integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0) return unsigned_integer(bits);
  if (value >= -32) return one(static_cast<unsigned>(bits & 0xFF));
  if (value >= std::numeric_limits<std::int8_t>::min()) return big_endian(0xD0, bits, 1);
  if (value >= std::numeric_limits<std::int16_t>::min()) return big_endian(0xD1, bits, 2);
  if (value >= std::numeric_limits<std::int32_t>::min()) return big_endian(0xD2, bits, 4);
  big_endian(0xD3, bits, 8);
}

void MsgpackWriter::number(double value) { big_endian(0xCB, std::bit_cast<std::uint64_t>(value), 8); }
void MsgpackWriter::number(float value) { big_endian(0xCA, std::bit_cast<std::uint32_t>(value), 4); }

void MsgpackWriter::long_head(std::size_t size, unsigned long_form) {
  if (size <= 0xFFFF) return big_endian(long_form, size, 2);
  big_endian(long_form + 1, size, 4);
}

void MsgpackWriter::text_head(std::size_t size) {
  if (size < 32) return one(static_cast<unsigned>(0xA0 | size));
  long_text_head(size);
}

void MsgpackWriter::long_text_head(std::size_t size) {
  if (size <= 0xFF) return big_endian(0xD9, size, 1);
  if (size <= 0xFFFF) return big_endian(0xDA, size, 2);
  big_endian(0xDB, size, 4);
}

void MsgpackWriter::bin_head(std::size_t size) {
  if (size <= 0xFF) return big_endian(0xC4, size, 1);
  if (size <= 0xFFFF) return big_endian(0xC5, size, 2);
  big_endian(0xC6, size, 4);
}

/// What was written as text turned out not to be ASCII.
void MsgpackWriter::check_text(std::string_view value, char* start) {
  if (is_utf8(value)) return;
  out_.at() = start;
  replaced_text(value);
}

/// The length stands before the text, so it is counted first.
void MsgpackWriter::replaced_text(std::string_view value) {
  std::size_t size = 0;
  for (std::string_view rest = value; !rest.empty();) {
    const std::size_t sequence = utf8_sequence(rest);
    size += sequence != 0 ? sequence : replacement_character.size();
    rest.remove_prefix(sequence != 0 ? sequence : 1);
  }
  text_head(size);
  out_.need(size);
  while (!value.empty()) {
    const std::size_t sequence = utf8_sequence(value);
    out_.put(sequence != 0 ? value.substr(0, sequence) : replacement_character);
    value.remove_prefix(sequence != 0 ? sequence : 1);
  }
}

void MsgpackWriter::any_header_field(std::string_view name, std::string_view value) {
  lower_case_key(name);
  begin_array(1);
  header_value(value);
}

void MsgpackWriter::raw_header_value(std::string_view value) {
  if (is_utf8(value)) return text(value);
  bin_head(value.size());
  out_.write(value);
}

void MsgpackWriter::bytes(base::ByteView value) {
  if (raw_bytes_) {
    bin_head(value.size());
    out_.splice(value);
    return;
  }
  const std::size_t size = base64_size(value.size());
  text_head(size);
  out_.need(size);
  encode_base64(value, out_.at());
  out_.at() += size;
}

void MsgpackWriter::value(const Value& value) {
  if (value.is_null()) return null();
  if (const auto* const boolean_value = value.get<bool>()) return boolean(*boolean_value);
  if (const auto* const integer = value.get<std::int64_t>()) return signed_integer(*integer);
  if (const auto* const large = value.get<std::uint64_t>()) return unsigned_integer(*large);
  if (const auto* const real = value.get<double>()) return number(*real);
  if (const auto* const words = value.get<std::string_view>()) return text(*words);
  if (const auto* const list = value.get<Value::List>()) {
    begin_array(list->size());
    for (const Value& item : *list) this->value(item);
    return;
  }
  const auto& members = *value.get<Value::Object>();
  begin_object(members.size());
  for (const Member& member : members) {
    key(member.name);
    this->value(member.value);
  }
}

}  // namespace picket::wire::internal

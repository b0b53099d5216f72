#include "picket/wire/internal/protobuf_reader.hpp"

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/wire/internal/json_reader.hpp"
#include "picket/wire/internal/utf8.hpp"

namespace picket::wire::internal {

/// After an error nothing is left to read.
bool ProtobufReader::fail(std::string_view what) {
  if (error_.empty()) error_ = fmt::format("{} at byte {}", what, at_ - begin_);
  at_ = end_;
  return false;
}

bool ProtobufReader::within(std::string_view name) {
  error_ = fmt::format("{}{}{}", name, is_named_ ? "." : ": ", error_);
  is_named_ = true;
  return false;
}

base::Error ProtobufReader::error() const { return base::fail(base::ErrorKind::invalid_message, error_); }

bool ProtobufReader::take_memory(std::size_t size) {
  if (size > memory_left_) return fail("lists that take many times the size of their message");
  memory_left_ -= size;
  return true;
}

bool ProtobufReader::read_tag(std::uint32_t& number, WireType& type) {
  std::uint64_t tag = 0;
  if (!read_varint(tag)) return false;
  if (tag >> 3 == 0 || tag >> 3 > largest_field_number)
    return fail(fmt::format("{} where a field's number is expected", tag >> 3));
  if ((tag & 7) > static_cast<std::uint64_t>(WireType::fixed32))
    return fail(fmt::format("the wire type {}, which there is not", tag & 7));
  number = static_cast<std::uint32_t>(tag >> 3);
  type = static_cast<WireType>(tag & 7);
  return true;
}

bool ProtobufReader::read_long_varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; at_ != end_; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at_);
    if (shift == 63 && byte > 1) return fail("a number of more than 64 bits");
    ++at_;
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  return fail("a number that is cut short");
}

bool ProtobufReader::check_text(std::string_view text) { return is_utf8(text) || fail("text that is not UTF-8"); }

bool ProtobufReader::parse_json(std::string_view text, Value& value, std::string& wrong) {
  JsonReader json{text, *arena_, json_items_};
  const bool ok = json.read_value(value) && json.finish();
  json_items_ = json.items();
  if (!ok) wrong = json.error().detail();
  return ok;
}

bool ProtobufReader::read_json(Value& value) {
  std::string_view text;
  std::string wrong;
  if (!read_text(text)) return false;
  value.data = Value::Null{};
  return text.empty() || parse_json(text, value, wrong) || fail("JSON text: " + wrong + " of it, which ends");
}

bool ProtobufReader::read_json_or_text(Value& value) {
  std::string_view text;
  std::string wrong;
  if (!read_text(text)) return false;
  if (!parse_json(text, value, wrong)) value.data = text;
  return true;
}

bool ProtobufReader::skip(std::uint32_t number, WireType type) {
  if (type == WireType::group_begin) return skip_group(number, 1);
  return skip_value(type);
}

bool ProtobufReader::skip_value(WireType type) {
  std::uint64_t number = 0;
  std::uint32_t half = 0;
  std::string_view bytes;
  switch (type) {
    case WireType::varint: return read_varint(number);
    case WireType::fixed64: return read_fixed(number);
    case WireType::fixed32: return read_fixed(half);
    case WireType::bytes: return read_bytes(bytes);
    default: return fail("the end of a group that did not begin");
  }
}

/// Fields until the end of the group. No peer that exists writes groups; proto3 asks to step over them.
bool ProtobufReader::skip_group(std::uint32_t number, std::size_t depth) {
  if (depth > base::limits::max_nesting)
    return fail(fmt::format("more than {} levels of groups", base::limits::max_nesting));
  while (!at_end()) {
    std::uint32_t inner = 0;
    WireType type{};
    if (!read_tag(inner, type)) return false;
    if (type == WireType::group_end) return inner == number || fail("the end of another group");
    if (type == WireType::group_begin ? !skip_group(inner, depth + 1) : !skip_value(type)) return false;
  }
  return fail("a group that is cut short");
}

}  // namespace picket::wire::internal

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "picket/base/bytes.hpp"
#include "picket/wire/internal/appender.hpp"
#include "picket/wire/internal/copy_text.hpp"
#include "picket/wire/internal/header_fields_avx2.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"
#include "picket/wire/messages.hpp"

namespace picket::wire::internal {

/// Writes protobuf's fields, each where it is called for. Every number and length is in its shortest form.
///
/// A message stands behind its length, which is known once it was written: room is left for it, and where the guess was
/// wrong the message is moved. Text is UTF-8, and has U+FFFD where what it was made from is not: peers refuse a message
/// whole for one string that is not UTF-8.
class ProtobufWriter {
 public:
  explicit ProtobufWriter(Output& output) : out_(output) {}

  template <std::uint32_t number>
  void varint(std::uint64_t value) {
    out_.need(longest_tag + longest_varint);
    out_.at() = put_varint(value, put_tag<number, WireType::varint>(out_.at()));
  }
  template <std::uint32_t number>
  void real(double value) {
    fixed<number, WireType::fixed64>(std::bit_cast<std::uint64_t>(value));
  }
  template <std::uint32_t number>
  void real(float value) {
    fixed<number, WireType::fixed32>(std::bit_cast<std::uint32_t>(value));
  }
  template <std::uint32_t number, Case letters = Case::kept>
  void text(std::string_view value) {
    out_.need(longest_tag + longest_length + value.size());
    char* const start = put_tag<number, WireType::bytes>(out_.at());
    char* const at = put_varint(value.size(), start);
    out_.at() = at + value.size();
    if (!copy_text<Plain::ascii, letters>(value.data(), value.size(), at)) [[unlikely]]
      check_text(value, start, letters);
  }
  template <std::uint32_t number>
  void bytes(base::ByteView value) {
    out_.need(longest_tag + longest_length);
    out_.at() = put_varint(value.size(), put_tag<number, WireType::bytes>(out_.at()));
    out_.splice(value);
  }
  /// A value without a tag: of a packed list.
  void packed(std::uint64_t value) {
    out_.need(longest_varint);
    out_.at() = put_varint(value, out_.at());
  }
  /// As JSON text.
  template <std::uint32_t number>
  void json(const Value& value) {
    const Open open = begin<number>();
    write_json_text(value);
    end(open);
  }
  /// An entry of a map: two texts, left out where they are empty.
  template <std::uint32_t number>
  void entry(std::string_view key, std::string_view value) {
    if (pair<number, Case::kept>(key, value)) return;
    const Open open = begin<number>();
    text<1>(key);
    text<2>(value);
    end(open);
  }
  /// A header field: the same, and where the value is not UTF-8 its exact bytes beside it (protocol.md, gRPC).
  template <std::uint32_t number, Case letters>
  void header(std::string_view name, std::string_view value) {
    if (pair<number, letters>(name, value)) return;
    const Open open = begin<number>();
    text<1, letters>(name);
    text<2>(value);
    if (!is_text(value)) bytes<raw_header_value>(base::as_bytes(value));
    end(open);
  }
  /// A head's fields, with their names in lower case.
  template <std::uint32_t number>
  void headers(std::span<const Header> fields) {
    while (!fields.empty()) {
#if defined(PICKET_HAS_AVX2)
      if (has_avx2()) {
        constexpr std::uint32_t tag = tag_of(number, WireType::bytes);
        fields = fields.subspan(put_protobuf_fields_avx2<tag>(fields, out_.at(), out_.limit()));
        if (fields.empty()) return;  // else the first needs more than copying
      }
#endif
      header<number, Case::lower>(fields.front().name, fields.front().value);
      fields = fields.subspan(1);
    }
  }

  /// A message whose length comes when it was written.
  struct Open {
    std::size_t size;   ///< Of the output, before the message's content.
    std::size_t bytes;  ///< The same without bodies.
    std::uint8_t length_size;
    std::uint8_t header_size;  ///< Tag and length.
  };
  /// `length_size`: bytes that the length will likely take, 1 or 2.
  template <std::uint32_t number>
  [[nodiscard]] Open begin(std::uint8_t length_size = 1) {
    out_.need(longest_tag + 2);
    char* const start = out_.at();
    out_.at() = put_tag<number, WireType::bytes>(start) + length_size;
    return {out_.size(), out_.bytes(), length_size, static_cast<std::uint8_t>(out_.at() - start)};
  }
  /// The same for a number that only the caller's caller knew.
  [[nodiscard]] Open begin(std::uint32_t number, std::uint8_t length_size) {
    out_.need(longest_tag + 2);
    char* const start = out_.at();
    out_.at() = put_varint(tag_of(number, WireType::bytes), start) + length_size;
    return {out_.size(), out_.bytes(), length_size, static_cast<std::uint8_t>(out_.at() - start)};
  }
  void end(const Open& open) {
    const std::size_t size = out_.size() - open.size;
    const std::size_t bytes = out_.bytes() - open.bytes;
    const std::size_t length_size = varint_size(size);
    if (length_size != open.length_size) [[unlikely]]
      move(open, bytes, length_size);
    (void)put_varint(size, out_.at() - bytes - length_size);
  }
  /// The same; a message without content is taken back.
  void end_unless_empty(const Open& open) {
    if (out_.size() != open.size) return end(open);
    out_.at() -= open.header_size;
  }

 private:
  template <std::uint32_t number, WireType type>
  static char* put_tag(char* at) noexcept {
    constexpr std::uint32_t tag = tag_of(number, type);
    static_assert(varint_size(tag) <= longest_tag);
    *at = static_cast<char>(tag < 0x80 ? tag : tag | 0x80);
    if constexpr (tag >= 0x80) at[1] = static_cast<char>(tag >> 7);
    return at + varint_size(tag);
  }
  template <std::uint32_t number, WireType type, class Bits>
  void fixed(Bits bits) {
    out_.need(longest_tag + sizeof bits);
    char* const at = put_tag<number, type>(out_.at());
    if constexpr (std::endian::native == std::endian::big) bits = std::byteswap(bits);
    std::memcpy(at, &bits, sizeof bits);
    out_.at() = at + sizeof bits;
  }
  /// What a text with a tag of one byte takes.
  [[nodiscard]] static std::size_t text_size(std::string_view text) noexcept {
    return text.empty() ? 0 : 1 + varint_size(text.size()) + text.size();
  }
  template <std::uint32_t number, Case letters>
  [[nodiscard]] static bool put_text(std::string_view text, char*& at) noexcept {
    if (text.empty()) return true;
    char* const begin = put_varint(text.size(), put_tag<number, WireType::bytes>(at));
    at = begin + text.size();
    return copy_text<Plain::ascii, letters>(text.data(), text.size(), begin);
  }
  /// A message of two texts, whose length follows from theirs. False, and nothing is written, where one is not UTF-8.
  template <std::uint32_t number, Case letters>
  [[nodiscard]] bool pair(std::string_view first, std::string_view second) {
    if (!first.empty() && !second.empty() && first.size() + second.size() < 0x80 - 4) [[likely]]
      return short_pair<number, letters>(first, second);
    const std::size_t size = text_size(first) + text_size(second);
    out_.need(longest_tag + longest_length + size);
    char* at = put_varint(size, put_tag<number, WireType::bytes>(out_.at()));
    const bool first_is_plain = put_text<1, letters>(first, at);
    const bool second_is_plain = put_text<2, Case::kept>(second, at);
    if (!first_is_plain || !second_is_plain) [[unlikely]] {
      if (!is_text(first) || !is_text(second)) return false;
    }
    out_.at() = at;
    return true;
  }

  /// The same where each length has one byte.
  template <std::uint32_t number, Case letters>
  [[nodiscard]] bool short_pair(std::string_view first, std::string_view second) {
    const std::size_t size = first.size() + second.size() + 4;
    out_.need(longest_tag + 1 + size);
    char* at = put_tag<number, WireType::bytes>(out_.at());
    at[0] = static_cast<char>(size);
    at[1] = static_cast<char>(tag_of(1, WireType::bytes));
    at[2] = static_cast<char>(first.size());
    at += 3;
    const bool first_is_plain = copy_text<Plain::ascii, letters>(first.data(), first.size(), at);
    at += first.size();
    at[0] = static_cast<char>(tag_of(2, WireType::bytes));
    at[1] = static_cast<char>(second.size());
    at += 2;
    const bool second_is_plain = copy_text<Plain::ascii, Case::kept>(second.data(), second.size(), at);
    if (!first_is_plain || !second_is_plain) [[unlikely]] {
      if (!is_text(first) || !is_text(second)) return false;
    }
    out_.at() = at + second.size();
    return true;
  }

  void move(const Open& open, std::size_t bytes, std::size_t length_size);
  [[nodiscard]] static bool is_text(std::string_view value) noexcept;
  void check_text(std::string_view value, char* start, Case letters);
  void write_json_text(const Value& value);

  Appender out_;
};

}  // namespace picket::wire::internal

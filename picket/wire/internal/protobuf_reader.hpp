#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "picket/base/arena.hpp"
#include "picket/base/bytes.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"
#include "picket/wire/internal/scan.hpp"
#include "picket/wire/messages.hpp"

namespace picket::wire::internal {

/// A validating pull parser over one protobuf message.
///
/// Text is a view of the document, which must be followed by limits::tail_padding readable bytes. Numbers may have more
/// bytes than they need, at most ten. A length is checked against what is left before anything is done about it. The
/// first error sticks: reads return false from then on.
class ProtobufReader {
 public:
  ProtobufReader(std::string_view document, base::Arena& arena) noexcept
      : begin_(document.data()),
        at_(document.data()),
        end_(document.data() + document.size()),
        arena_(&arena),
        memory_left_(std::min(memory_per_byte * document.size() + free_memory, most_memory)) {}

  /// Of the message that is read.
  [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }

  /// Whether a field with this tag follows; steps over the tag then, does not move otherwise.
  template <std::uint32_t tag>
  [[nodiscard]] bool next_is() noexcept {
    static_assert(varint_size(tag) <= longest_tag);
    if constexpr (tag < 0x80) {
      if (at_ == end_ || *at_ != static_cast<char>(tag)) return false;
    } else {
      if (end_ - at_ < 2 || at_[0] != static_cast<char>(tag | 0x80) || at_[1] != static_cast<char>(tag >> 7))
        return false;
    }
    at_ += varint_size(tag);
    return true;
  }
  bool read_tag(std::uint32_t& number, WireType& type);

  bool read_varint(std::uint64_t& value) {
    if (at_ == end_ || static_cast<unsigned char>(*at_) >= 0x80) [[unlikely]]
      return read_long_varint(value);
    value = static_cast<unsigned char>(*at_++);
    return true;
  }
  bool read_fixed(std::uint32_t& value) { return take_fixed(value); }
  bool read_fixed(std::uint64_t& value) { return take_fixed(value); }
  /// A length and as many bytes.
  bool read_bytes(std::string_view& bytes) {
    std::uint64_t size = 0;
    if (!read_varint(size)) return false;
    if (size > static_cast<std::uint64_t>(end_ - at_)) [[unlikely]]
      return fail("a length that goes beyond the end");
    bytes = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }
  bool read_text(std::string_view& text) {
    if (!read_bytes(text)) return false;
    if (is_ascii_padded(text.data(), text.size())) [[likely]]
      return true;
    return check_text(text);
  }
  /// JSON text; empty text is null.
  bool read_json(Value& value);
  /// JSON text, or where it is none the text itself.
  bool read_json_or_text(Value& value);
  /// Steps over a value.
  bool skip(std::uint32_t number, WireType type);

  /// The end of the message that is left for the one that is entered.
  using Outer = const char*;
  bool enter(Outer& outer) {
    std::string_view content;
    if (!read_bytes(content)) return false;
    outer = end_;
    end_ = at_;
    at_ = content.data();
    return true;
  }
  /// It was read to its end.
  void leave(Outer outer) noexcept { end_ = outer; }

  /// Header fields with this tag, as many as follow and are what peers write nearly always: a name and a value, ASCII.
  template <std::uint32_t tag>
  bool read_usual_headers(std::span<const Header>& items) {
    static_assert(tag < 0x80);
    Header item;
    for (const char* at = at_; at != end_ && *at == static_cast<char>(tag); at_ = at) {
      at = usual_header(at + 1, end_, item);
      if (at == nullptr) return true;
      if (!append(items, item)) return false;
    }
    return true;
  }

  /// One more item of a list. What is in a list came through here, so that its size says how much room it has. So a
  /// list goes on where its field comes again later, or the message that it is in.
  template <class T>
  bool append(std::span<const T>& items, const T& item) {
    const std::size_t size = items.size();
    if ((size & (size - 1)) == 0 && (size == 0 || size >= least_room<T>)) [[unlikely]] {
      if (!grow(items)) return false;
    }
    auto* const first = const_cast<T*>(items.data());  // in the arena, and ours
    first[size] = item;
    items = {first, size + 1};
    return true;
  }

  [[nodiscard]] bool ok() const noexcept { return error_.empty(); }
  /// Sticks where it is the first; returns false.
  bool fail(std::string_view what);
  /// The error was met in a field of that name; returns false.
  bool within(std::string_view name);
  [[nodiscard]] base::Error error() const;
  [[nodiscard]] base::Arena& arena() noexcept { return *arena_; }

 private:
  // A peer pays two bytes for an item of a list that takes a hundred: without a bound a message of 16 MiB would take
  // gigabytes. What peers mean takes at most a tenth of it.
  static constexpr std::size_t memory_per_byte = 48;
  static constexpr std::size_t free_memory = std::size_t{16} * 1024;
  static constexpr std::size_t most_memory = std::size_t{128} * 1024 * 1024;
  /// Items. A head mostly has more than eight fields, and fewer than 32.
  template <class T>
  static constexpr std::size_t least_room = std::is_same_v<T, Header> ? 32 : 8;

  template <class T>
  [[gnu::noinline]] bool grow(std::span<const T>& items) {
    const std::size_t room = items.empty() ? least_room<T> : items.size() * 2;
    if (!take_memory(room * sizeof(T))) return false;
    const std::span<T> grown = arena_->allocate_array<T>(room);
    std::copy(items.begin(), items.end(), grown.begin());
    items = grown.first(items.size());
    return true;
  }
  /// A length of one or two bytes that is within what is left; null where it is not. Two bytes must be left.
  static const char* usual_length(const char* at, const char* end, std::size_t& size) noexcept {
    size = static_cast<unsigned char>(*at++);
    if (size >= 0x80) {
      if (static_cast<unsigned char>(*at) >= 0x80) return nullptr;
      size = (size & 0x7F) | static_cast<std::size_t>(static_cast<unsigned char>(*at++)) << 7;
    }
    return size <= static_cast<std::size_t>(end - at) ? at : nullptr;
  }
  /// A text with its tag and length.
  static const char* usual_text(const char* at, const char* end, std::uint32_t tag, std::string_view& text) noexcept {
    std::size_t size = 0;
    if (end - at < 3 || *at != static_cast<char>(tag)) return nullptr;
    at = usual_length(at + 1, end, size);
    if (at == nullptr || !is_ascii_padded(at, size)) return nullptr;
    text = {at, size};
    return at + size;
  }
  /// A Header behind its tag. Null where it is anything else than a name and a value in a message that is here whole.
  static const char* usual_header(const char* at, const char* end, Header& header) noexcept {
    std::size_t size = 0;
    if (end - at < 2) return nullptr;
    at = usual_length(at, end, size);
    if (at == nullptr) return nullptr;
    end = at + size;
    at = usual_text(at, end, tag_of(1, WireType::bytes), header.name);
    if (at == nullptr) return nullptr;
    at = usual_text(at, end, tag_of(2, WireType::bytes), header.value);
    return at == end ? at : nullptr;
  }
  template <class Bits>
  bool take_fixed(Bits& value) {
    if (static_cast<std::size_t>(end_ - at_) < sizeof value) return fail("a number that is cut short");
    std::memcpy(&value, at_, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
    at_ += sizeof value;
    return true;
  }
  bool read_long_varint(std::uint64_t& value);
  bool check_text(std::string_view text);
  bool skip_group(std::uint32_t number, std::size_t depth);
  bool skip_value(WireType type);
  bool take_memory(std::size_t size);
  bool parse_json(std::string_view text, Value& value, std::string& wrong);

  const char* begin_;
  const char* at_;
  const char* end_;
  base::Arena* arena_;
  std::size_t memory_left_;
  std::size_t json_items_ = 0;
  std::string error_;
  bool is_named_ = false;  // a field's name stands before the error
};

}  // namespace picket::wire::internal

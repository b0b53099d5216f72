#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/bytes.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"
#include "picket/wire/internal/scan.hpp"
#include "picket/wire/value.hpp"

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

  /// A field that is what peers write nearly always: a message of two texts, first and second, ASCII, shorter than 128
  /// bytes together. False without having moved for any other.
  bool read_usual_pair(std::string_view& first, std::string_view& second) noexcept {
    if (end_ - at_ < 6 || at_[1] != static_cast<char>(tag_of(1, WireType::bytes))) return false;
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(at_[0]));
    const auto first_size = static_cast<std::size_t>(static_cast<unsigned char>(at_[2]));
    // The bytes between are a tag and a length for each text.
    if (size >= 0x80 || size > static_cast<std::size_t>(end_ - at_ - 1) || first_size + 4 > size) return false;
    const char* const between = at_ + 3 + first_size;
    const auto second_size = static_cast<std::size_t>(static_cast<unsigned char>(between[1]));
    if (between[0] != static_cast<char>(tag_of(2, WireType::bytes)) || first_size + second_size + 4 != size)
      return false;
    if (!is_ascii_padded(at_ + 3, size - 2)) return false;
    first = {at_ + 3, first_size};
    second = {between + 2, second_size};
    at_ = between + 2 + second_size;
    return true;
  }

  /// One more item of a list. What is in a list came through here, so that its size says how much room it has. So a
  /// list goes on where its field comes again later, or the message that it is in.
  template <class T>
  bool append(std::span<const T>& items, const T& item) {
    const std::size_t size = items.size();
    if ((size & (size - 1)) == 0 && (size == 0 || size >= least_room)) {
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
  static constexpr std::size_t least_room = 8;  // items

  template <class T>
  bool grow(std::span<const T>& items) {
    const std::size_t room = items.empty() ? least_room : items.size() * 2;
    if (!take_memory(room * sizeof(T))) return false;
    const std::span<T> grown = arena_->allocate_array<T>(room);
    std::copy(items.begin(), items.end(), grown.begin());
    items = grown.first(items.size());
    return true;
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

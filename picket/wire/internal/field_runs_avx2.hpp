#pragma once

#include "picket/wire/internal/text_avx2.hpp"

#if defined(PICKET_HAS_AVX2)

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "picket/wire/internal/field_name.hpp"
#include "picket/wire/internal/msgpack_head.hpp"

/// Fields of a struct that follow each other and are texts or unsigned integers, in one function without a check
/// between them: half of a head is its metadata.
namespace picket::wire::internal::avx2 {

inline constexpr std::size_t longest_number = 20;  // digits; in MessagePack less
static_assert(longest_number >= number_room && longest_number <= 0xFF);

/// What is written next goes to `at`.
struct Position {
  char* at;
  std::size_t separator = 0;  ///< JSON: 1 where a comma stands before it.
  std::uint32_t stops = 0;    ///< 0 while everything was plain.
};

/// Members of an object, `"name":"text"`, `"name":1` or `"name":null`, and none where the field's presence says so.
struct JsonRun {
  /// What stands around a value, at most: its name as a block and a quote; or a name without one and `null`.
  static constexpr std::size_t around = block_size + 3;

  /// `,"name":"`, to be loaded as one block with or without the comma.
  template <Described T, std::size_t index>
  static constexpr auto name = [] {
    constexpr const auto& quoted = field_name<T, index>.quoted;
    static_assert(quoted.size() + 2 <= block_size);
    std::array<char, block_size + 1> block{','};
    *std::copy(quoted.begin(), quoted.end(), block.begin() + 1) = '"';
    return block;
  }();

  template <Described T, std::size_t index>
  PICKET_AVX2 static void put(std::string_view text, Position& position) noexcept {
    char* const at = put_name<T, index>(position) + 1;
    position.stops |= put_text<Plain::json>(text, at);
    at[text.size()] = '"';
    position.at = at + text.size() + 1;
  }
  template <Described T, std::size_t index>
  PICKET_AVX2 static void put(std::uint64_t number, Position& position) noexcept {
    char* const at = put_name<T, index>(position);
    position.at = std::to_chars(at, at + longest_number, number).ptr;
  }
  template <Described T, std::size_t index>
  PICKET_AVX2 static void put_nothing(Position& position) noexcept {
    if constexpr (std::get<index>(Description<T>::fields).presence != Presence::nullable) return;
    char* const at = put_name<T, index>(position);
    std::memcpy(at, "null", 4);
    position.at = at + 4;
  }

 private:
  template <Described T, std::size_t index>
  PICKET_AVX2 static char* put_name(Position& position) noexcept {
    store(position.at, load(name<T, index>.data() + 1 - position.separator));
    char* const end = position.at + position.separator + field_name<T, index>.quoted.size();
    position.separator = 1;
    return end;
  }
};

/// Elements of an array: every field, nil where it is nothing. For a run that all_are_short().
struct MsgpackRun {
  static constexpr std::size_t around = 2;

  template <Described T, std::size_t index>
  PICKET_AVX2 static void put(std::string_view text, Position& position) noexcept {
    char* const at = put_short_text_head(text.size(), position.at);
    position.stops |= put_text<Plain::ascii>(text, at);
    position.at = at + text.size();
  }
  template <Described T, std::size_t index>
  PICKET_AVX2 static void put(std::uint64_t number, Position& position) noexcept {
    position.at = put_number(number, position.at);
  }
  template <Described T, std::size_t index>
  PICKET_AVX2 static void put_nothing(Position& position) noexcept {
    *position.at++ = static_cast<char>(0xC0);
  }
};

[[nodiscard]] constexpr std::size_t size_of(std::uint64_t /*number*/) noexcept { return longest_number; }
[[nodiscard]] inline std::size_t size_of(Text text) noexcept { return text.size(); }
[[nodiscard]] inline std::size_t size_of(const std::optional<Text>& text) noexcept { return text ? text->size() : 0; }

template <class Encoding, Described T, std::size_t index>
PICKET_AVX2 inline void put_field(std::uint64_t number, Position& position) noexcept {
  Encoding::template put<T, index>(number, position);
}
template <class Encoding, Described T, std::size_t index>
PICKET_AVX2 inline void put_field(Text text, Position& position) noexcept {
  Encoding::template put<T, index>(text, position);
}
template <class Encoding, Described T, std::size_t index>
PICKET_AVX2 inline void put_field(const std::optional<Text>& text, Position& position) noexcept {
  text ? Encoding::template put<T, index>(*text, position) : Encoding::template put_nothing<T, index>(position);
}

/// Whether the head of each text has a short form in MessagePack.
template <Described T, std::size_t... index>
[[nodiscard]] bool all_are_short(const T& message, std::index_sequence<index...> /*fields*/) noexcept {
  return (std::size_t{0} | ... | size_of(message.*std::get<index>(Description<T>::fields).member)) <= 0xFF;
}

/// The room that put_run() wants.
template <class Encoding, Described T, std::size_t... index>
[[nodiscard]] std::size_t room_for(const T& message, std::index_sequence<index...> /*fields*/) noexcept {
  return (block_size + ... + (size_of(message.*std::get<index>(Description<T>::fields).member) + Encoding::around));
}

/// Writes the fields of `message` that have these numbers; `at` is moved behind them. False, and `at` as it was, where
/// one of them needs more than copying.
template <class Encoding, Described T, std::size_t... index>
[[nodiscard]] PICKET_AVX2 bool put_run(const T& message, std::index_sequence<index...> /*fields*/, char*& at,
                                       std::size_t separator = 0) noexcept {
  Position position{.at = at, .separator = separator};
  (put_field<Encoding, T, index>(message.*std::get<index>(Description<T>::fields).member, position), ...);
  if (position.stops != 0) return false;
  at = position.at;
  return true;
}

}  // namespace picket::wire::internal::avx2

#endif

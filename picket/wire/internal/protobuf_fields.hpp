#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <variant>

#include "picket/wire/internal/description.hpp"
#include "picket/wire/internal/protobuf_mapping.hpp"

/// Which fields a message has in protobuf, in the order of their numbers.
namespace picket::wire::internal::protobuf {

template <Described T>
inline constexpr auto fields = all_fields<T>();

/// How many fields of T have a number.
template <Described T>
inline constexpr std::size_t count = std::apply(
    [](const auto&... field) { return (std::size_t{0} + ... + static_cast<std::size_t>(field.number != 0)); },
    fields<T>);

/// Their places in fields<T>, by number.
template <Described T>
inline constexpr auto order = std::apply(
    [](const auto&... field) {
      const std::array<std::uint32_t, sizeof...(field)> numbers{field.number...};
      std::array<std::size_t, count<T>> places{};
      std::size_t found = 0;
      for (std::size_t i = 0; i < numbers.size(); ++i)
        if (numbers[i] != 0) places[found++] = i;
      std::ranges::sort(places, {}, [&](std::size_t place) { return numbers[place]; });
      return places;
    },
    fields<T>);

/// The field with the index-th number.
template <Described T, std::size_t index>
inline constexpr auto field_at = std::get<order<T>[index]>(fields<T>);

/// Whether a message is in protobuf at all.
template <class T>
[[nodiscard]] constexpr bool has_form() {
  return count<T> != 0;
}

/// The type of what a member pointer points to.
template <class Owner, class Member>
Member member_type(Member Owner::*);
template <Described T, std::size_t index>
using MemberAt = decltype(member_type(field_at<T, index>.member));

/// A union's members stand in the message that has it, with numbers that follow each other.
template <class T>
inline constexpr std::size_t union_size = 0;
template <class... Members>
inline constexpr std::size_t union_size<std::variant<Members...>> = sizeof...(Members);
/// Of this one they stand in a message of their own.
template <>
inline constexpr std::size_t union_size<WebSocketDecision> = 0;

template <Described T>
inline constexpr bool has_union = []<std::size_t... index>(std::index_sequence<index...>) {
  return ((union_size<MemberAt<T, index>> != 0) || ...);
}(std::make_index_sequence<count<T>>{});

/// How many values an enum has; the numbers begin at 1, since 0 means that nothing was said.
template <class T>
inline constexpr std::size_t value_count = EnumNames<T>::names.size();
template <>
inline constexpr std::size_t value_count<CancelReason> = static_cast<std::size_t>(CancelReason::manual) + 1;

}  // namespace picket::wire::internal::protobuf

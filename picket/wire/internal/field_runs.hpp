#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "picket/wire/internal/description.hpp"
#include "picket/wire/internal/field_name.hpp"

/// Which fields of a struct a writer is given together.
namespace picket::wire::internal {

template <class F>
inline constexpr bool is_text_field = false;
template <Presence presence, class Owner>
inline constexpr bool is_text_field<Field<presence, Owner, Text>> = presence != Presence::extension;
template <Presence presence, class Owner>
inline constexpr bool is_text_field<Field<presence, Owner, std::optional<Text>>> =
    presence == Presence::nullable || presence == Presence::omitted;

template <class F>
inline constexpr bool is_number_field = false;
template <Presence presence, class Owner, std::unsigned_integral Number>
inline constexpr bool is_number_field<Field<presence, Owner, Number>> =
    (presence == Presence::required || presence == Presence::defaulted) && !std::is_same_v<Number, bool>;

/// How many fields of T make a run that begins with number `first`: texts and unsigned integers that follow each other,
/// the first a text, as numbers alone gain nothing, and always written, so that a comma stands before whatever follows
/// the run; or one field of any kind.
template <Described T, std::size_t first>
inline constexpr std::size_t run_size = std::apply(
    []<class... F>(const F&...) {
      constexpr std::array<bool, sizeof...(F)> may_begin{(is_text_field<F> && F::presence != Presence::omitted)...};
      constexpr std::array<bool, sizeof...(F)> may_follow{(is_text_field<F> || is_number_field<F>)...};
      if (!may_begin[first]) return std::size_t{1};
      return static_cast<std::size_t>(std::find(may_follow.begin() + first, may_follow.end(), false) -
                                      (may_follow.begin() + first));
    },
    Description<T>::fields);

template <std::size_t first, std::size_t... offset>
consteval std::index_sequence<first + offset...> counted_from(std::index_sequence<offset...> /*offsets*/) {
  return {};
}

/// Their numbers.
template <Described T, std::size_t first>
using FieldRun = decltype(counted_from<first>(std::make_index_sequence<run_size<T, first>>{}));

}  // namespace picket::wire::internal

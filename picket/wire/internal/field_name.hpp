#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "picket/wire/internal/description.hpp"

namespace picket::wire::internal {

template <Described T>
inline constexpr std::size_t field_count = std::tuple_size_v<std::remove_const_t<decltype(Description<T>::fields)>>;

/// A field's name, known when this is compiled, as it stands in JSON: `"name":`. Copied with its size known, it is a
/// few instructions.
template <std::size_t size>
struct FieldName {
  std::array<char, size + 3> quoted{};

  explicit constexpr FieldName(std::string_view name) noexcept {
    quoted.front() = '"';
    std::copy(name.begin(), name.end(), quoted.begin() + 1);
    quoted[size + 1] = '"';
    quoted[size + 2] = ':';
  }
  [[nodiscard]] constexpr std::string_view plain() const noexcept { return {quoted.data() + 1, size}; }
};

/// The name of T's field number `index`.
template <Described T, std::size_t index>
inline constexpr FieldName<std::get<index>(Description<T>::fields).name.size()> field_name{
    std::get<index>(Description<T>::fields).name};

}  // namespace picket::wire::internal

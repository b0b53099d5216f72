#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <type_traits>
#include <variant>

#include "picket/wire/internal/description.hpp"

/// Deep equality of messages, following their descriptions.
namespace picket::wire::testing {

template <class T>
[[nodiscard]] bool equal(const T& a, const T& b);

namespace detail {

inline bool compare(const base::ByteView& a, const base::ByteView& b) { return base::as_text(a) == base::as_text(b); }
inline bool compare(const Headers& a, const Headers& b) { return std::ranges::equal(a.fields(), b.fields()); }
inline bool compare(const UpperBound& a, const UpperBound& b) { return a.value == b.value; }
inline bool compare(const Member& a, const Member& b) { return a.name == b.name && a.value == b.value; }
template <class T>
bool compare(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || equal(*a, *b));
}
template <class... T>
bool compare(const std::variant<T...>& a, const std::variant<T...>& b) {
  return a.index() == b.index() &&
         std::visit([&]<class M>(const M& member) { return equal(member, *std::get_if<M>(&b)); }, a);
}
template <class T>
bool compare(const std::span<const T>& a, const std::span<const T>& b) {
  return std::ranges::equal(a, b, [](const T& x, const T& y) { return equal(x, y); });
}
template <Described T>
bool compare(const T& a, const T& b) {
  return std::apply([&](const auto&... field) { return (equal(a.*field.member, b.*field.member) && ...); },
                    all_fields<T>());
}
template <class T>
  requires(!Described<T> && std::equality_comparable<T>)
bool compare(const T& a, const T& b) {
  return a == b;
}

}  // namespace detail

template <class T>
bool equal(const T& a, const T& b) {
  return detail::compare(a, b);
}

}  // namespace picket::wire::testing

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

/// How the fields of a message are listed: description.hpp has the lists.
namespace picket::wire {

/// What a missing or empty field means.
enum class Presence : std::uint8_t {
  required,   ///< Must be there.
  defaulted,  ///< May be missing, then it has its default; null is refused. Always written.
  nullable,   ///< Missing and null mean nothing. Written as null.
  omitted,    ///< Missing and null mean nothing. Not written when it is nothing.
  extension,  ///< Ours: not written when it is empty, so that peers without it never see it; null is refused.
};

template <Presence P, class Owner, class Member>
struct Field {
  static constexpr Presence presence = P;
  std::string_view name;
  Member Owner::* member;
  std::uint32_t number;  ///< In protobuf, of a union the number of its first member; 0 where protobuf has none.
};

template <Presence P = Presence::required, class Owner, class Member>
[[nodiscard]] constexpr Field<P, Owner, Member> field(std::string_view name, Member Owner::* member,
                                                      std::uint32_t number = 0) {
  return {name, member, number};
}

/// `fields`: a tuple of Field. `grpc_fields`: those that protobuf alone carries. `always_named`: written with field
/// names in MessagePack too, where other structs are arrays.
template <class T>
struct Description;

template <class T>
concept Described = requires { Description<T>::fields; };

/// Every field of T, those of protobuf last.
template <Described T>
[[nodiscard]] constexpr auto all_fields() {
  if constexpr (requires { Description<T>::grpc_fields; }) {
    return std::tuple_cat(Description<T>::fields, Description<T>::grpc_fields);
  } else {
    return Description<T>::fields;
  }
}

/// Names of an enum's values on the wire, in order.
template <class T>
struct EnumNames;

/// The names of a union's members; a member without fields is written as its bare name.
template <class Union>
struct UnionNames;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

using enum Presence;

}  // namespace picket::wire

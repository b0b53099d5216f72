#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "picket/wire/internal/protobuf_fields.hpp"
#include "picket/wire/internal/protobuf_reader.hpp"

/// From protobuf to descriptions. What proto3 says of fields that come more than once holds: of numbers and texts the
/// last counts, lists go on, messages are read into what is there, a union's later member takes the place of the
/// earlier one. Every function returns false after the reader's error is set.
namespace picket::wire::internal::protobuf {

template <Described T>
bool read_fields(ProtobufReader& reader, T& message);

/// Before anything of a message was read: what is absent is 0 in protobuf, whatever it is elsewhere.
template <class T>
void clear_defaults(T& message) {
  if constexpr (Described<T>) {
    [&]<std::size_t... index>(std::index_sequence<index...>) {
      [[maybe_unused]] const auto clear = [&](const auto& field, auto stays) {
        if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(message.*field.member)>> && !stays.value)
          message.*field.member = {};
      };
      (clear(field_at<T, index>, std::bool_constant<absent_is_default<field_at<T, index>.member>>{}), ...);
    }(std::make_index_sequence<count<T>>{});
  }
}

// ---- scalars

inline bool read(ProtobufReader& reader, bool& value) {
  std::uint64_t number = 0;
  if (!reader.read_varint(number)) return false;
  value = number != 0;
  return true;
}
template <std::unsigned_integral T>
bool read(ProtobufReader& reader, T& value) {
  std::uint64_t number = 0;
  if (!reader.read_varint(number)) return false;
  if (number > std::numeric_limits<T>::max())
    return reader.fail(fmt::format("{} where at most {} is allowed", number, std::numeric_limits<T>::max()));
  value = static_cast<T>(number);
  return true;
}
/// Negative ones have 64 bits, or 32 from writers that did not heed that.
inline bool read(ProtobufReader& reader, std::int32_t& value) {
  std::uint64_t number = 0;
  if (!reader.read_varint(number)) return false;
  value = static_cast<std::int32_t>(static_cast<std::uint32_t>(number));
  return true;
}
inline bool read(ProtobufReader& reader, FrameType& value) {
  std::uint8_t number = 0;
  if (!read(reader, number)) return false;
  value = static_cast<FrameType>(number);
  return true;
}
/// 0 says nothing: the field has its default.
template <class T>
  requires std::is_enum_v<T>
bool read(ProtobufReader& reader, T& value) {
  std::uint64_t number = 0;
  if (!reader.read_varint(number)) return false;
  if (number > value_count<T>)
    return reader.fail(fmt::format("{} where a number from 1 to {} is expected", number, value_count<T>));
  if (number != 0) value = static_cast<T>(number - 1);
  return true;
}
inline bool read(ProtobufReader& reader, float& value) {
  std::uint32_t bits = 0;
  if (!reader.read_fixed(bits)) return false;
  value = std::bit_cast<float>(bits);
  return true;
}
inline bool read(ProtobufReader& reader, double& value) {
  std::uint64_t bits = 0;
  if (!reader.read_fixed(bits)) return false;
  value = std::bit_cast<double>(bits);
  return true;
}
inline bool read(ProtobufReader& reader, UpperBound& bound) {
  if (!read(reader, bound.value)) return false;
  const bool in_order = bound.value > -std::numeric_limits<double>::infinity();  // false for NaN, too
  return in_order || reader.fail("a bucket without an upper bound");
}
inline bool read(ProtobufReader& reader, Text& value) { return reader.read_text(value); }
inline bool read(ProtobufReader& reader, base::ByteView& value) {
  std::string_view bytes;
  if (!reader.read_bytes(bytes)) return false;
  value = base::as_bytes(bytes);
  return true;
}
inline bool read(ProtobufReader& reader, Value& value) { return reader.read_json(value); }

// ---- messages, and what they hold

/// Reads a message's fields: `one(number, type)` reads the value or skips it.
template <class One>
bool read_message(ProtobufReader& reader, One&& one) {
  ProtobufReader::Outer outer{};
  if (!reader.enter(outer)) return false;
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType type{};
    if (!reader.read_tag(number, type) || !one(number, type)) return false;
  }
  reader.leave(outer);
  return true;
}

/// Refuses a value of a field that is known, but not with this wire type: it cannot be told what was meant.
inline bool expect(ProtobufReader& reader, WireType expected, WireType type) {
  return type == expected || reader.fail(fmt::format("the wire type {} where {} is expected", static_cast<int>(type),
                                                     static_cast<int>(expected)));
}

template <Described T>
bool read(ProtobufReader& reader, T& message) {
  ProtobufReader::Outer outer{};
  if (!reader.enter(outer) || !read_fields(reader, message)) return false;
  reader.leave(outer);
  return true;
}
inline bool read(ProtobufReader& reader, Allow&) {
  return read_message(reader, [&](std::uint32_t number, WireType type) { return reader.skip(number, type); });
}

/// Two texts and, of header fields, the exact bytes of the second (protocol.md, gRPC).
inline bool read_pair(ProtobufReader& reader, Text& first, Text& second) {
  std::optional<Text> raw;
  const bool ok = read_message(reader, [&](std::uint32_t number, WireType type) {
    if (number == 1) return expect(reader, WireType::bytes, type) && reader.read_text(first);
    if (number == 2) return expect(reader, WireType::bytes, type) && reader.read_text(second);
    if (number == raw_header_value) return expect(reader, WireType::bytes, type) && reader.read_bytes(raw.emplace());
    return reader.skip(number, type);
  });
  if (raw) second = *raw;
  return ok;
}
inline bool read(ProtobufReader& reader, TextPair& pair) { return read_pair(reader, pair.key, pair.value); }
inline bool read(ProtobufReader& reader, Header& header) { return read_pair(reader, header.name, header.value); }
inline bool read(ProtobufReader& reader, Member& member) {
  return read_message(reader, [&](std::uint32_t number, WireType type) {
    if (number == 1) return expect(reader, WireType::bytes, type) && reader.read_text(member.name);
    if (number == 2) return expect(reader, WireType::bytes, type) && reader.read_json_or_text(member.value);
    return reader.skip(number, type);
  });
}
/// The number of an operation is its kind's, from 1.
inline bool read(ProtobufReader& reader, HeaderOp& op) {
  bool chosen = false;
  const auto choose = [&](HeaderOp::Kind kind) {
    if (!chosen || op.kind != kind) op = {.kind = kind, .name = {}, .value = {}};
    chosen = true;
  };
  const bool ok = read_message(reader, [&](std::uint32_t number, WireType type) {
    if (number == 0 || number > value_count<HeaderOp::Kind>) return reader.skip(number, type);
    choose(static_cast<HeaderOp::Kind>(number - 1));
    if (!expect(reader, WireType::bytes, type)) return false;
    return op.kind == HeaderOp::Kind::remove ? reader.read_text(op.name) : read_pair(reader, op.name, op.value);
  });
  return ok && (chosen || reader.fail("a header operation that is none of set, add and remove"));
}

template <std::size_t index, class... Members>
bool read_alternative(ProtobufReader& reader, std::variant<Members...>& value) {
  if (value.index() != index) clear_defaults(value.template emplace<index>());
  return read(reader, *std::get_if<index>(&value));
}
inline bool read(ProtobufReader& reader, WebSocketDecision& decision) {
  bool chosen = false;
  const bool ok = read_message(reader, [&](std::uint32_t number, WireType type) {
    if (number < 1 || number > 3) return reader.skip(number, type);
    chosen = true;
    if (!expect(reader, WireType::bytes, type)) return false;
    if (number == 3) return read_alternative<1>(reader, decision);
    decision = number == 1 ? WebSocketVerdict::allow : WebSocketVerdict::drop;
    Allow nothing;
    return read(reader, nothing);
  });
  return ok && (chosen || reader.fail("a websocket_decision that is none of allow, drop and close"));
}

template <class T>
bool read(ProtobufReader& reader, std::span<const T>& items) {
  T item{};
  clear_defaults(item);
  return read(reader, item) && reader.append(items, item);
}
template <class T>
bool read(ProtobufReader& reader, std::optional<T>& value) {
  if (!value) clear_defaults(value.emplace());
  return read(reader, *value);
}
inline bool read(ProtobufReader& reader, Headers& headers) {
  std::span<const Header> fields = headers.fields();
  const bool ok = read(reader, fields);
  headers = Headers{fields};
  return ok;
}

template <std::uint32_t tag>
bool read_usual_headers(ProtobufReader& reader, Headers& headers) {
  std::span<const Header> fields = headers.fields();
  const bool ok = reader.read_usual_headers<tag>(fields);
  headers = Headers{fields};
  return ok;
}

// ---- fields

template <class T>
inline constexpr WireType wire_type = WireType::bytes;
template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
inline constexpr WireType wire_type<T> = WireType::varint;
template <>
inline constexpr WireType wire_type<float> = WireType::fixed32;
template <>
inline constexpr WireType wire_type<double> = WireType::fixed64;
template <>
inline constexpr WireType wire_type<UpperBound> = WireType::fixed64;
template <class T>
inline constexpr WireType wire_type<std::optional<T>> = wire_type<T>;

template <class T>
inline constexpr bool is_list = std::is_same_v<T, Headers>;
template <class T>
inline constexpr bool is_list<std::span<const T>> = !std::is_same_v<T, std::byte>;
template <class T>
inline constexpr bool is_list<std::optional<T>> = is_list<T>;
/// Lists of numbers come in one piece, or one by one.
template <class T>
inline constexpr bool is_packable = false;
template <std::integral T>
inline constexpr bool is_packable<std::span<const T>> = true;

/// Whether the member is a number in protobuf, and not what it is here.
template <class As, class Member>
concept FromNumber = requires(Member& member, base::Arena& arena) { As::from_wire(std::uint64_t{}, arena, member); };

/// How the values of a field are written: one of them, or the whole list of numbers.
template <Described T, std::size_t index>
inline constexpr WireType usual_type =
    FromNumber<Mapping<field_at<T, index>.member>, MemberAt<T, index>> ? WireType::varint
                                                                       : wire_type<MemberAt<T, index>>;

template <class As, std::integral T>
bool read_item(ProtobufReader& reader, std::span<const T>& items) {
  T item{};
  if (!read(reader, item)) return false;
  if constexpr (std::is_base_of_v<EventNumber, As>) item = As::from_wire(item);
  return reader.append(items, item);
}
template <class As, std::integral T>
bool read_packed(ProtobufReader& reader, std::span<const T>& items) {
  ProtobufReader::Outer outer{};
  if (!reader.enter(outer)) return false;
  while (!reader.at_end())
    if (!read_item<As>(reader, items)) return false;
  reader.leave(outer);
  return true;
}

/// A value as usual_type says.
template <std::size_t index, Described T>
bool read_value(ProtobufReader& reader, T& message) {
  constexpr auto field = field_at<T, index>;
  using As = Mapping<field.member>;
  auto& value = message.*field.member;
  bool ok = false;
  if constexpr (is_packable<MemberAt<T, index>>) {
    ok = read_packed<As>(reader, value);
  } else if constexpr (FromNumber<As, MemberAt<T, index>>) {
    std::uint64_t number = 0;
    ok = reader.read_varint(number) && (As::from_wire(number, reader.arena(), value) ||
                                        reader.fail(fmt::format("{}, which stands for nothing", number)));
  } else {
    ok = read(reader, value);
  }
  return ok || reader.within(field.name);
}

/// A member of the union that is field `index`: the one with that number.
template <std::size_t index, Described T>
bool read_member(ProtobufReader& reader, T& message, std::uint32_t number) {
  constexpr auto field = field_at<T, index>;
  auto& value = message.*field.member;
  return [&]<std::size_t... member>(std::index_sequence<member...>) {
    bool ok = false;
    (void)((number == field.number + member && (ok = read_alternative<member>(reader, value), true)) || ...);
    return ok || reader.within(UnionNames<MemberAt<T, index>>::names[number - field.number]);
  }(std::make_index_sequence<union_size<MemberAt<T, index>>>{});
}

/// Whether the field has that number; if so it is read, and `ok` says how that went.
template <std::size_t index, Described T>
bool read_if(ProtobufReader& reader, T& message, std::uint32_t number, WireType type, bool& chosen, bool& ok) {
  constexpr auto field = field_at<T, index>;
  using Member = MemberAt<T, index>;
  if constexpr (union_size<Member> != 0) {
    if (number < field.number || number >= field.number + union_size<Member>) return false;
    chosen = true;
    ok = expect(reader, WireType::bytes, type) && read_member<index>(reader, message, number);
  } else {
    if (number != field.number) return false;
    if constexpr (is_packable<Member>) {
      if (type == WireType::varint) {
        ok = read_item<Mapping<field.member>>(reader, message.*field.member) || reader.within(field.name);
        return true;
      }
    }
    ok =
        (expect(reader, usual_type<T, index>, type) || reader.within(field.name)) && read_value<index>(reader, message);
  }
  return true;
}

/// What stands at the field's place in the usual order, if it is there: most messages are read with this alone.
template <std::size_t index, Described T>
bool read_usual(ProtobufReader& reader, T& message, bool& chosen) {
  constexpr auto field = field_at<T, index>;
  using Member = MemberAt<T, index>;
  if constexpr (union_size<Member> != 0) {
    return [&]<std::size_t... member>(std::index_sequence<member...>) {
      bool ok = true;
      const auto one = [&]<std::size_t i>(std::integral_constant<std::size_t, i>) {
        constexpr auto number = static_cast<std::uint32_t>(field.number + i);
        if (!reader.next_is<tag_of(number, WireType::bytes)>()) return false;
        chosen = true;
        ok = read_member<index>(reader, message, number);
        return true;
      };
      (void)(one(std::integral_constant<std::size_t, member>{}) || ...);
      return ok;
    }(std::make_index_sequence<union_size<Member>>{});
  } else {
    constexpr std::uint32_t tag = tag_of(field.number, usual_type<T, index>);
    if constexpr (std::is_same_v<Member, Headers>) {
      if (!read_usual_headers<tag>(reader, message.*field.member)) return reader.within(field.name);
    }
    if constexpr (is_list<Member> && !is_packable<Member>) {
      while (reader.next_is<tag>())
        if (!read_value<index>(reader, message)) return false;
      return true;
    } else {
      return !reader.next_is<tag>() || read_value<index>(reader, message);
    }
  }
}

/// The names of the union that T has.
template <Described T, std::size_t index>
void append_names(std::string& names) {
  if constexpr (union_size<MemberAt<T, index>> != 0) {
    for (const Text name : UnionNames<MemberAt<T, index>>::names) names.append(names.empty() ? "" : ", ").append(name);
  }
}

template <Described T, std::size_t... index>
bool read_fields(ProtobufReader& reader, T& message, std::index_sequence<index...>) {
  bool chosen = !has_union<T>;
  if (!(read_usual<index>(reader, message, chosen) && ...)) return false;
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType type{};
    bool ok = true;
    if (!reader.read_tag(number, type)) return false;
    const bool known = (read_if<index>(reader, message, number, type, chosen, ok) || ...);
    if (known ? !ok : !reader.skip(number, type)) return false;
  }
  if (chosen) return true;
  std::string names;
  (append_names<T, index>(names), ...);
  return reader.fail("none of " + names);
}

template <Described T>
bool read_fields(ProtobufReader& reader, T& message) {
  return read_fields(reader, message, std::make_index_sequence<count<T>>{});
}

// ---- a whole message

/// The id that some agents put into audit.custom, as they do on sockets (protocol.md §5): it is no value of theirs.
inline bool take_id(ProtobufReader& reader, AgentResponse& response) {
  constexpr Text name = "correlation_id";
  base::ArenaList<Member> others{reader.arena()};
  bool found = false;
  for (const Member& member : response.audit.custom) {
    const auto* const id = member.name == name ? member.value.get<Text>() : nullptr;
    if (id == nullptr) {
      others.push_back(member);
      continue;
    }
    found = true;
    if (response.correlation_id.empty()) response.correlation_id = *id;
    if (response.correlation_id != *id)
      return reader.fail("one correlation_id, not two that differ, at the top and in audit.custom");
  }
  if (found) response.audit.custom = others.items();
  return true;
}

template <class T>
bool read_whole(ProtobufReader& reader, T& message) {
  clear_defaults(message);
  if (!read_fields(reader, message)) return false;
  if constexpr (std::is_same_v<T, AgentResponse>) {
    if (!message.audit.custom.empty()) return take_id(reader, message);
  }
  return true;
}

}  // namespace picket::wire::internal::protobuf

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "picket/wire/internal/protobuf_fields.hpp"
#include "picket/wire/internal/protobuf_writer.hpp"

/// From descriptions to protobuf, fields in the order of their numbers. A value that is 0 or empty is left out, unless
/// its field can say that it is there.
namespace picket::wire::internal::protobuf {

/// Bytes that a message's length mostly takes.
template <class T>
inline constexpr std::uint8_t length_size = 1;
template <>
inline constexpr std::uint8_t length_size<RequestHeaders> = 2;
template <>
inline constexpr std::uint8_t length_size<RequestMetadata> = 2;
template <>
inline constexpr std::uint8_t length_size<ResponseHeaders> = 2;

template <Described T>
void write_fields(ProtobufWriter& writer, const T& message);

// ---- scalars

[[nodiscard]] constexpr std::uint64_t number_of(std::unsigned_integral auto value) noexcept { return value; }
/// Negative ones as if they had 64 bits, as protobuf wants it.
[[nodiscard]] constexpr std::uint64_t number_of(std::signed_integral auto value) noexcept {
  return static_cast<std::uint64_t>(std::int64_t{value});
}
[[nodiscard]] constexpr std::uint64_t number_of(FrameType type) noexcept { return static_cast<std::uint8_t>(type); }
template <class T>
  requires std::is_enum_v<T>
[[nodiscard]] constexpr std::uint64_t number_of(T value) noexcept {
  return static_cast<std::uint64_t>(value) + 1;
}

template <class T>
concept Varint = std::is_integral_v<T> || std::is_enum_v<T>;

template <std::uint32_t number, Varint T>
void write(ProtobufWriter& writer, T value) {
  writer.varint<number>(number_of(value));
}
template <std::uint32_t number, std::floating_point T>
void write(ProtobufWriter& writer, T value) {
  writer.real<number>(value);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, UpperBound bound) {
  writer.real<number>(bound.value);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, Text text) {
  writer.text<number>(text);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, base::ByteView bytes) {
  writer.bytes<number>(bytes);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, const Value& value) {
  writer.json<number>(value);
}

// ---- messages, and what they hold

template <std::uint32_t number, Described T>
void write(ProtobufWriter& writer, const T& message) {
  const auto open = writer.begin<number>(length_size<T>);
  write_fields(writer, message);
  writer.end(open);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, Allow) {
  writer.bytes<number>({});
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, const TextPair& pair) {
  writer.entry<number>(pair.key, pair.value);
}
/// An entry of audit.custom: its value is JSON text.
template <std::uint32_t number>
void write(ProtobufWriter& writer, const Member& member) {
  const auto open = writer.begin<number>();
  writer.text<1>(member.name);
  writer.json<2>(member.value);
  writer.end(open);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, const HeaderOp& op) {
  const auto open = writer.begin<number>();
  switch (op.kind) {
    case HeaderOp::Kind::set: writer.header<1, Case::kept>(op.name, op.value); break;
    case HeaderOp::Kind::add: writer.header<2, Case::kept>(op.name, op.value); break;
    case HeaderOp::Kind::remove: writer.text<3>(op.name); break;
  }
  writer.end(open);
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, const WebSocketDecision& decision) {
  const auto open = writer.begin<number>();
  if (const auto* const close = std::get_if<WebSocketClose>(&decision)) {
    write<3>(writer, *close);
  } else if (std::get<WebSocketVerdict>(decision) == WebSocketVerdict::allow) {
    writer.bytes<1>({});
  } else {
    writer.bytes<2>({});
  }
  writer.end(open);
}
/// A union's members have numbers that follow each other.
template <std::uint32_t number, class... Members>
void write(ProtobufWriter& writer, const std::variant<Members...>& value) {
  [&]<std::size_t... index>(std::index_sequence<index...>) {
    (void)((value.index() == index &&
            (write<number + static_cast<std::uint32_t>(index)>(writer, *std::get_if<index>(&value)), true)) ||
           ...);
  }(std::index_sequence_for<Members...>{});
}

template <std::uint32_t number, class T>
void write(ProtobufWriter& writer, std::span<const T> items) {
  if constexpr (Varint<T>) {
    const auto open = writer.begin<number>();
    for (const T item : items) writer.packed(number_of(item));
    writer.end_unless_empty(open);
  } else {
    for (const T& item : items) write<number>(writer, item);
  }
}
template <std::uint32_t number>
void write(ProtobufWriter& writer, const Headers& headers) {
  writer.headers<number>(headers.fields());
}
template <std::uint32_t number, class T>
void write(ProtobufWriter& writer, const std::optional<T>& value) {
  if (value) write<number>(writer, *value);
}

// ---- fields

/// What a field that cannot say whether it is there leaves out. Lists, unions and optionals leave themselves out; a
/// message is there.
template <class T>
[[nodiscard]] bool is_zero(const T& value) noexcept {
  if constexpr (std::is_same_v<T, Text> || std::is_same_v<T, base::ByteView>) return value.empty();
  if constexpr (std::is_same_v<T, Value>) return value.is_null();
  if constexpr (Varint<T>) return number_of(value) == 0;
  if constexpr (std::is_same_v<T, float>) return std::bit_cast<std::uint32_t>(value) == 0;
  if constexpr (std::is_same_v<T, double>) return std::bit_cast<std::uint64_t>(value) == 0;
  if constexpr (std::is_same_v<T, UpperBound>) return is_zero(value.value);
  return false;
}

/// Where absence means another default than 0, peers that do not know of that get the number all the same; of fields
/// that only our peers have, it is left out.
template <std::size_t index, Described T>
[[nodiscard]] bool is_written(const T& message) noexcept {
  constexpr auto field = field_at<T, index>;
  if constexpr (!absent_is_default<field.member>) {
    return !is_zero(message.*field.member);
  } else if constexpr (field.number < first_of_ours) {
    return true;
  } else {
    return message.*field.member != T{}.*field.member;
  }
}

/// Packed, with the numbers that protobuf has for events.
template <std::uint32_t number>
void write_events(ProtobufWriter& writer, std::span<const std::int32_t> events) {
  const auto open = writer.begin<number>();
  for (const std::int32_t event : events) writer.packed(number_of(EventNumber::to_wire(event)));
  writer.end_unless_empty(open);
}

template <std::size_t index, Described T>
void write_field(ProtobufWriter& writer, const T& message) {
  constexpr auto field = field_at<T, index>;
  using As = Mapping<field.member>;
  const auto& value = message.*field.member;
  if constexpr (std::is_base_of_v<EventNumber, As>) {
    write_events<field.number>(writer, value);
  } else if constexpr (std::is_base_of_v<Configuration, As>) {
    value.is_null() ? writer.text<field.number>(As::none) : write<field.number>(writer, value);
  } else if constexpr (requires { As::to_wire(value); }) {
    const auto mapped = As::to_wire(value);
    if (!is_zero(mapped)) write<field.number>(writer, mapped);
  } else if constexpr (Described<MemberAt<T, index>> && field.presence == Presence::defaulted) {
    const auto open = writer.begin<field.number>();
    write_fields(writer, value);
    writer.end_unless_empty(open);
  } else {
    if (is_written<index>(message)) write<field.number>(writer, value);
  }
}

template <Described T>
void write_fields(ProtobufWriter& writer, const T& message) {
  [&]<std::size_t... index>(std::index_sequence<index...>) {
    (write_field<index>(writer, message), ...);
  }(std::make_index_sequence<count<T>>{});
}

}  // namespace picket::wire::internal::protobuf

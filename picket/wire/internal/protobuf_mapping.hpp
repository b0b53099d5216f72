#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

/// Where protobuf says something in another way than sockets do: which members, and how.
namespace picket::wire::internal {

/// Milliseconds since 1970 for RFC 3339 text; 0 where it is none, or is earlier.
[[nodiscard]] std::uint64_t milliseconds_of(Text rfc3339) noexcept;
/// The reverse, in UTC. Empty for 0, and for what is after the year 9999: a peer that counts in other units gives no
/// time, and is understood otherwise.
[[nodiscard]] Text rfc3339_of(std::uint64_t milliseconds, base::Arena& arena);

struct Timestamp {
  static std::uint64_t to_wire(Text text) noexcept { return milliseconds_of(text); }
  static bool from_wire(std::uint64_t milliseconds, base::Arena& arena, Text& text) {
    text = rfc3339_of(milliseconds, arena);
    return true;
  }
};

/// 0 means nothing in protobuf, so that configure has another number there.
struct EventNumber {
  static constexpr std::int32_t configure = 8;
  static constexpr std::int32_t to_wire(std::int32_t number) noexcept { return number == 0 ? configure : number; }
  static constexpr std::int32_t from_wire(std::int32_t number) noexcept { return number == configure ? 0 : number; }
};

/// Whose words they are, where sockets say what is looked for: in what goes into a model injections, in what comes out
/// of it personal data.
struct ContentType {
  static constexpr std::array<InspectionType, 5> inspections{
      InspectionType::prompt_injection,  // 1 prompt
      InspectionType::pii_detection,     // 2 response
      InspectionType::prompt_injection,  // 3 system
      InspectionType::pii_detection,     // 4 tool_call
      InspectionType::prompt_injection,  // 5 tool_result
  };
  static constexpr std::uint64_t to_wire(InspectionType inspection) noexcept {
    return static_cast<std::uint64_t>(inspection) + 1;
  }
  static bool from_wire(std::uint64_t number, base::Arena& /*arena*/, InspectionType& inspection) noexcept {
    if (number > inspections.size()) return false;
    inspection = inspections[number == 0 ? 0 : number - 1];
    return true;
  }
};

/// Agents expect an object, so that no configuration is an empty one.
struct Configuration {
  static constexpr Text none = "{}";
};

/// How a member is written; where the table does not name it, as its type says.
template <auto member>
struct Mapping {};
template <>
struct Mapping<&RequestMetadata::timestamp> : Timestamp {};
template <>
struct Mapping<&HandshakeRequest::events> : EventNumber {};
template <>
struct Mapping<&Capabilities::supported_events> : EventNumber {};
template <>
struct Mapping<&GuardrailInspect::inspection_type> : ContentType {};
template <>
struct Mapping<&HandshakeRequest::config> : Configuration {};
template <>
struct Mapping<&Configure::config> : Configuration {};

/// Fields with these numbers are ours (protocol.md, gRPC).
inline constexpr std::uint32_t first_of_ours = 20;

/// A number that is absent is 0 in protobuf. Of these 0 would make no sense, or not the safe one: absent means what
/// messages.hpp says.
template <auto member>
inline constexpr bool absent_is_default = false;
template <>
inline constexpr bool absent_is_default<&Capabilities::protocol_version> = true;
template <>
inline constexpr bool absent_is_default<&Limits::max_body_size> = true;
template <>
inline constexpr bool absent_is_default<&Limits::max_concurrency> = true;
template <>
inline constexpr bool absent_is_default<&Limits::preferred_chunk_size> = true;
template <>
inline constexpr bool absent_is_default<&Block::status> = true;
template <>
inline constexpr bool absent_is_default<&Redirect::status> = true;
template <>
inline constexpr bool absent_is_default<&WebSocketClose::code> = true;
template <>
inline constexpr bool absent_is_default<&WebSocketFrame::fin> = true;
template <>
inline constexpr bool absent_is_default<&HealthStatus::timeout_multiplier> = true;

}  // namespace picket::wire::internal

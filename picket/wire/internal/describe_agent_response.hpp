#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <variant>

#include "picket/wire/agent_response.hpp"
#include "picket/wire/internal/fields.hpp"

/// The lists of agent_response.hpp.
namespace picket::wire {

template <>
struct Description<Block> {
  using T = Block;
  static constexpr std::tuple fields{field("status", &T::status, 1), field<nullable>("body", &T::body, 2),
                                     field<nullable>("headers", &T::headers, 3)};
};

template <>
struct Description<Redirect> {
  using T = Redirect;
  static constexpr std::tuple fields{field("url", &T::url, 1), field("status", &T::status, 2)};
};

template <>
struct Description<Challenge> {
  using T = Challenge;
  static constexpr std::tuple fields{field("challenge_type", &T::challenge_type, 1), field("params", &T::params, 2)};
};

template <>
struct UnionNames<Decision> {
  static constexpr auto names = std::to_array<std::string_view>({"allow", "block", "redirect", "challenge"});
  static_assert(names.size() == std::variant_size_v<Decision>);
};

template <>
struct EnumNames<HeaderOp::Kind> {
  static constexpr auto names = std::to_array<std::string_view>({"set", "add", "remove"});
  static_assert(names.size() == static_cast<std::size_t>(HeaderOp::Kind::remove) + 1);
};

template <>
struct Description<Audit> {
  using T = Audit;
  static constexpr std::tuple fields{
      field<defaulted>("tags", &T::tags, 1), field<defaulted>("rule_ids", &T::rule_ids, 2),
      field<nullable>("confidence", &T::confidence, 3), field<defaulted>("reason_codes", &T::reason_codes, 4),
      field<defaulted>("custom", &T::custom, 5)};
};

template <>
struct Description<BodyMutation> {
  using T = BodyMutation;
  static constexpr std::tuple fields{field<nullable>("data", &T::data, 1),
                                     field<defaulted>("chunk_index", &T::chunk_index, 2)};
};

template <>
struct EnumNames<WebSocketVerdict> {
  static constexpr auto names = std::to_array<std::string_view>({"allow", "drop"});
  static_assert(names.size() == static_cast<std::size_t>(WebSocketVerdict::drop) + 1);
};

template <>
struct Description<WebSocketClose> {
  using T = WebSocketClose;
  static constexpr std::tuple fields{field("code", &T::code, 1), field("reason", &T::reason, 2)};
};

template <>
struct Description<ReplyTo> {
  using T = ReplyTo;
  static constexpr std::tuple fields{field("type", &T::type, 1), field<nullable>("index", &T::index, 2),
                                     field<nullable>("client_to_server", &T::client_to_server, 3)};
};

template <>
struct Description<AgentResponse> {
  using T = AgentResponse;
  /// The fields every peer knows; the rest is written in MessagePack with event-reply only.
  static constexpr std::size_t core_fields = 10;
  static constexpr std::tuple fields{field("version", &T::version),
                                     field("decision", &T::decision, 2),
                                     field<defaulted>("request_headers", &T::request_headers, 10),
                                     field<defaulted>("response_headers", &T::response_headers, 11),
                                     field<defaulted>("routing_metadata", &T::routing_metadata, 23),
                                     field<defaulted>("audit", &T::audit, 12),
                                     field<defaulted>("needs_more", &T::needs_more, 14),
                                     field<nullable>("request_body_mutation", &T::request_body_mutation, 20),
                                     field<nullable>("response_body_mutation", &T::response_body_mutation, 21),
                                     field<nullable>("websocket_decision", &T::websocket_decision, 22),
                                     field<extension>("correlation_id", &T::correlation_id, 1),
                                     field<omitted>("reply_to", &T::reply_to, 24)};
  static constexpr std::tuple grpc_fields{field<omitted>("processing_time_ms", &T::processing_time_ms, 13)};
};

}  // namespace picket::wire

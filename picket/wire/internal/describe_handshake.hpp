#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>

#include "picket/wire/handshake_messages.hpp"
#include "picket/wire/internal/fields.hpp"

/// The lists of handshake_messages.hpp.
namespace picket::wire {

/// Those that a handshake may name: protobuf is never chosen, it comes with gRPC.
template <>
struct EnumNames<Encoding> {
  static constexpr auto names = std::to_array<std::string_view>({"json", "msgpack"});
  static_assert(names.size() == static_cast<std::size_t>(Encoding::msgpack) + 1);
};

template <>
struct Description<HandshakeRequest> {
  using T = HandshakeRequest;
  static constexpr std::tuple fields{field("supported_versions", &T::supported_versions, 1),
                                     field("proxy_id", &T::proxy_id, 2),
                                     field("proxy_version", &T::proxy_version, 3),
                                     field<defaulted>("config", &T::config, 4),
                                     field<defaulted>("supported_encodings", &T::supported_encodings),
                                     field<extension>("extensions", &T::extensions, 20),
                                     field<extension>("events", &T::events, 21),
                                     field<extension>("protocol_version", &T::protocol_version),
                                     field<extension>("client_name", &T::client_name)};
};

template <>
struct Description<Features> {
  using T = Features;
  static constexpr std::tuple fields{field("streaming_body", &T::streaming_body, 1),
                                     field("websocket", &T::websocket, 2),
                                     field("guardrails", &T::guardrails, 3),
                                     field("config_push", &T::config_push, 4),
                                     field("metrics_export", &T::metrics_export, 5),
                                     field("concurrent_requests", &T::concurrent_requests, 6),
                                     field("cancellation", &T::cancellation, 7),
                                     field("flow_control", &T::flow_control, 8),
                                     field("health_reporting", &T::health_reporting, 9)};
};

template <>
struct Description<Limits> {
  using T = Limits;
  static constexpr std::tuple fields{field("max_body_size", &T::max_body_size, 1),
                                     field("max_concurrency", &T::max_concurrency, 2),
                                     field("preferred_chunk_size", &T::preferred_chunk_size, 3)};
  static constexpr std::tuple grpc_fields{field<omitted>("max_memory", &T::max_memory, 4),
                                          field<omitted>("max_processing_time_ms", &T::max_processing_time_ms, 5)};
};

template <>
struct Description<HealthConfig> {
  using T = HealthConfig;
  static constexpr std::tuple fields{field("report_interval_ms", &T::report_interval_ms, 1),
                                     field("include_load_metrics", &T::include_load_metrics, 2),
                                     field("include_resource_metrics", &T::include_resource_metrics, 3)};
};

template <>
struct Description<Capabilities> {
  using T = Capabilities;
  static constexpr std::tuple fields{
      field("agent_id", &T::agent_id, 2), field("name", &T::name, 3),
      field("version", &T::version, 4),   field("supported_events", &T::supported_events, 5),
      field("features", &T::features, 6), field("limits", &T::limits, 7)};
  static constexpr std::tuple grpc_fields{field("protocol_version", &T::protocol_version, 1),
                                          field<omitted>("health_config", &T::health_config, 8)};
};

template <>
struct Description<HandshakeResponse> {
  using T = HandshakeResponse;
  static constexpr std::tuple fields{field("protocol_version", &T::protocol_version, 1),
                                     field("capabilities", &T::capabilities, 2),
                                     field("success", &T::success, 3),
                                     field<nullable>("error", &T::error, 4),
                                     field<extension>("encoding", &T::encoding),
                                     field<extension>("extensions", &T::extensions, 20)};
};

template <>
struct Description<ReverseRegistration> {
  using T = ReverseRegistration;
  static constexpr std::tuple fields{
      field("protocol_version", &T::protocol_version), field("agent_id", &T::agent_id),
      field("capabilities", &T::capabilities),         field<omitted>("auth_token", &T::auth_token),
      field<omitted>("metadata", &T::metadata),        field<extension>("supported_encodings", &T::supported_encodings),
      field<extension>("extensions", &T::extensions)};
};

template <>
struct Description<ReverseAnswer> {
  using T = ReverseAnswer;
  static constexpr std::tuple fields{field("success", &T::success),
                                     field<nullable>("error", &T::error),
                                     field("proxy_id", &T::proxy_id),
                                     field("proxy_version", &T::proxy_version),
                                     field("connection_id", &T::connection_id),
                                     field<extension>("encoding", &T::encoding),
                                     field<extension>("extensions", &T::extensions),
                                     field<extension>("events", &T::events),
                                     field<omitted>("config", &T::config),
                                     field<omitted>("connections_wanted", &T::connections_wanted)};
};

}  // namespace picket::wire

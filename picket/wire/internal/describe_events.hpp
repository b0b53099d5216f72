#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>

#include "picket/wire/events.hpp"
#include "picket/wire/internal/fields.hpp"

/// The lists of events.hpp.
namespace picket::wire {

template <>
struct Description<RequestMetadata> {
  using T = RequestMetadata;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1),
                                     field("request_id", &T::request_id, 2),
                                     field("client_ip", &T::client_ip, 3),
                                     field("client_port", &T::client_port, 4),
                                     field<nullable>("server_name", &T::server_name, 5),
                                     field("protocol", &T::protocol, 6),
                                     field<nullable>("tls_version", &T::tls_version, 7),
                                     field<nullable>("tls_cipher", &T::tls_cipher, 20),
                                     field<nullable>("route_id", &T::route_id, 8),
                                     field<nullable>("upstream_id", &T::upstream_id, 9),
                                     field("timestamp", &T::timestamp, 10),
                                     field<omitted>("traceparent", &T::traceparent, 11)};
};

template <>
struct Description<RequestHeaders> {
  using T = RequestHeaders;
  static constexpr std::tuple fields{field("metadata", &T::metadata, 1), field("method", &T::method, 2),
                                     field("uri", &T::uri, 3), field("headers", &T::headers, 5)};
  static constexpr std::tuple grpc_fields{field("http_version", &T::http_version, 4)};
};

template <>
struct Description<RequestBodyChunk> {
  using T = RequestBodyChunk;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1),
                                     field("data", &T::data, 3),
                                     field("is_last", &T::is_last, 4),
                                     field<nullable>("total_size", &T::total_size, 5),
                                     field<defaulted>("chunk_index", &T::chunk_index, 2),
                                     field<defaulted>("bytes_received", &T::bytes_received, 6)};
  static constexpr std::tuple grpc_fields{field("proxy_buffer_available", &T::proxy_buffer_available, 7),
                                          field("timestamp_ms", &T::timestamp_ms, 8)};
};

template <>
struct Description<ResponseHeaders> {
  using T = ResponseHeaders;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1), field("status", &T::status, 2),
                                     field("headers", &T::headers, 3)};
};

template <>
struct Description<ResponseBodyChunk> {
  using T = ResponseBodyChunk;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1),
                                     field("data", &T::data, 3),
                                     field("is_last", &T::is_last, 4),
                                     field<nullable>("total_size", &T::total_size, 5),
                                     field<defaulted>("chunk_index", &T::chunk_index, 2),
                                     field<defaulted>("bytes_sent", &T::bytes_sent, 6)};
  static constexpr std::tuple grpc_fields{field("proxy_buffer_available", &T::proxy_buffer_available, 7),
                                          field("timestamp_ms", &T::timestamp_ms, 8)};
};

template <>
struct Description<RequestComplete> {
  using T = RequestComplete;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1),
                                     field("status", &T::status, 2),
                                     field("duration_ms", &T::duration_ms, 3),
                                     field("request_body_size", &T::request_body_size, 4),
                                     field("response_body_size", &T::response_body_size, 5),
                                     field("upstream_attempts", &T::upstream_attempts, 20),
                                     field<nullable>("error", &T::error, 8)};
  static constexpr std::tuple grpc_fields{field<omitted>("upstream", &T::upstream, 6),
                                          field("from_cache", &T::from_cache, 7)};
};

template <>
struct EnumNames<WebSocketOpcode> {
  static constexpr auto names =
      std::to_array<std::string_view>({"text", "binary", "ping", "pong", "close", "continuation"});
  static_assert(names.size() == static_cast<std::size_t>(WebSocketOpcode::continuation) + 1);
};

template <>
struct Description<WebSocketFrame> {
  using T = WebSocketFrame;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1),
                                     field("opcode", &T::opcode, 3),
                                     field("data", &T::data, 4),
                                     field("client_to_server", &T::client_to_server, 2),
                                     field("frame_index", &T::frame_index, 20),
                                     field("fin", &T::fin, 21),
                                     field<nullable>("route_id", &T::route_id, 22),
                                     field("client_ip", &T::client_ip, 23)};
};

template <>
struct EnumNames<InspectionType> {
  static constexpr auto names = std::to_array<std::string_view>({"prompt_injection", "pii_detection"});
  static_assert(names.size() == static_cast<std::size_t>(InspectionType::pii_detection) + 1);
};

template <>
struct Description<GuardrailInspect> {
  using T = GuardrailInspect;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1),
                                     field("inspection_type", &T::inspection_type, 3),
                                     field("content", &T::content, 2),
                                     field<omitted>("model", &T::model, 4),
                                     field<defaulted>("categories", &T::categories, 20),
                                     field<omitted>("route_id", &T::route_id, 21),
                                     field<defaulted>("metadata", &T::metadata, 22)};
  static constexpr std::tuple grpc_fields{field("context_json", &T::context, 5)};
};

template <>
struct Description<Configure> {
  using T = Configure;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field("config", &T::config, 1),
                                     field<nullable>("config_version", &T::config_version, 2),
                                     field<defaulted>("correlation_id", &T::correlation_id)};
  static constexpr std::tuple grpc_fields{field("is_initial", &T::is_initial, 3),
                                          field("timestamp_ms", &T::timestamp_ms, 4)};
};

}  // namespace picket::wire

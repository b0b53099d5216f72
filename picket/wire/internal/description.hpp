#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <variant>

#include "picket/wire/messages.hpp"

/// Every message's fields, listed once, in the order of protocol.md §3-§6 and §8. JSON, MessagePack and protobuf,
/// reading and writing, and copies all follow from these lists: two codecs that could disagree would.
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

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

using enum Presence;

// ---- handshake

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

// ---- events

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

// ---- the answer

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

/// The names of a union's members; a member without fields is written as its bare name.
template <class Union>
struct UnionNames;

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

// ---- control

template <>
struct Description<Ping> {
  using T = Ping;
  static constexpr std::tuple fields{field("sequence", &T::sequence, 1),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 2)};
};
template <>
struct Description<Pong> {
  using T = Pong;
  static constexpr std::tuple fields{field("sequence", &T::sequence, 1),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 2)};
  static constexpr std::tuple grpc_fields{field("timestamp_ms", &T::answered_at_ms, 3)};
};
template <>
struct Description<Cancel> {
  using T = Cancel;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1), field("reason", &T::reason, 2),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 3)};
  static constexpr std::tuple grpc_fields{field<omitted>("blocking_agent_id", &T::blocking_agent_id, 4),
                                          field<omitted>("manual_reason", &T::manual_reason, 5)};
};

template <>
struct EnumNames<FlowAction> {
  static constexpr auto names = std::to_array<std::string_view>({"pause", "resume", "update_capacity"});
  static_assert(names.size() == static_cast<std::size_t>(FlowAction::update_capacity) + 1);
};
/// `action` is an integer or an object with `type` and `buffer_available`; what the integer cannot say is written
/// beside it.
template <>
struct Description<FlowControl> {
  using T = FlowControl;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field<nullable>("correlation_id", &T::correlation_id, 1),
                                     field("action", &T::action, 2),
                                     field<extension>("buffer_available", &T::buffer_available, 3),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 4)};
};

template <>
struct EnumNames<HealthState> {
  static constexpr auto names = std::to_array<std::string_view>({"healthy", "degraded", "draining", "unhealthy"});
  static_assert(names.size() == static_cast<std::size_t>(HealthState::unhealthy) + 1);
};
template <>
struct Description<Load> {
  using T = Load;
  static constexpr std::tuple fields{field<defaulted>("in_flight", &T::in_flight, 1),
                                     field<defaulted>("queue_depth", &T::queue_depth, 2),
                                     field<defaulted>("avg_latency_ms", &T::avg_latency_ms, 3),
                                     field<defaulted>("p50_latency_ms", &T::p50_latency_ms, 4),
                                     field<defaulted>("p95_latency_ms", &T::p95_latency_ms, 5),
                                     field<defaulted>("p99_latency_ms", &T::p99_latency_ms, 6),
                                     field<defaulted>("requests_processed", &T::requests_processed, 7),
                                     field<defaulted>("requests_rejected", &T::requests_rejected, 8),
                                     field<defaulted>("requests_timed_out", &T::requests_timed_out, 9)};
};
template <>
struct Description<Resources> {
  using T = Resources;
  static constexpr std::tuple fields{
      field<nullable>("cpu_percent", &T::cpu_percent, 1),   field<nullable>("memory_bytes", &T::memory_bytes, 2),
      field<nullable>("memory_limit", &T::memory_limit, 3), field<nullable>("active_threads", &T::active_threads, 4),
      field<nullable>("open_fds", &T::open_fds, 5),         field<nullable>("fd_limit", &T::fd_limit, 6),
      field<nullable>("connections", &T::connections, 7)};
};
/// `state` is an integer or an object with `status` and its details; the details are written beside the integer.
template <>
struct Description<HealthStatus> {
  using T = HealthStatus;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field("agent_id", &T::agent_id, 1),
                                     field("state", &T::state, 2),
                                     field<extension>("disabled_features", &T::disabled_features, 10),
                                     field<extension>("timeout_multiplier", &T::timeout_multiplier, 11),
                                     field<omitted>("eta_ms", &T::eta_ms, 12),
                                     field<omitted>("reason", &T::reason, 13),
                                     field<extension>("recoverable", &T::recoverable, 14),
                                     field<nullable>("message", &T::message, 3),
                                     field<nullable>("load", &T::load, 4),
                                     field<nullable>("resources", &T::resources, 5),
                                     field<nullable>("valid_until_ms", &T::valid_until_ms, 6),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 7)};
};

template <>
struct Description<CounterMetric> {
  using T = CounterMetric;
  static constexpr std::tuple fields{field("name", &T::name, 1), field<omitted>("help", &T::help, 2),
                                     field<defaulted>("labels", &T::labels, 3), field("value", &T::value, 4)};
};
template <>
struct Description<GaugeMetric> {
  using T = GaugeMetric;
  static constexpr std::tuple fields{field("name", &T::name, 1), field<omitted>("help", &T::help, 2),
                                     field<defaulted>("labels", &T::labels, 3), field("value", &T::value, 4)};
};
template <>
struct Description<HistogramBucket> {
  using T = HistogramBucket;
  static constexpr std::tuple fields{field("le", &T::le, 1), field("count", &T::count, 2)};
};
template <>
struct Description<HistogramMetric> {
  using T = HistogramMetric;
  static constexpr std::tuple fields{
      field("name", &T::name, 1), field<omitted>("help", &T::help, 2), field<defaulted>("labels", &T::labels, 3),
      field("sum", &T::sum, 4),   field("count", &T::count, 5),        field("buckets", &T::buckets, 6)};
};
template <>
struct Description<MetricsReport> {
  using T = MetricsReport;
  static constexpr std::tuple fields{
      field("agent_id", &T::agent_id, 1),        field("timestamp_ms", &T::timestamp_ms, 2),
      field("interval_ms", &T::interval_ms, 3),  field<defaulted>("counters", &T::counters, 4),
      field<defaulted>("gauges", &T::gauges, 5), field<defaulted>("histograms", &T::histograms, 6)};
};

template <>
struct Description<RequestReload> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<RuleDefinition> {
  using T = RuleDefinition;
  static constexpr std::tuple fields{field("id", &T::id, 1),
                                     field<defaulted>("priority", &T::priority, 2),
                                     field("definition", &T::definition, 3),
                                     field<defaulted>("enabled", &T::enabled, 4),
                                     field<omitted>("description", &T::description, 5),
                                     field<defaulted>("tags", &T::tags, 6)};
};
template <>
struct Description<RuleUpdate> {
  using T = RuleUpdate;
  static constexpr std::tuple fields{field("rule_set", &T::rule_set, 1), field("rules", &T::rules, 2),
                                     field("remove_rules", &T::remove_rules, 3)};
};
template <>
struct Description<ListUpdate> {
  using T = ListUpdate;
  static constexpr std::tuple fields{field("list_id", &T::list_id, 1), field("add", &T::add, 2),
                                     field("remove", &T::remove, 3)};
};
template <>
struct Description<RestartRequired> {
  using T = RestartRequired;
  static constexpr std::tuple fields{field("reason", &T::reason, 1), field("grace_period_ms", &T::grace_period_ms, 2)};
};
template <>
struct Description<ConfigError> {
  using T = ConfigError;
  static constexpr std::tuple fields{field("error", &T::error, 1), field<nullable>("field", &T::field, 2)};
};
template <>
struct UnionNames<ConfigUpdate> {
  static constexpr auto names = std::to_array<std::string_view>(
      {"request_reload", "rule_update", "list_update", "restart_required", "config_error"});
  static_assert(names.size() == std::variant_size_v<ConfigUpdate>);
};
template <>
struct Description<ConfigUpdateRequest> {
  using T = ConfigUpdateRequest;
  static constexpr std::tuple fields{field("update_type", &T::update, 10), field("request_id", &T::request_id, 1),
                                     field("timestamp_ms", &T::timestamp_ms, 2)};
};

template <>
struct Description<ConfigUpdateResponse> {
  using T = ConfigUpdateResponse;
  static constexpr std::tuple fields{field("request_id", &T::request_id, 1), field("accepted", &T::accepted, 2),
                                     field<nullable>("error", &T::error, 3),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 4)};
};

// ---- what only gRPC carries

template <>
struct EnumNames<LogLevel> {
  static constexpr auto names = std::to_array<std::string_view>({"debug", "info", "warn", "error"});
  static_assert(names.size() == static_cast<std::size_t>(LogLevel::error) + 1);
};
template <>
struct Description<LogMessage> {
  using T = LogMessage;
  static constexpr std::tuple fields{field("level", &T::level, 1), field("message", &T::message, 2),
                                     field<omitted>("correlation_id", &T::correlation_id, 3),
                                     field<defaulted>("fields", &T::fields, 4),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 5)};
};
template <>
struct EnumNames<ShutdownReason> {
  static constexpr auto names = std::to_array<std::string_view>({"graceful", "immediate", "config_reload", "upgrade"});
  static_assert(names.size() == static_cast<std::size_t>(ShutdownReason::upgrade) + 1);
};
template <>
struct Description<ShutdownRequest> {
  using T = ShutdownRequest;
  static constexpr std::tuple fields{field("reason", &T::reason, 1), field("grace_period_ms", &T::grace_period_ms, 2),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 3)};
};
template <>
struct EnumNames<DrainReason> {
  static constexpr auto names =
      std::to_array<std::string_view>({"config_reload", "maintenance", "health_check_failed", "manual"});
  static_assert(names.size() == static_cast<std::size_t>(DrainReason::manual) + 1);
};
template <>
struct Description<DrainRequest> {
  using T = DrainRequest;
  static constexpr std::tuple fields{field("duration_ms", &T::duration_ms, 1), field("reason", &T::reason, 2),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 3)};
};

}  // namespace picket::wire

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "picket/wire/messages.hpp"

/// Every message's fields, listed once, in the order of protocol.md §3-§6 and §8. JSON and MessagePack, reading and
/// writing, and copies all follow from these lists: two codecs that could disagree would.
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
};

template <Presence P = Presence::required, class Owner, class Member>
[[nodiscard]] constexpr Field<P, Owner, Member> field(std::string_view name, Member Owner::* member) {
  return {name, member};
}

/// `fields`: a tuple of Field. `always_named`: written with field names in MessagePack too, where other structs are
/// arrays.
template <class T>
struct Description;

template <class T>
concept Described = requires { Description<T>::fields; };

/// Names of an enum's values on the wire, in order.
template <class T>
struct EnumNames;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

using enum Presence;

// ---- handshake

template <>
struct EnumNames<Encoding> {
  static constexpr std::array<std::string_view, 2> names{"json", "msgpack"};
};

template <>
struct Description<HandshakeRequest> {
  using T = HandshakeRequest;
  static constexpr std::tuple fields{field("supported_versions", &T::supported_versions),
                                     field("proxy_id", &T::proxy_id),
                                     field("proxy_version", &T::proxy_version),
                                     field<defaulted>("config", &T::config),
                                     field<defaulted>("supported_encodings", &T::supported_encodings),
                                     field<extension>("extensions", &T::extensions),
                                     field<extension>("events", &T::events)};
};

template <>
struct Description<Features> {
  using T = Features;
  static constexpr std::tuple fields{field("streaming_body", &T::streaming_body),
                                     field("websocket", &T::websocket),
                                     field("guardrails", &T::guardrails),
                                     field("config_push", &T::config_push),
                                     field("metrics_export", &T::metrics_export),
                                     field("concurrent_requests", &T::concurrent_requests),
                                     field("cancellation", &T::cancellation),
                                     field("flow_control", &T::flow_control),
                                     field("health_reporting", &T::health_reporting)};
};

template <>
struct Description<Limits> {
  using T = Limits;
  static constexpr std::tuple fields{field("max_body_size", &T::max_body_size),
                                     field("max_concurrency", &T::max_concurrency),
                                     field("preferred_chunk_size", &T::preferred_chunk_size)};
};

template <>
struct Description<Capabilities> {
  using T = Capabilities;
  static constexpr std::tuple fields{field("agent_id", &T::agent_id), field("name", &T::name),
                                     field("version", &T::version),   field("supported_events", &T::supported_events),
                                     field("features", &T::features), field("limits", &T::limits)};
};

template <>
struct Description<HandshakeResponse> {
  using T = HandshakeResponse;
  static constexpr std::tuple fields{field("protocol_version", &T::protocol_version),
                                     field("capabilities", &T::capabilities),
                                     field("success", &T::success),
                                     field<nullable>("error", &T::error),
                                     field<extension>("encoding", &T::encoding),
                                     field<extension>("extensions", &T::extensions)};
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
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id),
                                     field("request_id", &T::request_id),
                                     field("client_ip", &T::client_ip),
                                     field("client_port", &T::client_port),
                                     field<nullable>("server_name", &T::server_name),
                                     field("protocol", &T::protocol),
                                     field<nullable>("tls_version", &T::tls_version),
                                     field<nullable>("tls_cipher", &T::tls_cipher),
                                     field<nullable>("route_id", &T::route_id),
                                     field<nullable>("upstream_id", &T::upstream_id),
                                     field("timestamp", &T::timestamp),
                                     field<omitted>("traceparent", &T::traceparent)};
};

template <>
struct Description<RequestHeaders> {
  using T = RequestHeaders;
  static constexpr std::tuple fields{field("metadata", &T::metadata), field("method", &T::method),
                                     field("uri", &T::uri), field("headers", &T::headers)};
};

template <>
struct Description<RequestBodyChunk> {
  using T = RequestBodyChunk;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id),
                                     field("data", &T::data),
                                     field("is_last", &T::is_last),
                                     field<nullable>("total_size", &T::total_size),
                                     field<defaulted>("chunk_index", &T::chunk_index),
                                     field<defaulted>("bytes_received", &T::bytes_received)};
};

template <>
struct Description<ResponseHeaders> {
  using T = ResponseHeaders;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id), field("status", &T::status),
                                     field("headers", &T::headers)};
};

template <>
struct Description<ResponseBodyChunk> {
  using T = ResponseBodyChunk;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id),
                                     field("data", &T::data),
                                     field("is_last", &T::is_last),
                                     field<nullable>("total_size", &T::total_size),
                                     field<defaulted>("chunk_index", &T::chunk_index),
                                     field<defaulted>("bytes_sent", &T::bytes_sent)};
};

template <>
struct Description<RequestComplete> {
  using T = RequestComplete;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id),
                                     field("status", &T::status),
                                     field("duration_ms", &T::duration_ms),
                                     field("request_body_size", &T::request_body_size),
                                     field("response_body_size", &T::response_body_size),
                                     field("upstream_attempts", &T::upstream_attempts),
                                     field<nullable>("error", &T::error)};
};

template <>
struct EnumNames<WebSocketOpcode> {
  static constexpr std::array<std::string_view, 6> names{"text", "binary", "ping", "pong", "close", "continuation"};
};

template <>
struct Description<WebSocketFrame> {
  using T = WebSocketFrame;
  static constexpr std::tuple fields{
      field("correlation_id", &T::correlation_id),     field("opcode", &T::opcode),           field("data", &T::data),
      field("client_to_server", &T::client_to_server), field("frame_index", &T::frame_index), field("fin", &T::fin),
      field<nullable>("route_id", &T::route_id),       field("client_ip", &T::client_ip)};
};

template <>
struct EnumNames<InspectionType> {
  static constexpr std::array<std::string_view, 2> names{"prompt_injection", "pii_detection"};
};

template <>
struct Description<GuardrailInspect> {
  using T = GuardrailInspect;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id),
                                     field("inspection_type", &T::inspection_type),
                                     field("content", &T::content),
                                     field<omitted>("model", &T::model),
                                     field<defaulted>("categories", &T::categories),
                                     field<omitted>("route_id", &T::route_id),
                                     field<defaulted>("metadata", &T::metadata)};
};

template <>
struct Description<Configure> {
  using T = Configure;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field("config", &T::config), field<nullable>("config_version", &T::config_version),
                                     field<defaulted>("correlation_id", &T::correlation_id)};
};

// ---- the answer

template <>
struct Description<Block> {
  using T = Block;
  static constexpr std::tuple fields{field("status", &T::status), field<nullable>("body", &T::body),
                                     field<nullable>("headers", &T::headers)};
};

template <>
struct Description<Redirect> {
  using T = Redirect;
  static constexpr std::tuple fields{field("url", &T::url), field("status", &T::status)};
};

template <>
struct Description<Challenge> {
  using T = Challenge;
  static constexpr std::tuple fields{field("challenge_type", &T::challenge_type), field("params", &T::params)};
};

/// The names of a union's members; a member without fields is written as its bare name.
template <class Union>
struct UnionNames;

template <>
struct UnionNames<Decision> {
  static constexpr std::array<std::string_view, 4> names{"allow", "block", "redirect", "challenge"};
};

template <>
struct EnumNames<HeaderOp::Kind> {
  static constexpr std::array<std::string_view, 3> names{"set", "add", "remove"};
};

template <>
struct Description<Audit> {
  using T = Audit;
  static constexpr std::tuple fields{field<defaulted>("tags", &T::tags), field<defaulted>("rule_ids", &T::rule_ids),
                                     field<nullable>("confidence", &T::confidence),
                                     field<defaulted>("reason_codes", &T::reason_codes),
                                     field<defaulted>("custom", &T::custom)};
};

template <>
struct Description<BodyMutation> {
  using T = BodyMutation;
  static constexpr std::tuple fields{field<nullable>("data", &T::data),
                                     field<defaulted>("chunk_index", &T::chunk_index)};
};

template <>
struct EnumNames<WebSocketVerdict> {
  static constexpr std::array<std::string_view, 2> names{"allow", "drop"};
};

template <>
struct Description<WebSocketClose> {
  using T = WebSocketClose;
  static constexpr std::tuple fields{field("code", &T::code), field("reason", &T::reason)};
};

template <>
struct Description<ReplyTo> {
  using T = ReplyTo;
  static constexpr std::tuple fields{field("type", &T::type), field<nullable>("index", &T::index),
                                     field<nullable>("client_to_server", &T::client_to_server)};
};

template <>
struct Description<AgentResponse> {
  using T = AgentResponse;
  /// The fields every peer knows; the rest is written in MessagePack with event-reply only.
  static constexpr std::size_t core_fields = 10;
  static constexpr std::tuple fields{field("version", &T::version),
                                     field("decision", &T::decision),
                                     field<defaulted>("request_headers", &T::request_headers),
                                     field<defaulted>("response_headers", &T::response_headers),
                                     field<defaulted>("routing_metadata", &T::routing_metadata),
                                     field<defaulted>("audit", &T::audit),
                                     field<defaulted>("needs_more", &T::needs_more),
                                     field<nullable>("request_body_mutation", &T::request_body_mutation),
                                     field<nullable>("response_body_mutation", &T::response_body_mutation),
                                     field<nullable>("websocket_decision", &T::websocket_decision),
                                     field<extension>("correlation_id", &T::correlation_id),
                                     field<omitted>("reply_to", &T::reply_to)};
};

// ---- control

template <>
struct Description<Ping> {
  using T = Ping;
  static constexpr std::tuple fields{field("sequence", &T::sequence),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms)};
};
template <>
struct Description<Pong> {
  using T = Pong;
  static constexpr std::tuple fields{field("sequence", &T::sequence),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms)};
};
template <>
struct Description<Cancel> {
  using T = Cancel;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id), field("reason", &T::reason),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms)};
};

template <>
struct EnumNames<FlowAction> {
  static constexpr std::array<std::string_view, 3> names{"pause", "resume", "update_capacity"};
};
/// `action` is an integer or an object with `type` and `buffer_available`; what the integer cannot say is written
/// beside it.
template <>
struct Description<FlowControl> {
  using T = FlowControl;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field<nullable>("correlation_id", &T::correlation_id), field("action", &T::action),
                                     field<extension>("buffer_available", &T::buffer_available),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms)};
};

template <>
struct EnumNames<HealthState> {
  static constexpr std::array<std::string_view, 4> names{"healthy", "degraded", "draining", "unhealthy"};
};
template <>
struct Description<Load> {
  using T = Load;
  static constexpr std::tuple fields{field<defaulted>("in_flight", &T::in_flight),
                                     field<defaulted>("queue_depth", &T::queue_depth),
                                     field<defaulted>("avg_latency_ms", &T::avg_latency_ms),
                                     field<defaulted>("p50_latency_ms", &T::p50_latency_ms),
                                     field<defaulted>("p95_latency_ms", &T::p95_latency_ms),
                                     field<defaulted>("p99_latency_ms", &T::p99_latency_ms),
                                     field<defaulted>("requests_processed", &T::requests_processed),
                                     field<defaulted>("requests_rejected", &T::requests_rejected),
                                     field<defaulted>("requests_timed_out", &T::requests_timed_out)};
};
template <>
struct Description<Resources> {
  using T = Resources;
  static constexpr std::tuple fields{
      field<nullable>("cpu_percent", &T::cpu_percent),   field<nullable>("memory_bytes", &T::memory_bytes),
      field<nullable>("memory_limit", &T::memory_limit), field<nullable>("active_threads", &T::active_threads),
      field<nullable>("open_fds", &T::open_fds),         field<nullable>("fd_limit", &T::fd_limit),
      field<nullable>("connections", &T::connections)};
};
/// `state` is an integer or an object with `status` and its details; the details are written beside the integer.
template <>
struct Description<HealthStatus> {
  using T = HealthStatus;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field("agent_id", &T::agent_id),
                                     field("state", &T::state),
                                     field<extension>("disabled_features", &T::disabled_features),
                                     field<extension>("timeout_multiplier", &T::timeout_multiplier),
                                     field<omitted>("eta_ms", &T::eta_ms),
                                     field<omitted>("reason", &T::reason),
                                     field<extension>("recoverable", &T::recoverable),
                                     field<nullable>("message", &T::message),
                                     field<nullable>("load", &T::load),
                                     field<nullable>("resources", &T::resources),
                                     field<nullable>("valid_until_ms", &T::valid_until_ms),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms)};
};

template <>
struct Description<CounterMetric> {
  using T = CounterMetric;
  static constexpr std::tuple fields{field("name", &T::name), field<omitted>("help", &T::help),
                                     field<defaulted>("labels", &T::labels), field("value", &T::value)};
};
template <>
struct Description<GaugeMetric> {
  using T = GaugeMetric;
  static constexpr std::tuple fields{field("name", &T::name), field<omitted>("help", &T::help),
                                     field<defaulted>("labels", &T::labels), field("value", &T::value)};
};
template <>
struct Description<HistogramBucket> {
  using T = HistogramBucket;
  static constexpr std::tuple fields{field("le", &T::le), field("count", &T::count)};
};
template <>
struct Description<HistogramMetric> {
  using T = HistogramMetric;
  static constexpr std::tuple fields{
      field("name", &T::name), field<omitted>("help", &T::help), field<defaulted>("labels", &T::labels),
      field("sum", &T::sum),   field("count", &T::count),        field("buckets", &T::buckets)};
};
template <>
struct Description<MetricsReport> {
  using T = MetricsReport;
  static constexpr std::tuple fields{
      field("agent_id", &T::agent_id),        field("timestamp_ms", &T::timestamp_ms),
      field("interval_ms", &T::interval_ms),  field<defaulted>("counters", &T::counters),
      field<defaulted>("gauges", &T::gauges), field<defaulted>("histograms", &T::histograms)};
};

template <>
struct Description<RequestReload> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<RuleDefinition> {
  using T = RuleDefinition;
  static constexpr std::tuple fields{field("id", &T::id),
                                     field<defaulted>("priority", &T::priority),
                                     field("definition", &T::definition),
                                     field<defaulted>("enabled", &T::enabled),
                                     field<omitted>("description", &T::description),
                                     field<defaulted>("tags", &T::tags)};
};
template <>
struct Description<RuleUpdate> {
  using T = RuleUpdate;
  static constexpr std::tuple fields{field("rule_set", &T::rule_set), field("rules", &T::rules),
                                     field("remove_rules", &T::remove_rules)};
};
template <>
struct Description<ListUpdate> {
  using T = ListUpdate;
  static constexpr std::tuple fields{field("list_id", &T::list_id), field("add", &T::add), field("remove", &T::remove)};
};
template <>
struct Description<RestartRequired> {
  using T = RestartRequired;
  static constexpr std::tuple fields{field("reason", &T::reason), field("grace_period_ms", &T::grace_period_ms)};
};
template <>
struct Description<ConfigError> {
  using T = ConfigError;
  static constexpr std::tuple fields{field("error", &T::error), field<nullable>("field", &T::field)};
};
template <>
struct UnionNames<ConfigUpdate> {
  static constexpr std::array<std::string_view, 5> names{"request_reload", "rule_update", "list_update",
                                                         "restart_required", "config_error"};
};
template <>
struct Description<ConfigUpdateRequest> {
  using T = ConfigUpdateRequest;
  static constexpr std::tuple fields{field("update_type", &T::update), field("request_id", &T::request_id),
                                     field("timestamp_ms", &T::timestamp_ms)};
};

}  // namespace picket::wire

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "picket/base/bytes.hpp"
#include "picket/base/headers.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/value.hpp"

/// Every message of the protocol (protocol.md §3-§6, §8) as plain structs of views.
///
/// Lifetime: text, lists and bodies are borrowed. After decode() they point into the payload, or into the arena where
/// an escape or base64 forced a copy; both must outlive the message. copy_into() (copy.hpp) makes one that needs the
/// arena only. The fields of each message are listed once for both encodings in description.hpp.
namespace picket::wire {

using base::Header;
using base::HeaderOp;
using base::HeaderOps;
using base::Headers;
using Text = std::string_view;
using TextList = std::span<const Text>;

struct TextPair {
  Text key;
  Text value;
  friend bool operator==(const TextPair&, const TextPair&) = default;
};
using TextMap = std::span<const TextPair>;  ///< In wire order.

// ---- handshake
// ----------------------------------------------------------------------------------------------------------

enum class Encoding : std::uint8_t { json, msgpack };

/// Which events an agent wants or a proxy sends, by their numbers on a Unix socket (protocol.md §3).
enum class EventKind : std::uint8_t {
  configure = 0,
  request_headers = 1,
  request_body_chunk = 2,
  response_headers = 3,
  response_body_chunk = 4,
  request_complete = 5,
  websocket_frame = 6,
  guardrail_inspect = 7,
};

inline constexpr Text extension_raw_bytes = "raw-bytes";
inline constexpr Text extension_event_reply = "event-reply";
inline constexpr Text extension_one_way_complete = "one-way-complete";
inline constexpr std::array<Text, 3> all_extensions{extension_raw_bytes, extension_event_reply,
                                                    extension_one_way_complete};

struct HandshakeRequest {
  static constexpr FrameType type = FrameType::handshake_request;
  std::span<const std::uint32_t> supported_versions;
  Text proxy_id;
  Text proxy_version;
  Value config;
  std::span<const Encoding> supported_encodings;  ///< In order of preference; empty means JSON only.
  TextList extensions;                            ///< Ours: what the proxy offers.
  std::span<const std::int32_t> events;  ///< Ours: the kinds this proxy will send; empty means it does not say.
};

struct Features {
  bool streaming_body = false;
  bool websocket = false;
  bool guardrails = false;
  bool config_push = false;
  bool metrics_export = false;
  std::uint32_t concurrent_requests = 0;
  bool cancellation = false;
  bool flow_control = false;
  bool health_reporting = false;
};

struct Limits {
  std::uint64_t max_body_size = std::uint64_t{10} * 1024 * 1024;  ///< bytes
  std::uint32_t max_concurrency = 100;                            ///< exchanges
  std::uint64_t preferred_chunk_size = std::uint64_t{64} * 1024;  ///< bytes
};

struct Capabilities {
  Text agent_id;
  Text name;
  Text version;
  std::span<const std::int32_t> supported_events;  ///< EventKind numbers; 8 is configure too; unknown ones are skipped.
  Features features;
  Limits limits;
};

struct HandshakeResponse {
  static constexpr FrameType type = FrameType::handshake_response;
  std::uint32_t protocol_version = 0;
  Capabilities capabilities;
  bool success = false;
  std::optional<Text> error;
  std::optional<Encoding> encoding;  ///< Absent means JSON; never written as null.
  TextList extensions;               ///< Ours: the offered ones that the agent takes.
};

/// First frame of an agent that dials the proxy (type 0x01).
struct ReverseRegistration {
  static constexpr FrameType type = FrameType::handshake_request;
  std::uint32_t protocol_version = 2;
  Text agent_id;
  Capabilities capabilities;
  std::optional<Text> auth_token;
  std::optional<Value> metadata;
  std::span<const Encoding> supported_encodings;  ///< Ours: in order of preference; empty means JSON only.
  TextList extensions;                            ///< Ours: what the agent offers.
};

/// The proxy's answer to it (type 0x02).
struct ReverseAnswer {
  static constexpr FrameType type = FrameType::handshake_response;
  bool success = false;
  std::optional<Text> error;
  Text proxy_id;
  Text proxy_version;
  Text connection_id;
  std::optional<Encoding> encoding;      ///< Ours: absent means JSON; never written as null.
  TextList extensions;                   ///< Ours: the offered ones that the proxy takes.
  std::span<const std::int32_t> events;  ///< Ours: the kinds this proxy will send; empty means it does not say.
  std::optional<Value> config;           ///< Ours: the agent's configuration; Configure follows all the same.
  std::optional<std::uint32_t> connections_wanted;  ///< Ours: in all, from that agent.
};

// ---- events
// -------------------------------------------------------------------------------------------------------------

struct RequestMetadata {
  Text correlation_id;
  Text request_id;
  Text client_ip;  ///< The bare address.
  std::uint16_t client_port = 0;
  std::optional<Text> server_name;
  Text protocol;  ///< e.g. "HTTP/1.1"
  std::optional<Text> tls_version;
  std::optional<Text> tls_cipher;
  std::optional<Text> route_id;
  std::optional<Text> upstream_id;
  Text timestamp;  ///< RFC 3339
  std::optional<Text> traceparent;
};

struct RequestHeaders {
  static constexpr FrameType type = FrameType::request_headers;
  RequestMetadata metadata;
  Text method;
  Text uri;
  Headers headers;
};

struct RequestBodyChunk {
  static constexpr FrameType type = FrameType::request_body_chunk;
  Text correlation_id;
  base::ByteView data;  ///< The raw bytes, whatever the wire made of them.
  bool is_last = false;
  std::optional<std::uint64_t> total_size;
  std::uint32_t chunk_index = 0;
  std::uint64_t bytes_received = 0;  ///< Cumulative, this chunk included.
};

struct ResponseHeaders {
  static constexpr FrameType type = FrameType::response_headers;
  Text correlation_id;
  std::uint16_t status = 0;
  Headers headers;
};

struct ResponseBodyChunk {
  static constexpr FrameType type = FrameType::response_body_chunk;
  Text correlation_id;
  base::ByteView data;
  bool is_last = false;
  std::optional<std::uint64_t> total_size;
  std::uint32_t chunk_index = 0;
  std::uint64_t bytes_sent = 0;  ///< Cumulative, this chunk included.
};

struct RequestComplete {
  static constexpr FrameType type = FrameType::request_complete;
  Text correlation_id;
  std::uint16_t status = 0;
  std::uint64_t duration_ms = 0;
  std::uint64_t request_body_size = 0;
  std::uint64_t response_body_size = 0;
  std::uint32_t upstream_attempts = 0;
  std::optional<Text> error;
};

enum class WebSocketOpcode : std::uint8_t { text, binary, ping, pong, close, continuation };

struct WebSocketFrame {
  static constexpr FrameType type = FrameType::websocket_frame;
  Text correlation_id;
  WebSocketOpcode opcode = WebSocketOpcode::text;
  base::ByteView data;
  bool client_to_server = true;
  std::uint64_t frame_index = 0;  ///< Per direction.
  bool fin = true;
  std::optional<Text> route_id;
  Text client_ip;
};

enum class InspectionType : std::uint8_t { prompt_injection, pii_detection };

struct GuardrailInspect {
  static constexpr FrameType type = FrameType::guardrail_inspect;
  Text correlation_id;
  InspectionType inspection_type = InspectionType::prompt_injection;
  Text content;
  std::optional<Text> model;
  TextList categories;
  std::optional<Text> route_id;
  TextMap metadata;
};

struct Configure {
  static constexpr FrameType type = FrameType::configure;
  Value config;
  std::optional<Text> config_version;
  Text correlation_id;
};

/// The exchange that an event belongs to.
template <class Event>
[[nodiscard]] Text correlation_id_of(const Event& event) noexcept {
  if constexpr (requires { event.metadata.correlation_id; }) {
    return event.metadata.correlation_id;
  } else {
    return event.correlation_id;
  }
}

// ---- the answer
// ---------------------------------------------------------------------------------------------------------

struct Allow {
  friend bool operator==(const Allow&, const Allow&) = default;
};
struct Block {
  std::uint16_t status = 403;
  std::optional<Text> body;
  std::optional<TextMap> headers;
};
struct Redirect {
  Text url;
  std::uint16_t status = 302;
};
struct Challenge {
  Text challenge_type;
  TextMap params;
};
using Decision = std::variant<Allow, Block, Redirect, Challenge>;

struct Audit {
  TextList tags;
  TextList rule_ids;
  std::optional<float> confidence;
  TextList reason_codes;
  std::span<const Member> custom;  ///< Without the correlation id, which is AgentResponse::correlation_id.
};

struct BodyMutation {
  std::optional<base::ByteView> data;  ///< None: unchanged. Empty: drop the chunk. Else: replace it.
  std::uint32_t chunk_index = 0;
};

struct WebSocketClose {
  std::uint16_t code = 1000;
  Text reason;
};
enum class WebSocketVerdict : std::uint8_t { allow, drop };
using WebSocketDecision = std::variant<WebSocketVerdict, WebSocketClose>;

/// Which event a response answers; only with the extension event-reply (protocol.md §3).
struct ReplyTo {
  FrameType type = FrameType::request_headers;
  std::optional<std::uint64_t> index;    ///< Of a chunk, a frame, or an inspected content.
  std::optional<bool> client_to_server;  ///< Of frames, which are counted per direction.
  friend bool operator==(const ReplyTo&, const ReplyTo&) = default;
};

struct AgentResponse {
  static constexpr FrameType type = FrameType::agent_response;
  std::uint32_t version = 2;
  Decision decision;
  HeaderOps request_headers;
  HeaderOps response_headers;
  TextMap routing_metadata;
  Audit audit;
  bool needs_more = false;
  std::optional<BodyMutation> request_body_mutation;
  std::optional<BodyMutation> response_body_mutation;
  std::optional<WebSocketDecision> websocket_decision;
  Text correlation_id;  ///< From the top level or audit.custom; written to both (protocol.md §5).
  std::optional<ReplyTo> reply_to;
};

// ---- control
// ------------------------------------------------------------------------------------------------------------

struct Ping {
  static constexpr FrameType type = FrameType::ping;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;
};
struct Pong {
  static constexpr FrameType type = FrameType::pong;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;
};

enum class CancelReason : std::uint8_t {
  client_disconnect,
  timeout,
  blocked_by_agent,
  upstream_error,
  proxy_shutdown,
  manual
};

struct Cancel {
  static constexpr FrameType type = FrameType::cancel;
  Text correlation_id;
  CancelReason reason = CancelReason::manual;
  std::uint64_t timestamp_ms = 0;
};

enum class FlowAction : std::uint8_t { pause, resume, update_capacity };

struct FlowControl {
  static constexpr FrameType type = FrameType::flow_control;
  std::optional<Text> correlation_id;
  FlowAction action = FlowAction::pause;
  std::uint64_t buffer_available = 0;  ///< bytes; update_capacity only
  std::uint64_t timestamp_ms = 0;
};

enum class HealthState : std::uint8_t { healthy, degraded, draining, unhealthy };

struct Load {
  std::uint32_t in_flight = 0;
  std::uint32_t queue_depth = 0;
  float avg_latency_ms = 0;
  float p50_latency_ms = 0;
  float p95_latency_ms = 0;
  float p99_latency_ms = 0;
  std::uint64_t requests_processed = 0;
  std::uint64_t requests_rejected = 0;
  std::uint64_t requests_timed_out = 0;
};

struct Resources {
  std::optional<float> cpu_percent;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_limit;
  std::optional<std::uint32_t> active_threads;
  std::optional<std::uint32_t> open_fds;
  std::optional<std::uint32_t> fd_limit;
  std::optional<std::uint32_t> connections;
};

struct HealthStatus {
  static constexpr FrameType type = FrameType::health_status;
  Text agent_id;
  HealthState state = HealthState::healthy;
  TextList disabled_features;           ///< degraded
  float timeout_multiplier = 1;         ///< degraded
  std::optional<std::uint64_t> eta_ms;  ///< draining
  std::optional<Text> reason;           ///< unhealthy
  bool recoverable = true;              ///< unhealthy
  std::optional<Text> message;
  std::optional<Load> load;
  std::optional<Resources> resources;
  std::optional<std::uint64_t> valid_until_ms;
  std::uint64_t timestamp_ms = 0;
};

struct CounterMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  std::uint64_t value = 0;
};
struct GaugeMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  double value = 0;
};
struct UpperBound {
  double value = 0;  ///< "+Inf" on the wire is infinity here.
};
struct HistogramBucket {
  UpperBound le;
  std::uint64_t count = 0;
};
struct HistogramMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  double sum = 0;
  std::uint64_t count = 0;
  std::span<const HistogramBucket> buckets;
};

struct MetricsReport {
  static constexpr FrameType type = FrameType::metrics_report;
  Text agent_id;
  std::uint64_t timestamp_ms = 0;
  std::uint64_t interval_ms = 0;
  std::span<const CounterMetric> counters;
  std::span<const GaugeMetric> gauges;
  std::span<const HistogramMetric> histograms;
};

struct RequestReload {};
struct RuleDefinition {
  Text id;
  std::int32_t priority = 0;
  Value definition;
  bool enabled = true;
  std::optional<Text> description;
  TextList tags;
};
struct RuleUpdate {
  Text rule_set;
  std::span<const RuleDefinition> rules;
  TextList remove_rules;
};
struct ListUpdate {
  Text list_id;
  TextList add;
  TextList remove;
};
struct RestartRequired {
  Text reason;
  std::uint64_t grace_period_ms = 0;
};
struct ConfigError {
  Text error;
  std::optional<Text> field;
};
using ConfigUpdate = std::variant<RequestReload, RuleUpdate, ListUpdate, RestartRequired, ConfigError>;

struct ConfigUpdateRequest {
  static constexpr FrameType type = FrameType::config_update_request;
  ConfigUpdate update;
  Text request_id;
  std::uint64_t timestamp_ms = 0;
};

}  // namespace picket::wire

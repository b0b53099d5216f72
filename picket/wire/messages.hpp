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
/// arena only. The fields of each message are listed once, for all encodings, in internal/description.hpp.
///
/// Thread safety: values that nobody writes. Errors: none here; what a field may hold is checked where it is decoded,
/// and what an answer may ask for where it is applied. Units: bytes, and milliseconds where a name ends in `_ms`. A
/// field that is an optional may be missing or null on the wire; "ours" are fields of the extensions that we offer,
/// which other implementations ignore (protocol.md §3); "gRPC" are fields that sockets do not carry.
///
///   const std::array<base::Header, 1> fields{{{"host", "example.org"}}};
///   wire::RequestHeaders head{.method = "GET", .uri = "/", .headers = base::Headers{fields}};
///   head.metadata.correlation_id = id.text();
///   head.metadata.client_ip = "192.0.2.7";
///
/// Members that are not named have the defaults that stand here, which are also what a decoder leaves where a field may
/// be missing.
namespace picket::wire {

using base::Header;
using base::HeaderOp;
using base::HeaderOps;
using base::Headers;
using Text = std::string_view;
using TextList = std::span<const Text>;

/// One entry of a map from text to text. A name may come twice: none is dropped on the way.
struct TextPair {
  Text key;
  Text value;
  friend bool operator==(const TextPair&, const TextPair&) = default;
};
using TextMap = std::span<const TextPair>;  ///< In wire order.

// ---- handshake

/// How messages are written. On a socket both ends agree on one of the first two, in a handshake that is JSON, always
/// (protocol.md §3, §7); on gRPC everything is protobuf. Names in JSON: "json", "msgpack"; protobuf is not negotiated.
enum class Encoding : std::uint8_t { json, msgpack, protobuf };

/// Which events an agent wants or a proxy sends, by their numbers on a Unix socket (protocol.md §3). gRPC has other
/// numbers (protocol.md §9). An agent is sent `request_complete` in any case, once it has seen any other kind.
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

/// Bodies and header values travel as MessagePack's bin, without base64. Saves a third of a body's size on the wire,
/// and the time of encoding it.
inline constexpr Text extension_raw_bytes = "raw-bytes";
/// An answer names its event, so that several events of one exchange may be in flight. Without it an exchange has one
/// event at a time on a connection, and a body waits for the answer to its head.
inline constexpr Text extension_event_reply = "event-reply";
/// RequestComplete is not answered. Saves an answer per exchange and agent.
inline constexpr Text extension_one_way_complete = "one-way-complete";

/// The proxy's first frame (protocol.md §3). It sends no other before the answer has come; whoever waits for either
/// bounds that in time.
struct HandshakeRequest {
  static constexpr FrameType type = FrameType::handshake_request;
  std::span<const std::uint32_t> supported_versions;
  Text proxy_id;
  Text proxy_version;
  Value config;                                   ///< The agent's configuration; null where it has none.
  std::span<const Encoding> supported_encodings;  ///< In order of preference; empty means JSON only.
  TextList extensions;                            ///< Ours: what the proxy offers.
  std::span<const std::int32_t> events;  ///< Ours: the kinds this proxy will send; empty means it does not say.
  /// What agents of the dialect site read in place of the versions and the id; others skip them (protocol.md §13).
  std::uint32_t protocol_version = 0;
  Text client_name;
};

/// What an agent says that it can do. Which events it gets is Capabilities::supported_events; a proxy of ours acts on
/// `streaming_body` alone, and only of an agent that takes none of our extensions: without it each body comes in one
/// event. The others are for people, and for other proxies.
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

/// What an agent can bear. The proxy sends no more.
///
/// A body above `max_body_size` goes past the agent where it fails open, and is a failure where it fails closed. Over
/// `max_concurrency` events wait at the proxy. 0 stands for no limit, respectively for no wish.
///
/// Where a chain asks several agents each has its own; what the proxy itself takes of a client is bounded apart from
/// it.
struct Limits {
  std::uint64_t max_body_size = std::uint64_t{10} * 1024 * 1024;  ///< bytes
  std::uint32_t max_concurrency = 100;                            ///< exchanges
  std::uint64_t preferred_chunk_size = std::uint64_t{64} * 1024;  ///< bytes
  std::optional<std::uint64_t> max_memory;                        ///< gRPC: bytes
  std::optional<std::uint64_t> max_processing_time_ms;            ///< gRPC
};

/// gRPC: how often the agent would say how it is, and with what.
struct HealthConfig {
  std::uint32_t report_interval_ms = 0;  ///< 0: not by itself.
  bool include_load_metrics = false;
  bool include_resource_metrics = false;
};

/// Who an agent is. Every field must be there (protocol.md §3).
struct Capabilities {
  Text agent_id;  ///< Which agent; several connections, and several processes, may say the same.
  Text name;      ///< For people.
  Text version;   ///< Of the agent's program, for people.
  /// EventKind numbers; 8 is configure too; unknown ones are skipped. Empty means request_headers. What an agent
  /// without extensions says here is not exact.
  std::span<const std::int32_t> supported_events;
  Features features;
  Limits limits;
  std::uint32_t protocol_version = 2;         ///< gRPC: says what HandshakeResponse says.
  std::optional<HealthConfig> health_config;  ///< gRPC
};

/// The agent's first frame. Where it refuses, the connection ends after it (protocol.md §3). Whoever decodes one of a
/// peer looks at `success` first: with false the rest says nothing.
struct HandshakeResponse {
  static constexpr FrameType type = FrameType::handshake_response;
  std::uint32_t protocol_version = 0;  ///< 2; 0 where it refuses.
  Capabilities capabilities;           ///< Empty where it refuses.
  bool success = false;
  std::optional<Text> error;         ///< Why it refuses.
  std::optional<Encoding> encoding;  ///< Absent means JSON; never written as null.
  TextList extensions;               ///< Ours: the offered ones that the agent takes.
};

/// First frame of an agent that dials the proxy (protocol.md §8). In the place of HandshakeRequest, with its type:
/// which of both it is follows from who dialled. JSON, always.
struct ReverseRegistration {
  static constexpr FrameType type = FrameType::handshake_request;
  std::uint32_t protocol_version = 2;
  /// Under which the proxy knows the agent: its rules say whose block that feeds. One that another live agent has needs
  /// the same token.
  Text agent_id;
  Capabilities capabilities;
  std::optional<Text> auth_token;                 ///< A secret: compared in constant time, and never logged.
  std::optional<Value> metadata;                  ///< For people.
  std::span<const Encoding> supported_encodings;  ///< Ours: in order of preference; empty means JSON only.
  TextList extensions;                            ///< Ours: what the agent offers.
};

/// The proxy's answer to it. Where it refuses, the connection ends after it, and the agent is told why; what an agent
/// may know of a refusal is the sentence in `error`.
struct ReverseAnswer {
  static constexpr FrameType type = FrameType::handshake_response;
  bool success = false;
  std::optional<Text> error;
  Text proxy_id;
  Text proxy_version;
  Text connection_id;                    ///< The proxy's own name for this connection; for logs.
  std::optional<Encoding> encoding;      ///< Ours: absent means JSON; never written as null.
  TextList extensions;                   ///< Ours: the offered ones that the proxy takes.
  std::span<const std::int32_t> events;  ///< Ours: the kinds this proxy will send; empty means it does not say.
  std::optional<Value> config;           ///< Ours: the agent's configuration; Configure follows all the same.
  std::optional<std::uint32_t> connections_wanted;  ///< Ours: in all, from that agent.
};

// ---- events

/// Where a request comes from and where it goes, as the proxy sees it (protocol.md §4). What came from the client
/// itself (`request_id`, `server_name`, `traceparent`) is the client's word, and no more.
struct RequestMetadata {
  Text correlation_id;  ///< Names the exchange; 1 to 256 bytes, the proxy's to choose.
  Text request_id;      ///< For logs: may be the client's own word for the request, so it names nothing safely.
  Text client_ip;       ///< The bare address.
  std::uint16_t client_port = 0;
  std::optional<Text> server_name;  ///< The host that was asked for.
  Text protocol;                    ///< e.g. "HTTP/1.1"
  std::optional<Text> tls_version;  ///< e.g. "TLSv1.3"; none in clear.
  std::optional<Text> tls_cipher;
  std::optional<Text> route_id;     ///< The proxy's route, where one was found already.
  std::optional<Text> upstream_id;  ///< Where the route leads.
  Text timestamp;                   ///< RFC 3339
  std::optional<Text> traceparent;  ///< W3C Trace Context, where the request has one.
};

/// A request's head, from the proxy, before anything of it goes on.
///
/// What agents see is what would go upstream, and all of it: fields that stay on the client's hop are not shown.
struct RequestHeaders {
  static constexpr FrameType type = FrameType::request_headers;
  RequestMetadata metadata;
  Text method;        ///< In its own letters.
  Text uri;           ///< The target as it would go on: path and query, undecoded.
  Headers headers;    ///< Names in lower case on the wire; values are bytes, several of one name in their order.
  Text http_version;  ///< gRPC: what metadata.protocol says.
};

/// A piece of a request's body, from the proxy. Chunks come in order, through the last one or to the first answer that
/// is not allow (protocol.md §4).
///
/// What of it has gone on is for the answers to say: an allow lets go what the proxy holds, unless it needs more. Where
/// a body is larger than the agent bears and that fails open, an empty last chunk tells it that no more comes.
///
/// Where it is cut is the proxy's choice, in the middle of a character, too: what an agent looks for may lie across
/// two.
struct RequestBodyChunk {
  static constexpr FrameType type = FrameType::request_body_chunk;
  Text correlation_id;
  base::ByteView data;                       ///< The raw bytes, whatever the wire made of them.
  bool is_last = false;                      ///< Nothing follows; the last chunk may be empty.
  std::optional<std::uint64_t> total_size;   ///< Bytes of the whole body, where that is known.
  std::uint32_t chunk_index = 0;             ///< From 0.
  std::uint64_t bytes_received = 0;          ///< Cumulative, this chunk included.
  std::uint64_t proxy_buffer_available = 0;  ///< gRPC: bytes
  std::uint64_t timestamp_ms = 0;            ///< gRPC
};

/// The head of the upstream's answer, from the proxy, before the client sees any of it. A block, a redirect or a
/// challenge takes its place. Interim answers, such as 103, are not shown.
struct ResponseHeaders {
  static constexpr FrameType type = FrameType::response_headers;
  Text correlation_id;
  std::uint16_t status = 0;
  Headers headers;
};

/// A piece of the answer's body, from the proxy; as RequestBodyChunk.
struct ResponseBodyChunk {
  static constexpr FrameType type = FrameType::response_body_chunk;
  Text correlation_id;
  base::ByteView data;
  bool is_last = false;                      ///< Nothing follows; the last chunk may be empty.
  std::optional<std::uint64_t> total_size;   ///< Bytes of the whole body, where that is known.
  std::uint32_t chunk_index = 0;             ///< From 0.
  std::uint64_t bytes_sent = 0;              ///< Cumulative, this chunk included.
  std::uint64_t proxy_buffer_available = 0;  ///< gRPC: bytes
  std::uint64_t timestamp_ms = 0;            ///< gRPC
};

/// The exchange is over, says the proxy: to every agent that has heard anything of it, whatever became of it, once.
/// Answered as any event, unless one-way-complete was agreed (protocol.md §3); the answer changes nothing. What an
/// agent keeps of the exchange can go after it.
struct RequestComplete {
  static constexpr FrameType type = FrameType::request_complete;
  Text correlation_id;
  std::uint16_t status = 0;              ///< The client's.
  std::uint64_t duration_ms = 0;         ///< From the request's head to the end of the answer.
  std::uint64_t request_body_size = 0;   ///< bytes
  std::uint64_t response_body_size = 0;  ///< bytes
  std::uint32_t upstream_attempts = 0;   ///< 0: no upstream was asked.
  std::optional<Text> error;             ///< None where nothing failed.
  std::optional<Text> upstream;          ///< gRPC
  bool from_cache = false;               ///< gRPC
};

/// RFC 6455 §5.2, by their names: its numbers do not travel.
enum class WebSocketOpcode : std::uint8_t { text, binary, ping, pong, close, continuation };

/// One frame of an upgraded connection, of either direction, from the proxy. A message may be several (RFC 6455 §5.4).
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

/// What the text is looked at for. Their names travel on sockets, numbers on gRPC.
enum class InspectionType : std::uint8_t { prompt_injection, pii_detection };

/// Text for a language model, or from one, from the proxy. With event-reply its place among those of its exchange and
/// direction stands in `metadata`, as "index" (protocol.md §3).
struct GuardrailInspect {
  static constexpr FrameType type = FrameType::guardrail_inspect;
  Text correlation_id;
  InspectionType inspection_type = InspectionType::prompt_injection;
  Text content;
  std::optional<Text> model;
  TextList categories;
  std::optional<Text> route_id;
  TextMap metadata;
  Value context;  ///< gRPC
};

/// The proxy's configuration for this agent: right after the handshake, and again when it was reloaded. Only an allow
/// lets the connection be used (protocol.md §4). On gRPC it has no id and no answer: the Pong of the Ping behind it
/// says that it was taken.
struct Configure {
  static constexpr FrameType type = FrameType::configure;
  Value config;
  std::optional<Text> config_version;
  Text correlation_id;             ///< The proxy's own; of no exchange.
  bool is_initial = false;         ///< gRPC: the first of its connection.
  std::uint64_t timestamp_ms = 0;  ///< gRPC
};

/// The exchange that an event belongs to. Lifetime: a view of the event's text.
template <class Event>
[[nodiscard]] Text correlation_id_of(const Event& event) noexcept {
  if constexpr (requires { event.metadata.correlation_id; }) {
    return event.metadata.correlation_id;
  } else {
    return event.correlation_id;
  }
}

// ---- the answer

// The four decisions, and what else an answer says (protocol.md §5). An agent makes one answer for each event.

/// Nothing speaks against it, as far as this agent is asked. The others may still stop it.
struct Allow {
  friend bool operator==(const Allow&, const Allow&) = default;
};
/// The client gets this in place of what it asked for.
struct Block {
  std::uint16_t status = 403;  ///< 200 to 599; another one is a failure of the agent.
  std::optional<Text> body;    ///< None: the proxy chooses. Empty: an answer without content.
  std::optional<TextMap> headers;
};
struct Redirect {
  Text url;                    ///< Absolute or relative (RFC 9110 §10.2.2).
  std::uint16_t status = 302;  ///< 301, 302, 303, 307 or 308; another one is a failure of the agent.
};
/// The client is to prove something first. Written as a `WWW-Authenticate` field where the type is one of HTTP's:
/// `{.challenge_type = "basic", .params = …}` with the parameter "realm" asks a browser for a password.
struct Challenge {
  Text challenge_type;  ///< "basic", "bearer", "digest", or a word of the agent's own.
  TextMap params;       ///< Of WWW-Authenticate where the type is one of HTTP's (RFC 9110 §11.2).
};
using Decision = std::variant<Allow, Block, Redirect, Challenge>;

/// What the proxy's audit log keeps of an answer; it decides nothing. Texts are the agent's: whoever shows them escapes
/// them.
struct Audit {
  TextList tags;
  TextList rule_ids;                ///< The rules that matched.
  std::optional<float> confidence;  ///< From 0 to 1.
  TextList reason_codes;
  std::span<const Member> custom;  ///< Without the correlation id, which is AgentResponse::correlation_id.
};

/// What becomes of a chunk: the one that is answered, or an earlier one that is still held. Another is a failure of the
/// agent.
struct BodyMutation {
  std::optional<base::ByteView> data;  ///< None: unchanged. Empty: drop the chunk. Else: replace it.
  std::uint32_t chunk_index = 0;
};

/// The connection ends with this code, both ways.
struct WebSocketClose {
  std::uint16_t code = 1000;  ///< RFC 6455 §7.4.
  Text reason;
};
/// What becomes of one frame; a dropped one is not told to the other end.
enum class WebSocketVerdict : std::uint8_t { allow, drop };
using WebSocketDecision = std::variant<WebSocketVerdict, WebSocketClose>;

/// Which event a response answers; only with the extension event-reply (protocol.md §3). With it the answers to one
/// exchange's events may come in any order. One that fits no event in flight is dropped.
struct ReplyTo {
  FrameType type = FrameType::request_headers;
  std::optional<std::uint64_t> index;    ///< Of a chunk, a frame, or an inspected content.
  std::optional<bool> client_to_server;  ///< Of frames, which are counted per direction.
  friend bool operator==(const ReplyTo&, const ReplyTo&) = default;
};

/// The agent's answer to one event. What it changes is bounded: 256 header fields, 64 KiB of names and values together.
/// An answer of which a part cannot be honoured is a failure of the agent, whole (protocol.md §5).
struct AgentResponse {
  static constexpr FrameType type = FrameType::agent_response;
  std::uint32_t version = 2;
  Decision decision;
  HeaderOps request_headers;   ///< On the request, in this order, while it has not gone on.
  HeaderOps response_headers;  ///< On the upstream's answer, or on the one that a block, redirect or challenge makes.
  TextMap routing_metadata;    ///< For the proxy's choice of an upstream.
  Audit audit;
  bool needs_more = false;  ///< What the proxy holds stays held. Not in the answer to the last chunk.
  std::optional<BodyMutation> request_body_mutation;
  std::optional<BodyMutation> response_body_mutation;
  std::optional<WebSocketDecision> websocket_decision;
  Text correlation_id;              ///< From the top level or audit.custom; written to both (protocol.md §5).
  std::optional<ReplyTo> reply_to;  ///< With event-reply only, and then always.
  std::optional<std::uint64_t> processing_time_ms;  ///< gRPC
};

// ---- control

/// Is anybody there? On sockets JSON always. A Pong repeats the payload of its Ping byte for byte (protocol.md §6).
struct Ping {
  static constexpr FrameType type = FrameType::ping;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;
};
struct Pong {
  static constexpr FrameType type = FrameType::pong;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;    ///< The ping's.
  std::uint64_t answered_at_ms = 0;  ///< gRPC
};

/// Why nobody wants an answer any more. The order is that of the numbers on the wire, from 0 (protocol.md §6).
enum class CancelReason : std::uint8_t {
  client_disconnect,
  timeout,
  blocked_by_agent,
  upstream_error,
  proxy_shutdown,
  manual
};

/// From the proxy: ends every event of the exchange at the agent. An answer that crosses it is dropped. On sockets JSON
/// always. Nothing is said in return, and RequestComplete still follows where the agent has seen anything.
struct Cancel {
  static constexpr FrameType type = FrameType::cancel;
  Text correlation_id;
  CancelReason reason = CancelReason::manual;
  std::uint64_t timestamp_ms = 0;
  std::optional<Text> blocking_agent_id;  ///< gRPC: with blocked_by_agent.
  std::optional<Text> manual_reason;      ///< gRPC: with manual.
};

/// `pause` and `resume` are of everything, or of one exchange; `update_capacity` says how many bytes of bodies may
/// come.
enum class FlowAction : std::uint8_t { pause, resume, update_capacity };

/// From the agent: how much it wants to be sent. A wish that bounds memory, not time: events that are on their way
/// still come, and a pause lasts no longer than the proxy lets it.
///
/// A pause ends by itself after 30 s without another. With update_capacity bytes of bodies that are sent and not
/// answered yet count; below 1 KiB it counts as 1 KiB, but 0 is a pause (protocol.md §6).
struct FlowControl {
  static constexpr FrameType type = FrameType::flow_control;
  std::optional<Text> correlation_id;  ///< The exchange that is meant; none: all of the connection.
  FlowAction action = FlowAction::pause;
  std::uint64_t buffer_available = 0;  ///< bytes; update_capacity only
  std::uint64_t timestamp_ms = 0;
};

/// `draining`: the agent means to go, takes no new exchanges, and ends those that it has.
enum class HealthState : std::uint8_t { healthy, degraded, draining, unhealthy };

/// How busy an agent is, in its own words; 0 where it does not say. The requests are totals.
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

/// What an agent uses of its machine; none of what it does not know. `cpu_percent` is of one core:
/// it may be more than 100.
struct Resources {
  std::optional<float> cpu_percent;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_limit;
  std::optional<std::uint32_t> active_threads;
  std::optional<std::uint32_t> open_fds;
  std::optional<std::uint32_t> fd_limit;
  std::optional<std::uint32_t> connections;
};

/// How an agent is, in its own words. A field that belongs to one state is set with that state only. On sockets two
/// shapes of it are read (protocol.md §6), and one is written.
///
/// Draining and unhealthy take the connection out of the choice for new exchanges. A `timeout_multiplier` counts from 1
/// to 10 and stretches the proxy's time-outs. `disabled_features` name kinds of event, or capabilities: those events
/// are not sent (protocol.md §6).
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
  /// Until then it holds, by the agent's own clock: what counts is how long after `timestamp_ms` that is. None: until
  /// it says otherwise.
  std::optional<std::uint64_t> valid_until_ms;
  std::uint64_t timestamp_ms = 0;
};

/// A number of the agent that only grows. Names and labels are the agent's: whoever shows them must not trust them.
struct CounterMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  std::uint64_t value = 0;
};
/// A number that goes up and down.
struct GaugeMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  double value = 0;
};
/// Where a bucket ends. Its type is its own since the wire has a word among the numbers.
struct UpperBound {
  double value = 0;  ///< "+Inf" on the wire is infinity here.
};
/// How many values were at most that large; each bucket counts those of the smaller ones, too.
struct HistogramBucket {
  UpperBound le;
  std::uint64_t count = 0;
};
/// Values by size. `sum` and `count` are of all of them, those above the last bucket included.
struct HistogramMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  double sum = 0;
  std::uint64_t count = 0;
  std::span<const HistogramBucket> buckets;
};

/// What an agent counts, from the agent, with the time that it covers. Whoever shows it bounds how many series that
/// are.
///
/// Totals since the agent was started, not since the last report, and the same on each of its connections: a reader
/// takes the one with the newest `timestamp_ms`.
struct MetricsReport {
  static constexpr FrameType type = FrameType::metrics_report;
  Text agent_id;
  std::uint64_t timestamp_ms = 0;
  std::uint64_t interval_ms = 0;
  std::span<const CounterMetric> counters;
  std::span<const GaugeMetric> gauges;
  std::span<const HistogramMetric> histograms;
};

/// The proxy is to read its own configuration again.
struct RequestReload {};
/// One rule; what `definition` means is between the agent and whoever keeps its rules.
struct RuleDefinition {
  Text id;
  std::int32_t priority = 0;
  Value definition;
  bool enabled = true;
  std::optional<Text> description;
  TextList tags;
};
/// Rules that are to be put into a set, and ids of others that are to be taken out of it.
struct RuleUpdate {
  Text rule_set;
  std::span<const RuleDefinition> rules;
  TextList remove_rules;
};
/// Entries of a list, such as addresses, to be added and taken out.
struct ListUpdate {
  Text list_id;
  TextList add;
  TextList remove;
};
/// The agent is to be started anew: its connections drain one after the other, and end after that time at the latest.
struct RestartRequired {
  Text reason;
  std::uint64_t grace_period_ms = 0;
};
/// The agent cannot do what its configuration asks.
struct ConfigError {
  Text error;
  std::optional<Text> field;
};
using ConfigUpdate = std::variant<RequestReload, RuleUpdate, ListUpdate, RestartRequired, ConfigError>;

/// From the agent: it wants its configuration changed, or has failed with it. What comes of it is the proxy's choice. A
/// gateway reloads at most once in 10 s, whatever is asked.
struct ConfigUpdateRequest {
  static constexpr FrameType type = FrameType::config_update_request;
  ConfigUpdate update;
  Text request_id;
  std::uint64_t timestamp_ms = 0;
};

/// The proxy's answer to it: on gRPC, and on sockets where config-reply was agreed (protocol.md §3).
struct ConfigUpdateResponse {
  static constexpr FrameType type = FrameType::config_update_response;
  Text request_id;
  bool accepted = false;
  std::optional<Text> error;  ///< Why not.
  std::uint64_t timestamp_ms = 0;
};

// ---- what only gRPC carries

/// As loggers have them; the proxy has its own idea of what is written.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

/// A line for the proxy's log, from the agent. What it says is the agent's: whoever shows it must not trust it. Control
/// characters in it are to be escaped, and the number of lines bounded: a peer could fill a disk.
struct LogMessage {
  static constexpr FrameType type = FrameType::log;
  LogLevel level = LogLevel::info;
  Text message;
  std::optional<Text> correlation_id;
  TextMap fields;
  std::uint64_t timestamp_ms = 0;
};

/// For the agent's log. Numbers on the wire count from 1.
enum class ShutdownReason : std::uint8_t { graceful, immediate, config_reload, upgrade };

/// From the proxy: the agent is to end, after so long at most (ControlStream only).
struct ShutdownRequest {
  static constexpr FrameType type = FrameType::shutdown;
  ShutdownReason reason = ShutdownReason::graceful;
  std::uint64_t grace_period_ms = 0;
  std::uint64_t timestamp_ms = 0;
};

/// For the agent's log. Numbers on the wire count from 1.
enum class DrainReason : std::uint8_t { config_reload, maintenance, health_check_failed, manual };

/// From the proxy: the agent is to take no new exchanges for so long (ControlStream only).
struct DrainRequest {
  static constexpr FrameType type = FrameType::drain;
  std::uint64_t duration_ms = 0;
  DrainReason reason = DrainReason::manual;
  std::uint64_t timestamp_ms = 0;
};

}  // namespace picket::wire

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "picket/wire/frame.hpp"
#include "picket/wire/text.hpp"
#include "picket/wire/value.hpp"

/// How a connection begins: handshake and registration (protocol.md §3, §8). Lifetime, thread safety, errors and units:
/// as messages.hpp has them.
namespace picket::wire {

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

}  // namespace picket::wire

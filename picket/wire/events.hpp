#pragma once

#include <cstdint>
#include <optional>

#include "picket/base/bytes.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/text.hpp"
#include "picket/wire/value.hpp"

/// What an agent is asked about, and told (protocol.md §4). Lifetime, thread safety, errors and units: as messages.hpp
/// has them.
namespace picket::wire {

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
  Text http_version;  ///< gRPC: what metadata.protocol says. Who sends it through a session leaves it empty.
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

}  // namespace picket::wire

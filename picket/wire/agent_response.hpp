#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "picket/base/bytes.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/text.hpp"
#include "picket/wire/value.hpp"

/// What an agent answers (protocol.md §5). Lifetime, thread safety, errors and units: as messages.hpp has them.
namespace picket::wire {

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
  std::optional<bool> client_to_server;  ///< Of frames, which are counted per direction.
  std::optional<std::uint64_t> index;    ///< Of a chunk, a frame, or an inspected content.
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

}  // namespace picket::wire

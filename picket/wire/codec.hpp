#pragma once

#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/envelope.hpp"
#include "picket/wire/messages.hpp"
#include "picket/wire/output.hpp"

namespace picket::wire {

/// How two peers agreed to write: the encoding of the connection and the extensions it uses (protocol.md §3, §7).
/// Protobuf carries bytes as they are, whatever `raw_bytes` says.
///
/// Thread safety: a value. The default is what both ends speak before they have agreed on anything.
///
/// Both ends have the same from the end of the handshake on, until the connection ends.
struct Format {
  Encoding encoding = Encoding::json;
  bool raw_bytes = false;           ///< MessagePack only: bodies are bin, and so are header values that are not UTF-8.
  bool event_reply = false;         ///< Responses name the event that they answer.
  Stream stream = Stream::process;  ///< Protobuf only: where what is written goes.
  friend bool operator==(const Format&, const Format&) = default;
};

/// Appends one whole frame, as the output's framing has it, straight into the output: nothing is built beside it, and
/// nothing allocates once that is warm. Handshake, ping, pong and cancel are written as JSON, unless everything is
/// protobuf (protocol.md §7); a protobuf payload is the envelope with the message in it (envelope.hpp). Instantiated
/// for every message of messages.hpp. Lifetime: a body that travels as its own iovec is borrowed, see Output::splice.
/// Errors: message_too_large where the frame would be over 16 MiB, serialization where the encoding has no such
/// message; `out` is then as before. Complexity: linear in what is written; a body that is spliced costs what an iovec
/// does, whatever its size.
///
///   wire::Output out;
///   const base::Status written = wire::encode(format, wire::Ping{.sequence = 1, .timestamp_ms = now}, out);
///
/// Thread safety: pure, but for `out`. Whoever appends several messages and wants all or none takes a mark() before.
template <class Message>
[[nodiscard]] base::Status encode(const Format& format, const Message& message, Output& out);

/// Appends a frame whose payload is bytes already: the pong that repeats a ping, a message that was written once for
/// many. Of `format` only what says how payloads are wrapped counts. `payload` < limits::max_frame_length. Nothing of
/// it is looked at: a payload that is no message of that type ends the connection at the other end.
void append_frame(FrameType type, std::string_view payload, Output& out, const Format& format = {});

/// Reads one payload; of protobuf, what open_envelope() found. Views point into `payload` or `arena`; both must outlive
/// the message.
/// `payload` must be followed by limits::tail_padding readable bytes (any content): the readers look ahead in blocks.
/// Fields that are not known here are skipped, missing ones have their defaults where they have one. Nothing that a
/// peer sends makes it read outside of that, or take memory out of proportion to the payload.
/// Errors: invalid_message, saying what was expected and at which byte. Complexity: linear in the payload.
///
///   base::Arena arena;  // reset before the next message, when nobody looks at this one any more
///   const auto head = wire::decode<wire::RequestHeaders>(format, frame.payload, arena);
///   if (!head) return head.error();  // the connection is of no use any more
///
/// Thread safety: pure, but for `arena`; several threads may read one payload.
template <class Message>
[[nodiscard]] base::Result<Message> decode(const Format& format, std::string_view payload, base::Arena& arena);
/// The same into a message that is as it was made; after an error it is anything. Saves the copy of a large message.
/// Memory that it took of `arena` stays taken until the arena's reset, after an error, too.
template <class Message>
[[nodiscard]] base::Status decode_into(Message& message, const Format& format, std::string_view payload,
                                       base::Arena& arena);

/// Reads or writes any value as JSON text: configurations, tests, tools. All of `text` has to be one value; it is
/// copied into `arena`, so that it needs no padding and need not outlive the value. Errors: as decode()'s. Complexity:
/// linear, with one copy of the text.
[[nodiscard]] base::Result<Value> parse_json(std::string_view text, base::Arena& arena);
/// Numbers that JSON has not (infinity) are null; text that is not UTF-8 has U+FFFD in place of what is none. On one
/// line, without spaces. Members stay in their order, and a name that stands twice is written twice.
[[nodiscard]] std::string to_json(const Value& value);

/// A message as JSON text without a frame: logs, tests, `picket call --json`. Secrets are written as they are: mask
/// them before.
template <class Message>
[[nodiscard]] std::string to_json(const Message& message);

}  // namespace picket::wire

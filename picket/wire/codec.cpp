#include "picket/wire/codec.hpp"

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/wire/internal/instances.hpp"
#include "picket/wire/internal/json_reader.hpp"
#include "picket/wire/internal/json_writer.hpp"
#include "picket/wire/internal/plain_allow.hpp"
#include "picket/wire/internal/protobuf_codec.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"

namespace picket::wire {
namespace {

/// Handshakes and liveness are JSON on every socket (protocol.md §7).
constexpr Encoding encoding_of(FrameType type, const Format& format) noexcept {
  if (format.encoding == Encoding::protobuf) return Encoding::protobuf;
  switch (type) {
    case FrameType::handshake_request:
    case FrameType::handshake_response:
    case FrameType::cancel:
    case FrameType::ping:
    case FrameType::pong: return Encoding::json;
    default: return format.encoding;
  }
}

template <class Message>
base::Status write_payload(const Format& format, const Message& message, Output& out) {
  const Encoding encoding = encoding_of(Message::type, format);
  if (encoding == Encoding::protobuf) return internal::write_protobuf(format, message, out);
  if constexpr (std::is_same_v<Message, AgentResponse>) {
    if (internal::write_plain_allow(format, message, out)) return {};
  }
  encoding == Encoding::json ? internal::write_json(format, message, out)
                             : internal::write_msgpack(format, message, out);
  return {};
}

/// What stands before a payload that is bytes already, in protobuf: the member of the envelope.
void append_member(FrameType type, std::size_t size, const Format& format, Output& out) {
  const std::uint32_t tag = internal::tag_of(number_in(format.stream, type), internal::WireType::bytes);
  char* const begin = out.prepare(internal::longest_tag + internal::longest_length);
  char* const end = internal::put_varint(size, internal::put_varint(tag, begin));
  out.commit(static_cast<std::size_t>(end - begin));
}

void reserve_header(Output& out) {
  const std::size_t size = out.framing().header_size;
  (void)out.prepare(size);
  out.commit(size);
}

void write_header(FrameType type, std::size_t payload_size, char* at, const Output& out) noexcept {
  if (out.framing().header_size != 0) out.framing().write_header(at, type, payload_size);
}

}  // namespace

template <class Message>
base::Status encode(const Format& format, const Message& message, Output& out) {
  const auto mark = out.mark();
  reserve_header(out);
  if (auto status = write_payload(format, message, out); !status) {
    out.rewind(mark);
    return status;
  }
  const std::size_t payload = out.size() - mark.size - out.framing().header_size;
  if (payload >= base::limits::max_frame_length) {
    out.rewind(mark);
    return base::fail(base::ErrorKind::message_too_large,
                      fmt::format("a {} frame of {} bytes; at most {} are allowed", name(Message::type), payload + 1,
                                  base::limits::max_frame_length));
  }
  write_header(Message::type, payload, out.at(mark), out);
  return {};
}

void append_frame(FrameType type, std::string_view payload, Output& out, const Format& format) {
  const auto mark = out.mark();
  reserve_header(out);
  if (format.encoding == Encoding::protobuf) append_member(type, payload.size(), format, out);
  out.append(payload);
  write_header(type, out.size() - mark.size - out.framing().header_size, out.at(mark), out);
}

template <class Message>
base::Status decode_into(Message& message, const Format& format, std::string_view payload, base::Arena& arena) {
  const Encoding encoding = encoding_of(Message::type, format);
  if (encoding == Encoding::protobuf) return internal::read_protobuf(payload, arena, message);
  if constexpr (std::is_same_v<Message, AgentResponse>) {
    if (internal::read_plain_allow(encoding, payload, message)) return {};
  }
  return encoding == Encoding::json ? internal::read_json(payload, arena, message)
                                    : internal::read_msgpack(format, payload, arena, message);
}

template <class Message>
base::Result<Message> decode(const Format& format, std::string_view payload, base::Arena& arena) {
  base::Result<Message> result;
  auto status = decode_into(*result, format, payload, arena);
  if (!status) return std::move(status.error());
  return result;
}

template <class Message>
std::string to_json(const Message& message) {
  Output out;
  internal::write_json({.event_reply = true}, message, out);
  return out.flatten();
}

#define PICKET_INSTANTIATE(Message)                                                                    \
  template base::Status encode<Message>(const Format&, const Message&, Output&);                       \
  template base::Result<Message> decode<Message>(const Format&, std::string_view, base::Arena&);       \
  template base::Status decode_into<Message>(Message&, const Format&, std::string_view, base::Arena&); \
  template std::string to_json<Message>(const Message&);
PICKET_FOR_EACH_MESSAGE(PICKET_INSTANTIATE)
#undef PICKET_INSTANTIATE

base::Result<Value> parse_json(std::string_view text, base::Arena& arena) {
  // Callers hold text without the padding that payloads have.
  auto* const padded = static_cast<char*>(arena.allocate(text.size() + base::limits::tail_padding, 1));
  std::copy(text.begin(), text.end(), padded);
  internal::JsonReader reader{{padded, text.size()}, arena};
  Value value;
  if (!reader.read_value(value) || !reader.finish()) return reader.error();
  return value;
}

std::string to_json(const Value& value) {
  Output out;
  internal::JsonWriter{out}.value(value);
  return out.flatten();
}

}  // namespace picket::wire

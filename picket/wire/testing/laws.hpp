#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/testing/padded.hpp"

/// What must hold for any bytes: shared by the tests and the fuzz targets. Each returns what is wrong; empty: nothing.
namespace picket::wire::testing {

/// Of protobuf with the stream that carries the message.
template <class Message>
[[nodiscard]] Format on_its_stream(Format format) {
  if (number_in(format.stream, Message::type) == 0) format.stream = Stream::control;
  return format;
}

/// What is in an envelope of any kind, where that has the message's type.
template <class Message>
[[nodiscard]] std::optional<std::string> content(std::string_view bytes) {
  for (const Envelope envelope :
       {Envelope::proxy_to_agent, Envelope::agent_to_proxy, Envelope::agent_control, Envelope::proxy_control}) {
    const auto opened = open_envelope(envelope, bytes);
    if (opened && opened->type == Message::type) return std::string{opened->payload};
  }
  return std::nullopt;
}

/// What decode() reads of an encoded message: all of it, or what is in its envelope.
template <class Message>
[[nodiscard]] std::optional<std::string> written(const Format& format, const Message& message) {
  Output out;
  if (!encode(on_its_stream<Message>(format), message, out)) return std::nullopt;
  return format.encoding == Encoding::protobuf ? content<Message>(out.flatten()) : out.flatten();
}

template <class Message>
[[nodiscard]] std::string payload_of(const Format& format, const Message& message) {
  return written(format, message).value_or("");
}

/// Any payload is an error that says what it is, or a message that can be written and is then read again. Memory stays
/// within a multiple of the payload.
template <class Message>
[[nodiscard]] std::string error_or_message(const Format& format, std::string_view bytes) {
  const Padded payload{bytes};
  base::Arena arena;
  const auto decoded = decode<Message>(format, payload.view(), arena);
  if (arena.reserved() > 128 * bytes.size() + 65536)
    return std::to_string(arena.reserved()) + " bytes reserved for a payload of " + std::to_string(bytes.size());
  if (!decoded) {
    if (decoded.error().kind() != base::ErrorKind::invalid_message) return "an error of another kind";
    return decoded.error().detail().empty() ? "an error that says nothing" : "";
  }
  const auto bytes_again = written(format, *decoded);
  if (!bytes_again) return "what was read cannot be written";
  const Padded again{*bytes_again};
  base::Arena second_arena;
  const auto second = decode<Message>(format, again.view(), second_arena);
  return second ? "" : "what was written cannot be read: " + second.error().message();
}

}  // namespace picket::wire::testing

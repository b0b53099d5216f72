#include "picket/wire/internal/protobuf_codec.hpp"

#include <fmt/format.h>

#include "picket/wire/internal/instances.hpp"
#include "picket/wire/internal/read_protobuf.hpp"
#include "picket/wire/internal/write_protobuf.hpp"

namespace picket::wire::internal {
namespace {

template <class Message>
void write_envelope(const Message& message, std::uint32_t number, Output& out) {
  ProtobufWriter writer{out};
  const auto open = writer.begin(number, protobuf::length_size<Message>);
  protobuf::write_fields(writer, message);
  writer.end(open);
}

}  // namespace

template <class Message>
base::Status write_protobuf(const Format& format, const Message& message, Output& out) {
  const std::uint32_t number = protobuf::has_form<Message>() ? number_in(format.stream, Message::type) : 0;
  if (number == 0)
    return base::fail(base::ErrorKind::serialization, fmt::format("a stream that carries no {}", name(Message::type)));
  if constexpr (std::is_same_v<Message, AgentResponse>) {
    if (!format.event_reply && message.reply_to) {
      AgentResponse plain = message;
      plain.reply_to.reset();
      write_envelope(plain, number, out);
      return {};
    }
  }
  write_envelope(message, number, out);
  return {};
}

template <class Message>
base::Status read_protobuf(std::string_view payload, base::Arena& arena, Message& message) {
  if constexpr (protobuf::has_form<Message>()) {
    ProtobufReader reader{payload, arena};
    if (!protobuf::read_whole(reader, message)) return reader.error();
    return {};
  } else {
    return base::fail(base::ErrorKind::invalid_message,
                      fmt::format("protobuf, which has no {} of this kind", name(Message::type)));
  }
}

#define PICKET_INSTANTIATE(Message)                                             \
  template base::Status write_protobuf(const Format&, const Message&, Output&); \
  template base::Status read_protobuf(std::string_view, base::Arena&, Message&);
PICKET_FOR_EACH_MESSAGE(PICKET_INSTANTIATE)
#undef PICKET_INSTANTIATE

}  // namespace picket::wire::internal

#include "picket/wire/internal/instances.hpp"
#include "picket/wire/internal/msgpack_reader.hpp"
#include "picket/wire/internal/msgpack_writer.hpp"
#include "picket/wire/internal/read_fields.hpp"
#include "picket/wire/internal/write_fields.hpp"

namespace picket::wire::internal {

template <class Message>
void write_msgpack(const Format& format, const Message& message, Output& out) {
  MsgpackWriter writer{out, format.raw_bytes};
  Sink<MsgpackWriter> sink{.writer = writer, .format = format, .arrays = true};
  write_message(sink, message);
}

template <class Message>
base::Status read_msgpack(const Format& format, std::string_view payload, base::Arena& arena, Message& message) {
  // The reference has calls that send a chunk's body as bin, whatever was agreed; an answer's bin it reads as text.
  const bool raw_bodies = format.raw_bytes || !std::is_same_v<Message, AgentResponse>;
  MsgpackReader reader{payload, arena, {.raw_bodies = raw_bodies, .raw_header_values = format.raw_bytes}};
  Source<MsgpackReader> source{.reader = reader};
  if (!read_message(source, message)) return reader.error();
  return {};
}

#define PICKET_INSTANTIATE(Message)                                    \
  template void write_msgpack(const Format&, const Message&, Output&); \
  template base::Status read_msgpack(const Format&, std::string_view, base::Arena&, Message&);
PICKET_FOR_EACH_MESSAGE(PICKET_INSTANTIATE)
#undef PICKET_INSTANTIATE

}  // namespace picket::wire::internal

#include "bench/lookalike.hpp"

#include <stdexcept>

#include "picket/wire/internal/json_reader.hpp"
#include "picket/wire/internal/json_writer.hpp"
#include "picket/wire/internal/msgpack_reader.hpp"
#include "picket/wire/internal/msgpack_writer.hpp"
#include "picket/wire/internal/read_fields.hpp"
#include "picket/wire/internal/write_fields.hpp"

namespace picket::bench {
namespace {

namespace codec = wire::internal;

constexpr wire::Format format{.raw_bytes = true};

template <class Reader, class Message>
Message decoded(Reader&& reader) {
  codec::Source<std::remove_reference_t<Reader>> source{.reader = reader};
  Message message;
  if (!codec::read_message(source, message)) throw std::runtime_error{reader.error().message()};
  return message;
}

}  // namespace

template <class Message>
void encode_payload(wire::Encoding encoding, const Message& message, wire::Output& out) {
  if (encoding == wire::Encoding::json) {
    codec::JsonWriter writer{out};
    codec::Sink<codec::JsonWriter> sink{.writer = writer, .format = format};
    codec::write_message(sink, message);
  } else {
    codec::MsgpackWriter writer{out, format.raw_bytes};
    codec::Sink<codec::MsgpackWriter> sink{.writer = writer, .format = format, .arrays = true};
    codec::write_message(sink, message);
  }
}

template <class Message>
Message decode_payload(wire::Encoding encoding, std::string_view payload, base::Arena& arena) {
  if (encoding == wire::Encoding::json) return decoded<codec::JsonReader, Message>(codec::JsonReader{payload, arena});
  return decoded<codec::MsgpackReader, Message>(
      codec::MsgpackReader{payload, arena, {.raw_bodies = true, .raw_header_values = true}});
}

#define PICKET_INSTANTIATE(Message)                                                     \
  template void encode_payload<Message>(wire::Encoding, const Message&, wire::Output&); \
  template Message decode_payload<Message>(wire::Encoding, std::string_view, base::Arena&);
PICKET_INSTANTIATE(LookAlike)
PICKET_INSTANTIATE(TextChunk)
PICKET_INSTANTIATE(BinaryChunk)
#undef PICKET_INSTANTIATE

}  // namespace picket::bench

#include "picket/wire/internal/instances.hpp"
#include "picket/wire/internal/json_reader.hpp"
#include "picket/wire/internal/json_writer.hpp"
#include "picket/wire/internal/read_fields.hpp"
#include "picket/wire/internal/write_fields.hpp"

namespace picket::wire::internal {

template <class Message>
void write_json(const Format& format, const Message& message, Output& out) {
  JsonWriter writer{out};
  Sink<JsonWriter> sink{.writer = writer, .format = format};
  write_message(sink, message);
}

template <class Message>
base::Status read_json(std::string_view payload, base::Arena& arena, Message& message) {
  JsonReader reader{payload, arena};
  Source<JsonReader> source{.reader = reader};
  if (!read_message(source, message)) return reader.error();
  return {};
}

#define PICKET_INSTANTIATE(Message)                                 \
  template void write_json(const Format&, const Message&, Output&); \
  template base::Status read_json(std::string_view, base::Arena&, Message&);
PICKET_FOR_EACH_MESSAGE(PICKET_INSTANTIATE)
#undef PICKET_INSTANTIATE

}  // namespace picket::wire::internal

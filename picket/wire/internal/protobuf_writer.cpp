#include "picket/wire/internal/protobuf_writer.hpp"

#include "picket/wire/internal/json_writer.hpp"
#include "picket/wire/internal/utf8.hpp"

namespace picket::wire::internal {
namespace {

/// Calls `use(piece)` for what the text is written as.
template <class Use>
void for_each_piece(std::string_view text, Use&& use) {
  while (!text.empty()) {
    const std::size_t sequence = utf8_sequence(text);
    use(sequence != 0 ? text.substr(0, sequence) : replacement_character);
    text.remove_prefix(sequence != 0 ? sequence : 1);
  }
}

}  // namespace

bool ProtobufWriter::is_text(std::string_view value) noexcept { return is_utf8(value); }

/// What was written as text turned out not to be ASCII. `start` is where its length stands.
void ProtobufWriter::check_text(std::string_view value, char* start, Case letters) {
  if (is_utf8(value)) return;
  out_.at() = start;
  std::size_t size = 0;
  for_each_piece(value, [&](std::string_view piece) { size += piece.size(); });
  out_.need(longest_length + size);
  char* at = put_varint(size, out_.at());
  for_each_piece(value, [&](std::string_view piece) {
    for (const char c : piece) *at++ = letters == Case::lower ? base::lower(c) : c;
  });
  out_.at() = at;
}

/// The length takes another number of bytes than were left for it; `bytes` of the content are no bodies.
void ProtobufWriter::move(const Open& open, std::size_t bytes, std::size_t length_size) {
  if (length_size < open.length_size) {
    // Only heads are thought longer than they are. There is no body in one, and its last byte was not flushed yet.
    const std::size_t less = open.length_size - length_size;
    char* const content = out_.at() - bytes;
    std::memmove(content - less, content, bytes);
    out_.at() -= less;
    return;
  }
  const std::size_t more = length_size - open.length_size;
  out_.need(more);
  char* const content = out_.at() - bytes;
  std::memmove(content + more, content, bytes);
  out_.at() += more;
  out_.shift_bodies(bytes + more, more);
}

void ProtobufWriter::write_json_text(const Value& value) {
  out_.through([&](Output& output) { JsonWriter{output}.value(value); });
}

}  // namespace picket::wire::internal

#include "picket/wire/internal/plain_allow.hpp"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "picket/wire/internal/copy_text.hpp"
#include "picket/wire/internal/json_writer.hpp"
#include "picket/wire/internal/msgpack_head.hpp"
#include "picket/wire/internal/msgpack_writer.hpp"
#include "picket/wire/internal/scan.hpp"
#include "picket/wire/internal/write_fields.hpp"

namespace picket::wire::internal {
namespace {

constexpr std::size_t longest_id = 0xFF;  // longer ones have other heads in MessagePack

/// One answer cut where the id stands: before it, and between and behind where it stands twice.
struct Shape {
  std::string before;
  std::string between;
  std::string after;
  bool twice = false;
  bool begins_as_previous = false;  ///< The shape before it in its list has the same `before`.
  std::optional<ReplyTo> reply_to;
};

/// A text that no description contains, in place of the id.
constexpr std::string_view placeholder = "----------------the-id----------------";

template <class Writer, class... Options>
std::string written(const Format& format, const AgentResponse& response, bool arrays, Text id, Options... options) {
  Output out;
  {
    Writer writer{out, options...};
    Sink<Writer> sink{.writer = writer, .format = format, .arrays = arrays, .response_id = id};
    write(sink, response);
  }
  return out.flatten();
}

Shape cut(const std::string& text, Encoding encoding) {
  // In MessagePack the id has its length before it; both change with it.
  const std::size_t head = encoding == Encoding::json ? 0 : 2;
  const std::size_t first = text.find(placeholder);
  Shape shape{.before = text.substr(0, first - head)};
  std::size_t end = first + placeholder.size();
  if (const std::size_t second = text.find(placeholder, end); second != std::string::npos) {
    shape.between = text.substr(end, second - head - end);
    shape.twice = true;
    end = second + placeholder.size();
    shape.after = text.substr(end);
  } else {
    shape.between = text.substr(end);
  }
  return shape;
}

Shape shape_of(Encoding encoding, const AgentResponse& response, bool event_reply, bool arrays) {
  const Format format{.encoding = encoding, .event_reply = event_reply};
  Shape shape = cut(encoding == Encoding::json ? written<JsonWriter>(format, response, false, placeholder)
                                               : written<MsgpackWriter>(format, response, arrays, placeholder, false),
                    encoding);
  shape.reply_to = response.reply_to;
  return shape;
}

constexpr std::array<FrameType, 7> replied_to{FrameType::request_headers,  FrameType::request_body_chunk,
                                              FrameType::response_headers, FrameType::response_body_chunk,
                                              FrameType::request_complete, FrameType::websocket_frame,
                                              FrameType::guardrail_inspect};
constexpr std::size_t plain = 0;        // ours without event-reply
constexpr std::size_t first_reply = 1;  // ours with it, one for each type
constexpr std::size_t reference = first_reply + replied_to.size();

/// Every shape of one encoding: ours, then the reference's.
struct Shapes {
  std::array<Shape, reference + 1> all;

  explicit Shapes(Encoding encoding) {
    AgentResponse response{.decision = Allow{}, .correlation_id = placeholder};
    all[plain] = shape_of(encoding, response, false, true);
    for (std::size_t i = 0; i < replied_to.size(); ++i) {
      response.reply_to = ReplyTo{.type = replied_to[i]};
      all[first_reply + i] = shape_of(encoding, response, true, true);
    }
    all[reference] = shape_of(encoding, {.decision = Allow{}}, false, false);
    for (std::size_t i = 1; i < all.size(); ++i) all[i].begins_as_previous = all[i].before == all[i - 1].before;
  }
};

const Shapes& shapes(Encoding encoding) {
  static const std::array<Shapes, 2> both{Shapes{Encoding::json}, Shapes{Encoding::msgpack}};
  return both[static_cast<std::size_t>(encoding)];
}

static_assert(field_count<AgentResponse> == 12, "what else a response may say is to be asked for here, too");

/// The shape that `response` is written in, or nothing where it says more than allow.
const Shape* shape_for(const Format& format, const AgentResponse& response) {
  const bool says_more =
      !std::holds_alternative<Allow>(response.decision) || response.version != 2 || response.needs_more ||
      !response.request_headers.empty() || !response.response_headers.empty() || !response.routing_metadata.empty() ||
      !response.audit.tags.empty() || !response.audit.rule_ids.empty() || response.audit.confidence ||
      !response.audit.reason_codes.empty() || !response.audit.custom.empty() || response.request_body_mutation ||
      response.response_body_mutation || response.websocket_decision;
  if (says_more || response.correlation_id.empty() || response.correlation_id.size() > longest_id) return nullptr;
  const auto& all = shapes(format.encoding).all;
  if (!format.event_reply) return &all[plain];
  if (!response.reply_to || response.reply_to->index || response.reply_to->client_to_server) return nullptr;
  for (std::size_t i = 0; i < replied_to.size(); ++i)
    if (replied_to[i] == response.reply_to->type) return &all[first_reply + i];
  return nullptr;
}

char* put(std::string_view text, char* at) noexcept {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

/// Nothing where the id would need an escape.
char* put_id(Encoding encoding, std::string_view id, char* at) noexcept {
  if (encoding == Encoding::msgpack) {
    at = put_short_text_head(id.size(), at);
    return copy_text<Plain::ascii, Case::kept>(id.data(), id.size(), at) ? at + id.size() : nullptr;
  }
  return copy_text<Plain::json, Case::kept>(id.data(), id.size(), at) ? at + id.size() : nullptr;
}

/// Takes an id from the front of `rest`; false where none stands there in the usual form.
bool take_id(Encoding encoding, std::string_view& rest, std::string_view& id) noexcept {
  if (rest.size() < 3) return false;
  std::size_t size = 0;
  if (encoding == Encoding::msgpack) {
    const auto marker = static_cast<unsigned char>(rest[0]);
    const bool fixed = (marker & 0xE0) == 0xA0;
    if (!fixed && marker != 0xD9) return false;
    size = fixed ? marker & 0x1F : static_cast<unsigned char>(rest[1]);
    rest.remove_prefix(fixed ? 1 : 2);
    if (rest.size() < size || !is_ascii_padded(rest.data(), size)) return false;
  } else {
    const StringScan scan = scan_string(rest.data(), rest.data() + rest.size());
    size = static_cast<std::size_t>(scan.end - rest.data());
    if (!scan.ascii) return false;
  }
  id = rest.substr(0, size);
  rest.remove_prefix(size);
  return !id.empty();
}

bool take(std::string_view& rest, std::string_view expected) noexcept {
  if (!rest.starts_with(expected)) return false;
  rest.remove_prefix(expected.size());
  return true;
}

bool ends_with_id(Encoding encoding, const Shape& shape, std::string_view rest, std::string_view id) noexcept {
  if (!shape.twice) return rest == shape.between;
  std::string_view again;
  return take(rest, shape.between) && take_id(encoding, rest, again) && again == id && rest == shape.after;
}

}  // namespace

bool write_plain_allow(const Format& format, const AgentResponse& response, Output& out) {
  const Shape* const shape = shape_for(format, response);
  if (shape == nullptr) return false;
  const Text id = response.correlation_id;
  char* const begin =
      out.prepare(shape->before.size() + shape->between.size() + shape->after.size() + 2 * (id.size() + 2));
  char* at = put_id(format.encoding, id, put(shape->before, begin));
  if (at == nullptr) return false;
  at = put(shape->between, at);
  if (shape->twice) at = put(shape->after, put_id(format.encoding, id, at));
  out.commit(static_cast<std::size_t>(at - begin));
  return true;
}

bool read_plain_allow(Encoding encoding, std::string_view payload, AgentResponse& response) {
  bool begins = false;
  std::string_view rest;
  std::string_view id;
  for (const Shape& shape : shapes(encoding).all) {
    if (!shape.begins_as_previous) {
      rest = payload;
      begins = take(rest, shape.before) && take_id(encoding, rest, id);
    }
    if (!begins || !ends_with_id(encoding, shape, rest, id)) continue;
    response.correlation_id = id;
    response.reply_to = shape.reply_to;
    return true;
  }
  return false;
}

}  // namespace picket::wire::internal

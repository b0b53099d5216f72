#include "picket/http/http2_response.hpp"

#include <algorithm>
#include <string>

#include "picket/base/ascii.hpp"
#include "picket/base/buffer.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/http2_fields.hpp"
#include "picket/http/response_head.hpp"

namespace picket::http {
namespace {

base::Error invalid(std::string_view detail) {
  return base::fail(base::ErrorKind::invalid_message, std::string{detail});
}

bool is_status(const base::Header& field) noexcept {
  return field.name == ":status" && field.value.size() == 3 && std::ranges::all_of(field.value, base::is_digit);
}

}  // namespace

base::Result<ResponseHead> read_http2_response(const base::Headers& fields, bool ends, bool to_head,
                                               const HeadLimits& limits, base::Arena& arena) {
  if (fields.empty() || !is_status(fields[0])) return invalid("no :status of three digits in front");
  if (fields[0].value == "101") return invalid("a 101, which HTTP/2 has not");
  base::Buffer text;
  text.append("HTTP/1.1 ");
  text.append(fields[0].value);
  text.append(" \r\n");
  bool has_length = false;
  for (const base::Header& field : fields.fields().subspan(1)) {
    if (const std::string_view wrong = wrong_in_http2(field); !wrong.empty()) return invalid(wrong);
    has_length = has_length || field.name == "content-length";
    write_field(text, field.name, field.value);
  }
  if (!ends && !has_length) write_field(text, "transfer-encoding", "chunked");
  text.append("\r\n");
  auto head = read_response_head(arena.copy(text.text()), limits, to_head, arena);
  if (!head) return head;
  head->version = 20;
  if (!ends) return head;
  if (!to_head && head->framing == Framing::length && head->content_length != 0)
    return invalid("a Content-Length without a body");
  head->framing = Framing::none;
  // What a client of HTTP/1.1 is told: there is nothing to wait for.
  const bool may_have_content = !to_head && head->status >= 200 && head->status != 204 && head->status != 304;
  if (may_have_content) head->framing = Framing::length;
  return head;
}

}  // namespace picket::http

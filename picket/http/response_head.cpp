#include "picket/http/response_head.hpp"

#include <optional>
#include <string>

#include "picket/base/ascii.hpp"
#include "picket/http/head_fields.hpp"

namespace picket::http {
namespace {

base::Error invalid(std::string_view detail) {
  return base::fail(base::ErrorKind::invalid_message, std::string{detail});
}

/// "HTTP/1.1 200 OK". The space behind the status is required where no reason follows (RFC 9112 §4), and left out all
/// the same.
bool read_status_line(std::string_view line, ResponseHead& head) noexcept {
  constexpr std::string_view name = "HTTP/1.";
  constexpr std::size_t version_size = name.size() + 1;
  constexpr std::size_t status_at = version_size + 1;
  constexpr std::size_t status_end = status_at + 3;
  if (line.size() < status_end || !line.starts_with(name) || !base::is_digit(line[name.size()]) ||
      line[version_size] != ' ')
    return false;
  head.version = 10 + (line[name.size()] - '0');
  int status = 0;
  for (const char digit : line.substr(status_at, 3)) {
    if (!base::is_digit(digit)) return false;
    status = status * 10 + (digit - '0');
  }
  head.status = static_cast<std::uint16_t>(status);
  if (line.size() == status_end) return status >= 100;
  head.reason = line.substr(status_end + 1);
  return status >= 100 && line[status_end] == ' ' && is_field_value(head.reason);
}

/// An answer without a body, whatever its fields say (RFC 9112 §6.3), and what they say then means for its connection:
/// a declared body may still come, and would be taken for the next answer.
void drop_body(ResponseHead& response, bool to_head) {
  const bool declares = response.framing == Framing::chunked || response.content_length != 0;
  const bool may_declare = response.status == 304 || (to_head && response.status >= 200 && response.status != 204);
  if (!may_declare && response.framing != Framing::until_close) response.keep_alive = false;  // RFC 9110 §8.6
  // Servers that send a body with 204 or 304 all the same mostly do not declare it.
  response.stray_body_may_follow = response.status == 204 || response.status == 304 ||
                                   (may_declare && (declares || response.framing == Framing::until_close));
  response.framing = Framing::none;
}

/// 205 has no content (RFC 9110 §15.3.6) but nothing in its framing that says so: a recipient that believes the status
/// takes what follows for the next answer. It goes on without.
void empty_reset_content(ResponseHead& response) {
  if (response.framing != Framing::length || response.content_length != 0) response.keep_alive = false;
  response.framing = Framing::length;
  response.content_length = 0;
  response.stray_body_may_follow = true;
}

/// What the status makes of what the fields say.
void apply_status(ResponseHead& response, bool to_head) {
  if (to_head || response.status < 200 || response.status == 204 || response.status == 304) {
    drop_body(response, to_head);
  } else if (response.status == 205) {
    empty_reset_content(response);
  } else if (response.framing == Framing::until_close) {
    response.keep_alive = false;
  }
}

}  // namespace

base::Result<ResponseHead> read_response_head(std::string_view head, const HeadLimits& limits, bool to_head,
                                              base::Arena& arena) {
  const auto line = take_line(head);
  ResponseHead response;
  if (!line || !read_status_line(*line, response)) return invalid("the status line is not HTTP/1.x STATUS REASON");
  HeadFields fields{arena};
  if (const auto error = fields.read(head, limits.max_fields)) return invalid(error->reason);
  if (fields.is_chunked() && response.version < 11) return invalid("Transfer-Encoding on HTTP/1.0");
  response.headers = fields.headers();
  response.framing = fields.framing(Framing::until_close);
  response.content_length = fields.content_length();
  response.keep_alive = fields.keeps_alive(response.version);
  apply_status(response, to_head);
  return response;
}

}  // namespace picket::http

#include "picket/http/request_head.hpp"

#include <algorithm>

#include "picket/base/ascii.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/head_fields.hpp"
#include "picket/http/target.hpp"

namespace picket::http {
namespace {

constexpr HeadError bad(std::string_view reason) noexcept { return {400, reason}; }

/// Visible ASCII without what parties read differently: '#' ends the target for some, and a backslash in the path is a
/// slash to some (in a query browsers send it, and nobody misreads it there). Quotes and angle brackets are no URI's
/// either, but nobody misreads them, and agents are to see who sends them.
bool is_target(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '#'; }) &&
         text.substr(0, text.find('?')).find('\\') == std::string_view::npos;
}

/// An http URI; an empty host makes it none (RFC 9110 §4.2.1), and so does user information (§4.2.4).
bool is_absolute(std::string_view target) noexcept {
  const std::string_view authority = authority_of(target);
  return !authority.empty() && is_authority(authority);
}

/// RFC 9112 §2.3: what is none is no request line.
bool is_version(std::string_view text) noexcept {
  constexpr std::string_view name = "HTTP/";
  return text.size() == name.size() + 3 && text.starts_with(name) && base::is_digit(text[5]) && text[6] == '.' &&
         base::is_digit(text[7]);
}

std::optional<HeadError> read_request_line(std::string_view line, RequestHead& head) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return bad("the request line is not METHOD TARGET VERSION");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(head.method)) return bad("the method is no token");
  if (head.method == "CONNECT") return HeadError{405, "CONNECT is not for a reverse proxy"};
  if (!is_target(head.target)) return bad("the target has characters that no URI has");
  if (!head.target.starts_with('/') && !is_absolute(head.target) && !(head.target == "*" && head.method == "OPTIONS"))
    return bad("the target is neither a path nor an http URI with a host");
  if (!is_version(version)) return bad("the version is not HTTP/ and two digits");
  head.version = version == "HTTP/1.1" ? 11 : 10;
  if (head.version == 10 && version != "HTTP/1.0")
    return HeadError{505, "the version is neither HTTP/1.0 nor HTTP/1.1"};
  return std::nullopt;
}

std::optional<HeadError> check_fields(const HeadFields& fields, int version) noexcept {
  if (fields.has_malformed_host()) return bad("a malformed Host");
  if (fields.hosts() > 1) return bad("more than one Host");
  if (fields.hosts() == 0 && version == 11) return bad("no Host");
  if (fields.has_malformed_connection()) return bad("a Connection that is no list of tokens");
  if (fields.is_chunked() && version == 10) return bad("Transfer-Encoding on HTTP/1.0");
  return std::nullopt;
}

std::optional<HeadError> read(std::string_view text, const HeadLimits& limits, base::Arena& arena, RequestHead& head) {
  const auto line = take_line(text);
  if (!line) return bad("a request line that does not end in CRLF");
  if (const auto error = read_request_line(*line, head)) {
    const auto control = control_character(*line);
    return control ? control : error;
  }
  HeadFields fields{arena};
  if (const auto error = fields.read(text, limits.max_fields)) return error;
  if (const auto error = check_fields(fields, head.version)) return error;
  head.headers = fields.headers();
  head.framing = fields.framing(Framing::none);
  head.content_length = fields.content_length();
  head.keep_alive = fields.keeps_alive(head.version);
  head.expects_continue = head.version == 11 && fields.expects_continue();
  return std::nullopt;
}

}  // namespace

RequestRead read_request_head(std::string_view head, const HeadLimits& limits, base::Arena& arena) {
  RequestRead result;
  result.error = read(head, limits, arena, result.head);
  return result;
}

}  // namespace picket::http

#include "picket/http/head_check.hpp"

#include <algorithm>

#include "picket/base/headers.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/list.hpp"
#include "picket/http/target.hpp"

namespace picket::http {
namespace {

constexpr HeadError bad(std::string_view reason) noexcept { return {400, reason}; }

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Visible ASCII without what parties read differently: '#' ends the target for some, and a backslash in the path is a
/// slash to some (in a query browsers send it, and nobody misreads it there). Quotes and angle brackets are no URI's
/// either, but nobody misreads them, and agents are to see who sends them.
bool is_target(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '#'; }) &&
         text.substr(0, text.find('?')).find('\\') == std::string_view::npos;
}

/// RFC 9110 §7.6.1: a list of tokens, where empty items count for nothing.
bool is_token_list(std::string_view text) noexcept {
  while (const auto item = next_item(text))
    if (!is_token(*item)) return false;
  return true;
}

/// An http URI; an empty host makes it none (RFC 9110 §4.2.1), and so does user information (§4.2.4).
bool is_absolute(std::string_view target) noexcept {
  const std::string_view authority = authority_of(target);
  return !authority.empty() && is_authority(authority);
}

std::optional<HeadError> check_request_line(std::string_view line, bool& http_1_1) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return bad("the request line is not METHOD TARGET VERSION");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return bad("the method is no token");
  if (method == "CONNECT") return HeadError{405, "CONNECT is not for a reverse proxy"};
  if (!is_target(target)) return bad("the target has characters that no URI has");
  if (!target.starts_with('/') && !is_absolute(target) && !(target == "*" && method == "OPTIONS"))
    return bad("the target is neither a path nor an http URI with a host");
  http_1_1 = version == "HTTP/1.1";
  if (!http_1_1 && version != "HTTP/1.0") return HeadError{505, "the version is neither HTTP/1.0 nor HTTP/1.1"};
  return std::nullopt;
}

/// What of all fields together decides about framing.
struct Framing {
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned encodings = 0;
};

std::optional<HeadError> check_field(std::string_view line, Framing& framing) noexcept {
  if (is_blank(line.front())) return bad("a field that is folded over lines (obs-fold)");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return bad("a header name that is no token, such as white space before the colon");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_field_value(value)) return bad("a control character in a header value");
  if (base::same_name(name, "host")) {
    ++framing.hosts;
    if (!is_authority(value)) return bad("a malformed Host");
  } else if (base::same_name(name, "content-length")) {
    ++framing.lengths;
    if (value.empty() || value.size() > 18 || !std::ranges::all_of(value, is_digit))
      return bad("a Content-Length that is not one number");
  } else if (base::same_name(name, "transfer-encoding")) {
    ++framing.encodings;
    if (!base::same_name(value, "chunked")) return bad("a Transfer-Encoding other than chunked");
  } else if (base::same_name(name, "connection") || base::same_name(name, "proxy-connection")) {
    if (!is_token_list(value)) return bad("a Connection that is no list of tokens");
  }
  return std::nullopt;
}

}  // namespace

std::optional<HeadError> check_request_head(std::string_view head, const HeadLimits& limits) noexcept {
  if (head.find('\0') != std::string_view::npos) return bad("a NUL byte in the head");
  Framing framing;
  bool http_1_1 = false;
  std::size_t fields = 0;
  for (bool first = true;; first = false) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return bad("a head without its empty line");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find('\r') != std::string_view::npos || line.find('\n') != std::string_view::npos)
      return bad("a bare CR or LF in the head");
    if (first) {
      if (auto error = check_request_line(line, http_1_1)) return error;
      continue;
    }
    if (line.empty()) break;
    if (++fields > limits.max_fields) return HeadError{431, "more header fields than the limit"};
    if (auto error = check_field(line, framing)) return error;
  }
  if (!head.empty()) return bad("bytes behind the head's empty line");
  if (framing.hosts > 1) return bad("more than one Host");
  if (framing.hosts == 0 && http_1_1) return bad("no Host");
  if (framing.lengths > 1) return bad("more than one Content-Length");
  if (framing.encodings > 1) return bad("more than one Transfer-Encoding");
  if (framing.encodings != 0 && framing.lengths != 0) return bad("both Content-Length and Transfer-Encoding");
  if (framing.encodings != 0 && !http_1_1) return bad("Transfer-Encoding on HTTP/1.0");
  return std::nullopt;
}

}  // namespace picket::http

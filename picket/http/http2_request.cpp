#include "picket/http/http2_request.hpp"

#include <optional>

#include "picket/base/buffer.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/http2_fields.hpp"

namespace picket::http {
namespace {

using Wrong = std::optional<HeadError>;

constexpr HeadError bad(std::string_view reason) noexcept { return {400, reason}; }

struct Pseudo {
  std::optional<std::string_view> method;
  std::optional<std::string_view> scheme;
  std::optional<std::string_view> authority;
  std::optional<std::string_view> path;
  std::optional<std::string_view> protocol;  // RFC 8441 §4

  [[nodiscard]] std::optional<std::string_view>* find(std::string_view name) noexcept {
    if (name == ":method") return &method;
    if (name == ":scheme") return &scheme;
    if (name == ":authority") return &authority;
    if (name == ":path") return &path;
    if (name == ":protocol") return &protocol;
    return nullptr;
  }
};

std::uint16_t port_of(std::string_view scheme) noexcept { return scheme == "https" ? 443 : 80; }

Wrong check_protocol(const Pseudo& pseudo) noexcept {
  const bool connects = *pseudo.method == "CONNECT";
  if (!pseudo.protocol) return connects ? Wrong{HeadError{405, "CONNECT is not for a reverse proxy"}} : std::nullopt;
  if (!connects) return bad("a :protocol without CONNECT");
  return *pseudo.protocol == "websocket" ? std::nullopt : Wrong{HeadError{501, "a :protocol that is not websocket"}};
}

/// Takes the pseudo-fields; `fields` is left with the others.
Wrong take_pseudo(std::span<const base::Header>& fields, Pseudo& out) noexcept {
  while (!fields.empty() && fields.front().name.starts_with(':')) {
    auto* const place = out.find(fields.front().name);
    if (place == nullptr) return bad("an unknown pseudo-field");
    if (place->has_value()) return bad("a pseudo-field that is there twice");
    if (!is_http2_value(fields.front().value)) return bad("a control character or a blank end in a pseudo-field");
    *place = fields.front().value;
    fields = fields.subspan(1);
  }
  if (!out.method || !is_token(*out.method)) return bad("the method is no token");
  if (const Wrong wrong = check_protocol(out)) return wrong;
  if (!out.scheme || (*out.scheme != "http" && *out.scheme != "https"))
    return bad("the scheme is neither http nor https");
  if (!out.path || (!out.path->starts_with('/') && (*out.path != "*" || *out.method != "OPTIONS")))
    return bad("the path is none");
  if (out.authority && out.authority->empty()) return bad("an empty authority");
  return std::nullopt;
}

Wrong check_fields(std::span<const base::Header> fields, Pseudo& pseudo) noexcept {
  const bool has_authority = pseudo.authority.has_value();
  for (const base::Header& field : fields) {
    if (const std::string_view wrong = wrong_in_http2(field); !wrong.empty()) return bad(wrong);
    if (field.name != "host") continue;
    if (!has_authority && pseudo.authority) return bad("more than one Host");
    if (!has_authority) pseudo.authority = field.value;
    if (!is_authority(field.value)) return bad("a malformed Host");
    if (!same_authority(*pseudo.authority, field.value, port_of(*pseudo.scheme)))
      return bad("the authority is not the one of Host");
  }
  return std::nullopt;
}

/// All crumbs, at the place of the first.
void write_cookie(base::Buffer& out, std::span<const base::Header> fields) {
  std::string_view before = "cookie: ";
  for (const base::Header& field : fields) {
    if (field.name != "cookie") continue;
    out.append(before);
    out.append(field.value);
    before = "; ";
  }
  out.append("\r\n");
}

/// What belongs to a handshake of HTTP/1.1 alone (RFC 8441 §5), and what asks for leave to send a body, of which it has
/// none.
bool stays_behind_switch(std::string_view name) noexcept {
  return name == "sec-websocket-key" || name == "sec-websocket-accept" || name == "expect";
}

void write(base::Buffer& out, const Pseudo& pseudo, std::span<const base::Header> fields, bool ends) {
  const bool switches = pseudo.protocol.has_value();
  write_request_line(out, switches ? "GET" : *pseudo.method, *pseudo.path);
  if (pseudo.authority) write_field(out, "host", *pseudo.authority);
  if (switches) {
    write_field(out, "connection", "Upgrade");
    write_field(out, "upgrade", *pseudo.protocol);
  }
  bool has_length = false;
  bool has_cookie = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& [name, value] = fields[i];
    if (name == "host" || (switches && stays_behind_switch(name))) continue;
    has_length = has_length || name == "content-length";
    if (name != "cookie") {
      write_field(out, name, value);
    } else if (!has_cookie) {
      has_cookie = true;
      write_cookie(out, fields.subspan(i));
    }
  }
  if (!ends && !has_length && !switches) write_field(out, "transfer-encoding", "chunked");
  out.append("\r\n");
}

Wrong read(std::span<const base::Header> fields, bool ends, const HeadLimits& limits, base::Arena& arena,
           RequestRead& out) {
  Pseudo pseudo;
  if (const Wrong wrong = take_pseudo(fields, pseudo)) return wrong;
  if (const Wrong wrong = check_fields(fields, pseudo)) return wrong;
  base::Buffer text;
  write(text, pseudo, fields, ends);
  if (text.size() > limits.max_size) return HeadError{431, "a head larger than the limit"};
  out = read_request_head(arena.copy(text.text()), limits, arena);
  if (out.error) return out.error;
  if (ends && out.head.has_body()) return bad("a Content-Length without a body");
  if (pseudo.protocol && (ends || out.head.framing != Framing::none))
    return bad("a CONNECT that ends, or has a length");
  out.head.version = 20;
  out.head.must_switch = pseudo.protocol.has_value();
  return std::nullopt;
}

}  // namespace

RequestRead read_http2_request(const base::Headers& fields, bool ends, const HeadLimits& limits, base::Arena& arena) {
  RequestRead result;
  result.error = read({fields.begin(), fields.end()}, ends, limits, arena, result);
  return result;
}

}  // namespace picket::http

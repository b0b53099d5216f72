#include "apps/gateway/exchange/header_edits.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "apps/gateway/websocket/handshake.hpp"
#include "picket/body/unpack_stage.hpp"
#include "picket/http/list.hpp"

namespace picket::apps::gateway::exchange {
namespace {

constexpr base::HeaderOp without(std::string_view name) noexcept { return {base::HeaderOp::Kind::remove, name, {}}; }

/// What is true of the bytes that came alone (RFC 9530; Content-MD5 and Digest are their forerunners).
constexpr std::array of_bytes{without("content-digest"), without("repr-digest"), without("digest"),
                              without("content-md5"), without("accept-ranges")};
/// Of which a cache, or a client that goes on with what it has, makes one whole: of what agents made of each there is
/// none. Request-Range is Range to Apache's httpd, Jetty and Squid: so a draft of 1995 had it.
constexpr std::array of_parts{without("range"), without("request-range"), without("if-range")};
constexpr std::array of_coding{without("content-encoding")};

bool is_known(std::string_view item) noexcept {
  const std::string_view name = http::trimmed(item.substr(0, item.find(';')));
  return body::coding_of(name) || base::same_name(name, "identity");
}

/// Of all fields of that name: a list may be in several.
std::string known_codings(const http::FieldList& fields) {
  std::string known;
  for (const auto& field : fields.items()) {
    if (!base::same_name(field.name, "accept-encoding")) continue;
    std::string_view list = field.value;
    while (const auto item = http::next_item(list))
      if (is_known(*item)) known.append(known.empty() ? "" : ", ").append(*item);
  }
  return known.empty() ? "identity" : known;
}

}  // namespace

void take_digests_off(http::FieldList& fields, base::Arena& arena) {
  http::apply(of_bytes, fields, arena);
  for (auto& field : fields.items())
    if (base::same_name(field.name, "etag") && !field.value.starts_with("W/"))
      field.value = arena.copy(std::string{"W/"}.append(field.value));
}

void take_coding_off(http::FieldList& fields, base::Arena& arena) {
  http::apply(of_coding, fields, arena);
  take_digests_off(fields, arena);
}

bool tells_of_bytes(std::string_view name) noexcept {
  return base::same_name(name, "etag") ||
         std::ranges::any_of(of_bytes, [&](const base::HeaderOp& op) { return base::same_name(op.name, name); });
}

bool asks_for_parts(const http::FieldList& fields) noexcept {
  return std::ranges::any_of(of_parts,
                             [&](const base::HeaderOp& op) { return http::find(fields, op.name) != nullptr; });
}

void ask_for_the_whole(http::FieldList& fields, base::Arena& arena) { http::apply(of_parts, fields, arena); }

void ask_for_what_can_be_undone(http::FieldList& fields, base::Arena& arena) {
  const base::HeaderOp operation{base::HeaderOp::Kind::set, "Accept-Encoding", arena.copy(known_codings(fields))};
  http::apply({&operation, 1}, fields, arena);
}

void offer_no_extension(http::FieldList& fields, base::Arena& arena) {
  static constexpr base::HeaderOp operation{base::HeaderOp::Kind::remove, websocket::extensions_field, {}};
  http::apply({&operation, 1}, fields, arena);
}

}  // namespace picket::apps::gateway::exchange

#include "apps/gateway/websocket/handshake.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "apps/gateway/websocket/mask_source.hpp"
#include "picket/base/result.hpp"
#include "picket/http/list.hpp"
#include "picket/websocket/handshake.hpp"

namespace picket::apps::gateway::websocket {
namespace {

/// Whether one of the fields of that name has it in its list.
bool lists(const base::Headers& fields, std::string_view field, std::string_view wanted) noexcept {
  return std::ranges::any_of(fields, [&](const base::Header& each) {
    if (!base::same_name(each.name, field)) return false;
    std::string_view list = each.value;
    while (const auto item = http::next_item(list))
      if (base::same_name(*item, wanted)) return true;
    return false;
  });
}

}  // namespace

bool Handshake::is_asked_for() const noexcept {
  if (request_.must_switch) return true;
  if (request_.version != 11 || request_.method != "GET" || request_.has_body()) return false;
  return lists(request_.headers, "upgrade", "websocket") && lists(request_.headers, "connection", "upgrade");
}

std::string_view Handshake::key() {
  if (!request_.must_switch) return {};
  if (key_.empty()) {
    std::array<std::uint8_t, 16> nonce{};
    fill_with_random_bytes(nonce);
    key_ = picket::websocket::key_of(nonce);
  }
  return key_;
}

std::optional<base::Error> Handshake::wrong_with(const http::ResponseHead& answer, bool is_inspected) {
  using base::ErrorKind::invalid_message;
  const bool switches = answer.status == 101;
  if (switches && is_inspected && answer.headers.find(extensions_field))
    return base::fail(invalid_message, "it answered with an extension of WebSocket that it was not offered");
  if (request_.must_switch && !switches && answer.status / 100 == 2)
    return base::fail(invalid_message, "it did not switch to WebSocket");
  if (!switches || !(request_.must_switch || is_inspected)) return std::nullopt;
  const std::string_view asked = request_.must_switch ? key() : request_.headers.find("sec-websocket-key").value_or("");
  if (answer.headers.find("sec-websocket-accept") == picket::websocket::accept_of(asked)) return std::nullopt;
  return base::fail(invalid_message, "it answered another handshake than it was asked for");
}

}  // namespace picket::apps::gateway::websocket

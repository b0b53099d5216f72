#include "apps/cli/recording/masking.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "picket/base/headers.hpp"

namespace picket::apps::cli {
namespace {

using wire::FrameType;

constexpr std::array<std::string_view, 4> secret_headers{"authorization", "proxy-authorization", "cookie",
                                                         "set-cookie"};

bool is_secret(std::string_view header) {
  return std::ranges::any_of(secret_headers, [&](std::string_view name) { return base::same_name(name, header); });
}

/// The same tree, its keys and its form, with a mask for each value.
wire::Value hidden(const wire::Value& value, base::Arena& arena) {
  if (value.is_null()) return value;
  if (const auto* const list = value.get<wire::Value::List>()) {
    const auto copy = arena.allocate_array<wire::Value>(list->size());
    std::ranges::transform(*list, copy.begin(), [&](const wire::Value& item) { return hidden(item, arena); });
    return {wire::Value::List{copy}};
  }
  if (const auto* const object = value.get<wire::Value::Object>()) {
    const auto copy = arena.allocate_array<wire::Member>(object->size());
    std::ranges::transform(*object, copy.begin(), [&](const wire::Member& member) {
      return wire::Member{member.name, hidden(member.value, arena)};
    });
    return {wire::Value::Object{copy}};
  }
  return {mask};
}

/// The same fields, headers or what is done to them, with a mask for each value that is secret.
template <class Field>
std::span<const Field> hidden(std::span<const Field> fields, base::Arena& arena) {
  const auto copy = arena.copy(fields);
  for (Field& field : copy)
    if (is_secret(field.name) && !field.value.empty()) field.value = mask;
  return copy;
}

void hide(wire::HandshakeRequest& request, base::Arena& arena) { request.config = hidden(request.config, arena); }
void hide(wire::ReverseRegistration& registration, base::Arena&) {
  if (registration.auth_token) registration.auth_token = mask;
}
void hide(wire::HandshakeResponse&, base::Arena&) {}
void hide(wire::ReverseAnswer& answer, base::Arena& arena) {
  if (answer.config) answer.config = hidden(*answer.config, arena);
}
void hide(wire::Configure& configure, base::Arena& arena) { configure.config = hidden(configure.config, arena); }
void hide(wire::RequestHeaders& head, base::Arena& arena) { head.headers = hidden(head.headers.fields(), arena); }
void hide(wire::ResponseHeaders& head, base::Arena& arena) { head.headers = hidden(head.headers.fields(), arena); }
void hide(wire::AgentResponse& response, base::Arena& arena) {
  response.request_headers = hidden(response.request_headers, arena);
  response.response_headers = hidden(response.response_headers, arena);
  auto* const block = std::get_if<wire::Block>(&response.decision);
  if (block == nullptr || !block->headers) return;
  const auto copy = arena.copy(*block->headers);
  for (auto& header : copy)
    if (is_secret(header.key)) header.value = mask;
  block->headers = copy;
}

template <class Message>
std::optional<std::string> rewritten(const wire::Format& format, std::string_view payload) {
  base::Arena arena;
  auto message = wire::decode<Message>(format, payload, arena);
  if (!message) return std::nullopt;
  hide(*message, arena);
  wire::Output out;
  if (!wire::encode(format, *message, out)) return std::nullopt;
  return out.flatten();
}

/// The message in either of the two forms that share a type.
template <class Message, class Reverse>
std::optional<std::string> rewritten_either(std::string_view payload) {
  auto text = rewritten<Message>({}, payload);
  return text ? text : rewritten<Reverse>({}, payload);
}

std::optional<std::string> without_secrets(const wire::Format& format, const wire::FrameView& frame) {
  switch (frame.type) {
    case FrameType::handshake_request:
      return rewritten_either<wire::HandshakeRequest, wire::ReverseRegistration>(frame.payload);
    case FrameType::handshake_response:
      return rewritten_either<wire::HandshakeResponse, wire::ReverseAnswer>(frame.payload);
    case FrameType::configure: return rewritten<wire::Configure>(format, frame.payload);
    case FrameType::request_headers: return rewritten<wire::RequestHeaders>(format, frame.payload);
    case FrameType::response_headers: return rewritten<wire::ResponseHeaders>(format, frame.payload);
    case FrameType::agent_response: return rewritten<wire::AgentResponse>(format, frame.payload);
    default: return std::string{frame.payload};
  }
}

}  // namespace

std::string masked(const wire::Format& format, const wire::FrameView& frame) {
  return without_secrets(format, frame).value_or(std::string{mask});
}

}  // namespace picket::apps::cli

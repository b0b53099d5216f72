#include "picket/agent/decision.hpp"

#include <algorithm>
#include <span>

namespace picket::agent {
namespace {

wire::TextList texts(const std::vector<std::string>& strings, base::Arena& arena) {
  auto list = arena.allocate_array<wire::Text>(strings.size());
  std::ranges::copy(strings, list.begin());
  return list;
}

wire::TextMap pairs(const std::vector<std::pair<std::string, std::string>>& strings, base::Arena& arena) {
  auto map = arena.allocate_array<wire::TextPair>(strings.size());
  std::ranges::transform(strings, map.begin(),
                         [](const auto& pair) { return wire::TextPair{pair.first, pair.second}; });
  return map;
}

}  // namespace

Decision Decision::block(std::uint16_t status) { return Decision{Kind::block, status}; }

Decision Decision::redirect(std::string url, std::uint16_t status) {
  Decision decision{Kind::redirect, status};
  decision.detailed().text = std::move(url);
  return decision;
}

Decision Decision::challenge(std::string type, std::vector<std::pair<std::string, std::string>> params) {
  Decision decision{Kind::challenge};
  decision.detailed().text = std::move(type);
  decision.detailed().pairs = std::move(params);
  return decision;
}

Decision::Decision(const Decision& other)
    : kind_(other.kind_),
      status_(other.status_),
      details_(other.details_ ? std::make_unique<Details>(*other.details_) : nullptr) {}

Decision::Details& Decision::detailed() {
  if (!details_) details_ = std::make_unique<Details>();
  return *details_;
}

const Decision::Details& Decision::details() const noexcept {
  static const Details none;
  return details_ ? *details_ : none;
}

Decision&& Decision::body(std::string text) && {
  detailed().text = std::move(text);
  detailed().has_body = true;
  return std::move(*this);
}
Decision&& Decision::header(std::string name, std::string value) && {
  detailed().pairs.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}
Decision&& Decision::set_request_header(std::string name, std::string value) && {
  detailed().request_ops.push_back({wire::HeaderOp::Kind::set, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::add_request_header(std::string name, std::string value) && {
  detailed().request_ops.push_back({wire::HeaderOp::Kind::add, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::remove_request_header(std::string name) && {
  detailed().request_ops.push_back({wire::HeaderOp::Kind::remove, std::move(name), {}});
  return std::move(*this);
}
Decision&& Decision::set_response_header(std::string name, std::string value) && {
  detailed().response_ops.push_back({wire::HeaderOp::Kind::set, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::add_response_header(std::string name, std::string value) && {
  detailed().response_ops.push_back({wire::HeaderOp::Kind::add, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::remove_response_header(std::string name) && {
  detailed().response_ops.push_back({wire::HeaderOp::Kind::remove, std::move(name), {}});
  return std::move(*this);
}
Decision&& Decision::tag(std::string tag) && {
  detailed().tags.push_back(std::move(tag));
  return std::move(*this);
}
Decision&& Decision::rule(std::string id) && {
  detailed().rules.push_back(std::move(id));
  return std::move(*this);
}
Decision&& Decision::reason(std::string code) && {
  detailed().reasons.push_back(std::move(code));
  return std::move(*this);
}
Decision&& Decision::confidence(float value) && {
  detailed().confidence = value;
  return std::move(*this);
}
Decision&& Decision::note(std::string key, std::string value) && {
  detailed().notes.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}
Decision&& Decision::route(std::string key, std::string value) && {
  detailed().routing.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}
Decision&& Decision::needs_more() && {
  detailed().needs_more = true;
  return std::move(*this);
}
Decision&& Decision::replace_body(std::string bytes) && {
  detailed().replacement = std::move(bytes);
  return std::move(*this);
}

Decision&& Decision::drop_frame() && {
  detailed().drops_frame = true;
  return std::move(*this);
}
Decision&& Decision::close_websocket(std::uint16_t code, std::string reason) && {
  detailed().close = Close{code, std::move(reason)};
  return std::move(*this);
}

wire::Decision Decision::verdict(base::Arena& arena) const {
  switch (kind_) {
    case Kind::block: {
      wire::Block block{.status = status_, .body = {}, .headers = {}};
      if (details().has_body) block.body = details().text;
      if (!details().pairs.empty()) block.headers = pairs(details().pairs, arena);
      return block;
    }
    case Kind::redirect: return wire::Redirect{.url = details().text, .status = status_};
    case Kind::challenge:
      return wire::Challenge{.challenge_type = details().text, .params = pairs(details().pairs, arena)};
    case Kind::allow: break;
  }
  return wire::Allow{};
}

wire::AgentResponse Decision::response(const wire::ReplyTo& event, base::Arena& arena) const {
  if (!details_) return {.decision = verdict(arena)};
  const Details& said = *details_;
  const auto ops = [&](const std::vector<Op>& from) -> wire::HeaderOps {
    auto list = arena.allocate_array<wire::HeaderOp>(from.size());
    std::ranges::transform(from, list.begin(), [](const Op& op) { return wire::HeaderOp{op.kind, op.name, op.value}; });
    return list;
  };
  auto custom = arena.allocate_array<wire::Member>(said.notes.size());
  std::ranges::transform(said.notes, custom.begin(), [](const auto& note) {
    return wire::Member{note.first, wire::Value{std::string_view{note.second}}};
  });
  wire::AgentResponse response{.decision = verdict(arena),
                               .request_headers = ops(said.request_ops),
                               .response_headers = ops(said.response_ops),
                               .routing_metadata = pairs(said.routing, arena),
                               .audit = {.tags = texts(said.tags, arena),
                                         .rule_ids = texts(said.rules, arena),
                                         .confidence = said.confidence,
                                         .reason_codes = texts(said.reasons, arena),
                                         .custom = custom},
                               .needs_more = said.needs_more};
  if (said.replacement) {
    const wire::BodyMutation mutation{.data = base::as_bytes(*said.replacement),
                                      .chunk_index = static_cast<std::uint32_t>(event.index.value_or(0))};
    (event.type == wire::FrameType::response_body_chunk ? response.response_body_mutation
                                                        : response.request_body_mutation) = mutation;
  }
  if (said.drops_frame) response.websocket_decision = wire::WebSocketVerdict::drop;
  if (said.close)
    response.websocket_decision = wire::WebSocketClose{.code = said.close->code, .reason = said.close->reason};
  return response;
}

}  // namespace picket::agent

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

Decision Decision::block(std::uint16_t status) {
  Decision decision{Kind::block};
  decision.status_ = status;
  return decision;
}

Decision Decision::redirect(std::string url, std::uint16_t status) {
  Decision decision{Kind::redirect};
  decision.status_ = status;
  decision.text_ = std::move(url);
  return decision;
}

Decision Decision::challenge(std::string type, std::vector<std::pair<std::string, std::string>> params) {
  Decision decision{Kind::challenge};
  decision.text_ = std::move(type);
  decision.pairs_ = std::move(params);
  return decision;
}

Decision&& Decision::body(std::string text) && {
  text_ = std::move(text);
  has_body_ = true;
  return std::move(*this);
}
Decision&& Decision::header(std::string name, std::string value) && {
  pairs_.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}
Decision&& Decision::set_request_header(std::string name, std::string value) && {
  request_ops_.push_back({wire::HeaderOp::Kind::set, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::add_request_header(std::string name, std::string value) && {
  request_ops_.push_back({wire::HeaderOp::Kind::add, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::remove_request_header(std::string name) && {
  request_ops_.push_back({wire::HeaderOp::Kind::remove, std::move(name), {}});
  return std::move(*this);
}
Decision&& Decision::set_response_header(std::string name, std::string value) && {
  response_ops_.push_back({wire::HeaderOp::Kind::set, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::add_response_header(std::string name, std::string value) && {
  response_ops_.push_back({wire::HeaderOp::Kind::add, std::move(name), std::move(value)});
  return std::move(*this);
}
Decision&& Decision::remove_response_header(std::string name) && {
  response_ops_.push_back({wire::HeaderOp::Kind::remove, std::move(name), {}});
  return std::move(*this);
}
Decision&& Decision::tag(std::string tag) && {
  tags_.push_back(std::move(tag));
  return std::move(*this);
}
Decision&& Decision::rule(std::string id) && {
  rules_.push_back(std::move(id));
  return std::move(*this);
}
Decision&& Decision::reason(std::string code) && {
  reasons_.push_back(std::move(code));
  return std::move(*this);
}
Decision&& Decision::confidence(float value) && {
  confidence_ = value;
  return std::move(*this);
}
Decision&& Decision::note(std::string key, std::string value) && {
  notes_.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}
Decision&& Decision::route(std::string key, std::string value) && {
  routing_.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}
Decision&& Decision::needs_more() && {
  needs_more_ = true;
  return std::move(*this);
}
Decision&& Decision::replace_body(std::string bytes) && {
  replacement_ = std::move(bytes);
  return std::move(*this);
}

Decision&& Decision::drop_frame() && {
  drops_frame_ = true;
  return std::move(*this);
}
Decision&& Decision::close_websocket(std::uint16_t code, std::string reason) && {
  close_ = Close{code, std::move(reason)};
  return std::move(*this);
}

wire::Decision Decision::verdict(base::Arena& arena) const {
  switch (kind_) {
    case Kind::block: {
      wire::Block block{.status = status_, .body = {}, .headers = {}};
      if (has_body_) block.body = text_;
      if (!pairs_.empty()) block.headers = pairs(pairs_, arena);
      return block;
    }
    case Kind::redirect: return wire::Redirect{.url = text_, .status = status_};
    case Kind::challenge: return wire::Challenge{.challenge_type = text_, .params = pairs(pairs_, arena)};
    case Kind::allow: break;
  }
  return wire::Allow{};
}

wire::AgentResponse Decision::response(const wire::ReplyTo& event, base::Arena& arena) const {
  const auto ops = [&](const std::vector<Op>& from) -> wire::HeaderOps {
    auto list = arena.allocate_array<wire::HeaderOp>(from.size());
    std::ranges::transform(from, list.begin(), [](const Op& op) { return wire::HeaderOp{op.kind, op.name, op.value}; });
    return list;
  };
  auto custom = arena.allocate_array<wire::Member>(notes_.size());
  std::ranges::transform(notes_, custom.begin(), [](const auto& note) {
    return wire::Member{note.first, wire::Value{std::string_view{note.second}}};
  });
  wire::AgentResponse response{.decision = verdict(arena),
                               .request_headers = ops(request_ops_),
                               .response_headers = ops(response_ops_),
                               .routing_metadata = pairs(routing_, arena),
                               .audit = {.tags = texts(tags_, arena),
                                         .rule_ids = texts(rules_, arena),
                                         .confidence = confidence_,
                                         .reason_codes = texts(reasons_, arena),
                                         .custom = custom},
                               .needs_more = needs_more_};
  if (replacement_) {
    const wire::BodyMutation mutation{.data = base::as_bytes(*replacement_),
                                      .chunk_index = event.chunk_index.value_or(0)};
    (event.type == wire::FrameType::response_body_chunk ? response.response_body_mutation
                                                        : response.request_body_mutation) = mutation;
  }
  if (drops_frame_) response.websocket_decision = wire::WebSocketVerdict::drop;
  if (close_) response.websocket_decision = wire::WebSocketClose{.code = close_->code, .reason = close_->reason};
  return response;
}

}  // namespace picket::agent

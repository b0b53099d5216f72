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

/// The value that the last operation on a header leaves it with.
template <class Ops>
std::optional<std::string_view> last_value(const Ops& ops, std::string_view name) noexcept {
  for (auto op = ops.rbegin(); op != ops.rend(); ++op) {
    if (!base::same_name(op->name, name)) continue;
    return op->kind == wire::HeaderOp::Kind::remove ? std::nullopt : std::optional<std::string_view>{op->value};
  }
  return std::nullopt;
}

/// The value of the first pair whose name is the one.
template <class Pairs, class IsOne>
std::optional<std::string_view> first_value(const Pairs& pairs, IsOne is_one) noexcept {
  const auto found = std::ranges::find_if(pairs, [&](const auto& pair) { return is_one(pair.first); });
  return found == pairs.end() ? std::nullopt : std::optional<std::string_view>{found->second};
}

}  // namespace

namespace internal {

DecisionData::DecisionData(const DecisionData& other)
    : kind_(other.kind_),
      status_(other.status_),
      details_(other.details_ ? std::make_unique<Details>(*other.details_) : nullptr) {}

DecisionData::Details& DecisionData::detailed() {
  if (!details_) details_ = std::make_unique<Details>();
  return *details_;
}

const DecisionData::Details& DecisionData::details() const noexcept {
  static const Details none;
  return details_ ? *details_ : none;
}

}  // namespace internal

Allow& Allow::set_request_header(std::string name, std::string value) & {
  detailed().request_ops.push_back({wire::HeaderOp::Kind::set, std::move(name), std::move(value)});
  return *this;
}
Allow&& Allow::set_request_header(std::string name, std::string value) && {
  return std::move(set_request_header(std::move(name), std::move(value)));
}
Allow& Allow::add_request_header(std::string name, std::string value) & {
  detailed().request_ops.push_back({wire::HeaderOp::Kind::add, std::move(name), std::move(value)});
  return *this;
}
Allow&& Allow::add_request_header(std::string name, std::string value) && {
  return std::move(add_request_header(std::move(name), std::move(value)));
}
Allow& Allow::remove_request_header(std::string name) & {
  detailed().request_ops.push_back({wire::HeaderOp::Kind::remove, std::move(name), {}});
  return *this;
}
Allow&& Allow::remove_request_header(std::string name) && { return std::move(remove_request_header(std::move(name))); }
Allow& Allow::route(std::string key, std::string value) & {
  return added(detailed().routing, std::move(key), std::move(value));
}
Allow&& Allow::route(std::string key, std::string value) && {
  return std::move(route(std::move(key), std::move(value)));
}
Allow& Allow::needs_more() & {
  detailed().needs_more = true;
  return *this;
}
Allow&& Allow::needs_more() && { return std::move(needs_more()); }
Allow& Allow::replace_body(std::string bytes) & {
  detailed().replacement = std::move(bytes);
  return *this;
}
Allow&& Allow::replace_body(std::string bytes) && { return std::move(replace_body(std::move(bytes))); }

Block& Block::body(std::string text) & {
  detailed().text = std::move(text);
  detailed().has_body = true;
  return *this;
}
Block&& Block::body(std::string text) && { return std::move(body(std::move(text))); }
Block& Block::header(std::string name, std::string value) & {
  return added(detailed().pairs, std::move(name), std::move(value));
}
Block&& Block::header(std::string name, std::string value) && {
  return std::move(header(std::move(name), std::move(value)));
}

Redirect::Redirect(std::string url, RedirectStatus status) : Answering(Kind::redirect, status.value()) {
  detailed().text = std::move(url);
}

Challenge::Challenge(std::string type, Pairs params) : Answering(Kind::challenge) {
  detailed().text = std::move(type);
  detailed().pairs = std::move(params);
}

Redirect Decision::redirect(std::string url, RedirectStatus status) { return {std::move(url), status}; }

Challenge Decision::challenge(std::string type, std::vector<std::pair<std::string, std::string>> params) {
  return {std::move(type), std::move(params)};
}

FrameRefusal Decision::drop_frame() {
  FrameRefusal refusal;
  refusal.detailed().drops_frame = true;
  return refusal;
}

FrameRefusal Decision::close_websocket(std::uint16_t code, std::string reason) {
  FrameRefusal refusal;
  refusal.detailed().close = Close{code, std::move(reason)};
  return refusal;
}

std::optional<std::string_view> Decision::request_header(std::string_view name) const noexcept {
  return last_value(details().request_ops, name);
}
std::optional<std::string_view> Decision::response_header(std::string_view name) const noexcept {
  return last_value(details().response_ops, name);
}

std::optional<std::string_view> Decision::routing(std::string_view key) const noexcept {
  return first_value(details().routing, [key](std::string_view name) { return name == key; });
}
std::optional<std::string_view> Decision::block_header(std::string_view name) const noexcept {
  if (kind() != Kind::block) return std::nullopt;
  return first_value(details().pairs, [name](std::string_view other) { return base::same_name(other, name); });
}

std::string_view Decision::misfit_of_details(wire::FrameType event) const noexcept {
  using wire::FrameType;
  const Details& said = details();
  const bool of_request = event == FrameType::request_headers || event == FrameType::request_body_chunk;
  const bool of_body = event == FrameType::request_body_chunk || event == FrameType::response_body_chunk;
  if (said.replacement && !of_body) return "replace_body()";
  if (!said.request_ops.empty() && !of_request) return "an operation on a request header";
  if (event == FrameType::websocket_frame) return {};
  return said.drops_frame ? "drop_frame()" : said.close ? "close_websocket()" : "";
}

wire::Decision Decision::verdict(base::Arena& arena) const {
  switch (kind()) {
    case Kind::block: {
      wire::Block block{.status = status(), .body = {}, .headers = {}};
      if (details().has_body) block.body = details().text;
      if (!details().pairs.empty()) block.headers = pairs(details().pairs, arena);
      return block;
    }
    case Kind::redirect: return wire::Redirect{.url = details().text, .status = status()};
    case Kind::challenge:
      return wire::Challenge{.challenge_type = details().text, .params = pairs(details().pairs, arena)};
    case Kind::allow: break;
  }
  return wire::Allow{};
}

wire::AgentResponse Decision::response(const wire::ReplyTo& event, base::Arena& arena) const {
  if (is_bare()) return {.decision = verdict(arena)};
  const Details& said = details();
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

#include "picket/session/dialects/site_decision.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session::dialects {
namespace {

using base::ErrorKind;
using base::fail;
using wire::Member;
using wire::Text;
using wire::Value;

base::Error wrong(std::string what) { return fail(ErrorKind::invalid_message, "its decision: " + std::move(what)); }

Value object(std::span<const Member> members, base::Arena& arena) { return {Value::Object{arena.copy(members)}}; }
Value tagged(Text name, const Value& value, base::Arena& arena) {
  return object(std::array{Member{name, value}}, arena);
}

/// The members of an object but those named `without`.
Value rest_of(const Value& value, Text without, base::Arena& arena) {
  std::vector<Member> members;
  for (const Member& member : *value.get<Value::Object>())
    if (member.name != without) members.push_back(member);
  return object(members, arena);
}

Text text_in(const Value& value, Text name) {
  const auto* const found = value.find(name);
  const auto* const text = found != nullptr ? found->get<Text>() : nullptr;
  return text != nullptr ? *text : Text{};
}

/// A decision as the protocol has it: a word, or an object with the decision's name.
Value decision_of(const Value& said, bool& needs_more, base::Arena& arena) {
  const auto* const more = said.find("needs_more");
  const auto* const wanted = more != nullptr ? more->get<bool>() : nullptr;
  if (wanted != nullptr && *wanted && said.get<Value::Object>()->size() == 1) {
    needs_more = true;
    return {Text{"allow"}};
  }
  const Text type = text_in(said, "type");
  if (type.empty()) return said;
  return type == "allow" ? Value{type} : tagged(type, rest_of(said, "type", arena), arena);
}

/// Header operations: {"set": {"name", "value"}} of what says "set" beside them.
Value operations_of(const Value& said, base::Arena& arena) {
  const auto* const list = said.get<Value::List>();
  if (list == nullptr) return said;
  const auto operations = arena.allocate_array<Value>(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Value& one = (*list)[i];
    const Text key = text_in(one, "operation").empty() ? "type" : "operation";
    const Text kind = text_in(one, key);
    operations[i] = kind.empty() ? one : tagged(kind, rest_of(one, key, arena), arena);
  }
  return {Value::List{operations}};
}

/// What the object says, in the protocol's words. What is null is not said.
base::Result<Value> in_our_words(const Value& said, base::Arena& arena) {
  std::vector<Member> members;
  bool needs_more = false;
  for (const auto& [name, value] : *said.get<Value::Object>()) {
    for (const Member& before : members)
      if (before.name == name) return wrong(fmt::format("the field '{}' stands twice", name));
    if (name == "decision") members.push_back({name, decision_of(value, needs_more, arena)});
    if (name == "request_headers" || name == "response_headers")
      if (!value.is_null()) members.push_back({name, operations_of(value, arena)});
    if (name == "audit" && !value.is_null()) members.push_back({name, value});
  }
  members.push_back({"version", {std::int64_t{protocol_version}}});
  members.push_back({"needs_more", {needs_more}});
  return object(members, arena);
}

std::optional<std::uint64_t> number_in(const Value& said) {
  const auto* const found = said.find("request_id");
  if (found == nullptr) return std::nullopt;
  if (const auto* const number = found->get<std::int64_t>(); number != nullptr && *number >= 0)
    return static_cast<std::uint64_t>(*number);
  const auto* const large = found->get<std::uint64_t>();
  return large != nullptr ? std::optional{*large} : std::nullopt;
}

}  // namespace

base::Result<SiteDecision> read_site_decision(std::string_view payload, base::Arena& arena) {
  const auto said = wire::parse_json(payload, arena);
  if (!said) return wrong(said.error().detail());
  if (said->get<Value::Object>() == nullptr) return wrong("it is no JSON object");
  const auto number = number_in(*said);
  if (!number) return wrong("it has no request_id");
  const auto ours = in_our_words(*said, arena);
  if (!ours) return ours.error();
  std::string text = wire::to_json(*ours);
  const std::size_t size = text.size();
  text.append(base::limits::tail_padding, '\0');
  const Text kept = arena.copy(text);
  SiteDecision decision{.number = *number, .response = {}};
  if (auto status = wire::decode_into(decision.response, {}, kept.substr(0, size), arena); !status)
    return wrong(status.error().detail());
  return decision;
}

}  // namespace picket::session::dialects

#include "apps/cli/recording/difference.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "apps/cli/recording/masking.hpp"
#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::cli {
namespace {

/// Walks two trees beside each other.
class Comparison {
 public:
  void compare(const std::string& field, const wire::Value& recorded, const wire::Value& now) {
    const auto* const text = recorded.get<std::string_view>();
    if (text != nullptr && *text == mask) return;
    if (recorded == now) return;
    const auto* const old_members = recorded.get<wire::Value::Object>();
    const auto* const new_members = now.get<wire::Value::Object>();
    if (old_members != nullptr && new_members != nullptr) return compare_members(field, recorded, now);
    const auto* const old_items = recorded.get<wire::Value::List>();
    const auto* const new_items = now.get<wire::Value::List>();
    if (old_items != nullptr && new_items != nullptr) return compare_items(field, *old_items, *new_items);
    found.push_back({field, text_of(recorded), text_of(now)});
  }

  std::vector<Difference> found;

 private:
  static std::string text_of(const wire::Value& value) { return value.is_null() ? "nothing" : wire::to_json(value); }
  static std::string inside(const std::string& field, std::string_view name) {
    return field.empty() ? std::string{name} : fmt::format("{}.{}", field, name);
  }

  void compare_members(const std::string& field, const wire::Value& recorded, const wire::Value& now) {
    const wire::Value nothing;
    for (const auto& [name, value] : *recorded.get<wire::Value::Object>()) {
      const auto* const other = now.find(name);
      compare(inside(field, name), value, other != nullptr ? *other : nothing);
    }
    for (const auto& [name, value] : *now.get<wire::Value::Object>())
      if (recorded.find(name) == nullptr) compare(inside(field, name), nothing, value);
  }

  void compare_items(const std::string& field, wire::Value::List recorded, wire::Value::List now) {
    const wire::Value nothing;
    for (std::size_t i = 0; i < std::max(recorded.size(), now.size()); ++i)
      compare(fmt::format("{}[{}]", field, i), i < recorded.size() ? recorded[i] : nothing,
              i < now.size() ? now[i] : nothing);
  }
};

wire::Value tree_of(wire::AgentResponse response, base::Arena& arena) {
  response.correlation_id = {};
  response.reply_to.reset();
  return wire::parse_json(arena.copy(wire::to_json(response)), arena).value_or(wire::Value{});
}

}  // namespace

std::vector<Difference> differences(const wire::AgentResponse& recorded, const wire::AgentResponse& now) {
  base::Arena arena;
  Comparison comparison;
  comparison.compare("", tree_of(recorded, arena), tree_of(now, arena));
  return std::move(comparison.found);
}

}  // namespace picket::apps::cli

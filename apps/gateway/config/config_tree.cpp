#include "apps/gateway/config/config_tree.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/value.hpp"

namespace picket::apps::gateway::config {
namespace {

/// What an item of a list is named: `paths { - "/admin" }`.
constexpr std::string_view item_name = "-";

/// Builds the value in an arena; the text of its strings stays in the document. Its depth is bounded by the document's.
class TreeReader {
 public:
  TreeReader(Reader& reader, base::Arena& arena) : reader_(reader), arena_(arena) {}

  wire::Value node(const kdl::Node& node) {
    if (node.broken) return failed();
    untyped(node.type);
    const bool object = node.has_block || !node.properties.empty();
    if (object && !node.arguments.empty())
      return fail(node.arguments.front().at,
                  fmt::format("\"{}\" has values beside properties or a block", node.name.text),
                  "JSON has no such mixture: give the values a name of their own inside the block");
    if (object) return this->object(node);
    if (node.arguments.empty())
      return fail(node.name.at, fmt::format("\"{}\" has no value", node.name.text),
                  fmt::format("write {0} #true, {0} #null, or {0} {{}} for an empty object", node.name.text));
    if (node.arguments.size() == 1) return scalar(node.arguments.front());
    base::ArenaList<wire::Value> list(arena_);
    for (const kdl::Value& argument : node.arguments) list.push_back(scalar(argument));
    return {wire::Value::List(list.items())};
  }

  [[nodiscard]] bool good() const noexcept { return good_; }

 private:
  /// The items of a list that is written so, as a list of one has to be.
  std::optional<wire::Value> items(const kdl::Node& node) {
    const auto is_item = [](const kdl::Node& child) { return child.name.text == item_name; };
    const auto first = std::ranges::find_if(node.children, is_item);
    if (first == node.children.end()) return std::nullopt;
    const auto other = std::ranges::find_if_not(node.children, is_item);
    if (other != node.children.end() || !node.properties.empty()) {
      const kdl::Name& name = other != node.children.end() ? other->name : node.properties.front().name;
      return fail(name.at, fmt::format("\"{}\" stands beside items of a list", name.text),
                  "JSON has no such mixture: a list has items alone, which are named -, and an object has none");
    }
    base::ArenaList<wire::Value> list(arena_);
    for (const kdl::Node& child : node.children) list.push_back(this->node(child));
    return wire::Value{wire::Value::List(list.items())};
  }

  wire::Value object(const kdl::Node& node) {
    if (auto list = items(node)) return *list;
    base::ArenaList<wire::Member> members(arena_);
    std::set<std::string_view> names;
    for (const kdl::Property& property : node.properties) {
      if (!names.insert(property.name.text).second) {
        fail(property.name.at, fmt::format("the property \"{}\" is given twice", property.name.text), "remove one");
      } else {
        members.push_back({property.name.text, scalar(property.value)});
      }
    }
    for (const kdl::Node& child : node.children) {
      const std::string_view name = child.name.text;
      const auto is_property = [&](const kdl::Property& property) { return property.name.text == name; };
      if (std::ranges::any_of(node.properties, is_property)) {
        fail(child.name.at, fmt::format("\"{}\" is a property and a node in one block", name), "keep one of them");
      } else if (names.insert(name).second) {
        members.push_back({name, children(node, name)});
      }
    }
    return {wire::Value::Object(members.items())};
  }

  /// All children of one name: their value where there is one, else an array.
  wire::Value children(const kdl::Node& parent, std::string_view name) {
    base::ArenaList<wire::Value> list(arena_);
    for (const kdl::Node& child : parent.children) {
      if (child.name.text == name) list.push_back(node(child));
    }
    if (list.size() == 1) return list.back();
    return {wire::Value::List(list.items())};
  }

  wire::Value scalar(const kdl::Value& value) {
    untyped(value.type);
    if (const auto* const text = value.get<kdl::String>()) return {std::string_view(text->text)};
    if (const auto* const boolean = value.get<bool>()) return {*boolean};
    if (const auto* const number = value.get<kdl::Number>()) return this->number(*number, value.at);
    return {};
  }

  wire::Value number(const kdl::Number& number, const kdl::Span& at) {
    if (!number.is_finite())
      return fail(at, fmt::format("JSON has no number {}", number.text), "write it as text: \"inf\"");
    if (number.is_integer()) {
      if (const auto value = number.as_int64()) return {*value};
      if (const auto value = number.as_uint64()) return {*value};
    } else if (const auto value = number.as_double()) {
      return {*value};
    }
    return fail(at, fmt::format("{} does not fit into 64 bits", number.text), "write it as text, in quotes");
  }

  void untyped(const std::optional<kdl::Name>& type) {
    if (type) fail(type->at, fmt::format("the type \"({})\" means nothing here", type->text), "remove it");
  }

  wire::Value fail(const kdl::Span& at, std::string message, std::string hint) {
    reader_.report(at, std::move(message), std::move(hint));
    return failed();
  }
  wire::Value failed() {
    good_ = false;
    return {};
  }

  Reader& reader_;
  base::Arena& arena_;
  bool good_ = true;
};

}  // namespace

std::optional<std::string> config_json(Reader& reader, const kdl::Node& node) {
  base::Arena arena;
  TreeReader tree(reader, arena);
  const wire::Value value = tree.node(node);
  if (!tree.good()) return std::nullopt;
  return wire::to_json(value);
}

}  // namespace picket::apps::gateway::config

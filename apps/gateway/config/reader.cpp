#include "apps/gateway/config/reader.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/un.h>

#include "picket/base/nearest.hpp"
#include "picket/kdl/numbers.hpp"
#include "picket/kdl/writer.hpp"

namespace picket::apps::gateway::config {
namespace {

/// Longest path that the kernel takes for a Unix socket; there is a NUL behind it.
constexpr std::size_t longest_socket_path = sizeof(sockaddr_un::sun_path) - 1;

/// A value as messages name it.
std::string describe(const kdl::Value& value) {
  if (const auto* const text = value.get<kdl::String>()) return fmt::format("\"{}\"", text->text);
  if (const auto* const number = value.get<kdl::Number>()) return number->text;
  if (const auto* const boolean = value.get<bool>()) return *boolean ? "#true" : "#false";
  return "#null";
}

std::string range_hint(std::uint64_t min, std::uint64_t max, std::string_view unit) {
  return fmt::format("it is from {} to {}{}{}", min, max, unit.empty() ? "" : " ", unit);
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F; });
}

std::string with_dashes(std::string_view word) {
  std::string result(word);
  std::ranges::replace(result, '_', '-');
  return result;
}

std::vector<std::string_view> names(std::span<const Word> words) {
  std::vector<std::string_view> result;
  for (const Word& word : words) {
    if (word.kind == Word::normal) result.push_back(word.name);
  }
  return result;
}

}  // namespace

bool Reader::untyped(const std::optional<kdl::Name>& type) {
  if (!type) return true;
  report(type->at, fmt::format("the type \"({})\" means nothing here", type->text), "remove it");
  return false;
}

bool Reader::check(const kdl::Node& node, const Shape& shape) {
  if (node.broken) return false;
  const std::string& name = node.name.text;
  const std::size_t count = node.arguments.size();
  const std::size_t before = problems_.size();
  untyped(node.type);
  if (shape.arguments == Shape::Arguments::none && count > 0) {
    report(node.arguments.front().at, fmt::format("\"{}\" takes no value", name),
           fmt::format("its settings stand in a block: {} {{ … }}", name));
  } else if (shape.arguments != Shape::Arguments::none && count == 0) {
    report(node.name.at, fmt::format("\"{}\" has no value", name), fmt::format("write it behind the name: {} …", name));
  } else if (shape.arguments == Shape::Arguments::one && count > 1) {
    report(node.arguments[1].at, fmt::format("\"{}\" takes one value, not {}", name, count),
           "remove the others, or put text with spaces into quotes");
  }
  if (!shape.properties && !node.properties.empty()) {
    const kdl::Name& property = node.properties.front().name;
    report(property.at, fmt::format("\"{}\" takes no property \"{}\"", name, property.text),
           shape.block == Shape::Braces::none ? "remove it" : "settings stand in the block, without =");
  }
  if (shape.block == Shape::Braces::none && node.has_block)
    report(node.name.at, fmt::format("\"{}\" takes no block", name), "remove the { }");
  if (shape.block == Shape::Braces::required && !node.has_block)
    report(node.name.at, fmt::format("\"{}\" has no block", name),
           fmt::format("its settings stand in a block: {} {{ … }}", name));
  return problems_.size() == before;
}

void Reader::wrong_type(const Setting& setting, std::string_view wanted, std::string hint) {
  report(setting.value->at, fmt::format("\"{}\" takes {}, not {}", setting.key, wanted, describe(*setting.value)),
         std::move(hint));
}

std::optional<std::uint64_t> Reader::number(const Setting& setting, std::uint64_t min, std::uint64_t max,
                                            std::string_view unit) {
  if (!untyped(setting.value->type)) return std::nullopt;
  const auto* number = setting.value->get<kdl::Number>();
  std::string hint = range_hint(min, max, unit);
  // Text counts as a number where it comes from the environment: "${PICKET_TIMEOUT:-250}".
  std::optional<kdl::Number> expanded;
  if (const auto* const text = setting.value->get<kdl::String>()) {
    auto parsed = kdl::parse_number(text->text);
    if (parsed && text->expanded) number = &expanded.emplace(std::move(*parsed));
    if (parsed && !text->expanded) hint = fmt::format("write it without quotes: {} {}", setting.key, text->text);
  }
  if (number == nullptr || !number->is_integer()) {
    wrong_type(setting, "a whole number", std::move(hint));
    return std::nullopt;
  }
  const auto value = number->as_uint64();
  if (value && *value >= min && *value <= max) return value;
  report(setting.value->at, fmt::format("\"{}\" can't be {}", setting.key, number->text), std::move(hint));
  return std::nullopt;
}

std::optional<double> Reader::share(const Setting& setting) {
  if (!untyped(setting.value->type)) return std::nullopt;
  const auto* const number = setting.value->get<kdl::Number>();
  const auto value = number != nullptr ? number->as_double() : std::nullopt;
  if (value && *value > 0 && *value <= 1) return value;
  constexpr const char* hint = "write a share, for example 0.05";
  if (number == nullptr) {
    wrong_type(setting, "a number", hint);
  } else {
    report(setting.value->at, fmt::format("\"{}\" can't be {}", setting.key, number->text), hint);
  }
  return std::nullopt;
}

std::optional<int> Reader::choice(const Setting& setting, std::span<const Word> words) {
  if (!untyped(setting.value->type)) return std::nullopt;
  const std::vector<std::string_view> known = names(words);
  std::string all = fmt::format("known: \"{}\"", fmt::join(known, "\", \""));
  const auto* const text = setting.value->get<kdl::String>();
  if (text == nullptr) {
    wrong_type(setting, "a word", std::move(all));
    return std::nullopt;
  }
  const std::string written = with_dashes(text->text);
  for (const Word& word : words) {
    if (with_dashes(word.name) != written) continue;
    if (word.kind != Word::unsupported) return word.value;
    report(setting.value->at, fmt::format("\"{}\" is not supported yet as \"{}\"", text->text, setting.key),
           std::move(all));
    return std::nullopt;
  }
  report(setting.value->at, fmt::format("\"{}\" is no value of \"{}\"", text->text, setting.key),
         base::suggest(text->text, known));
  return std::nullopt;
}

std::optional<bool> Reader::boolean(const Setting& setting) {
  if (!untyped(setting.value->type)) return std::nullopt;
  const auto* const value = setting.value->get<bool>();
  if (value != nullptr) return *value;
  wrong_type(setting, "#true or #false", "write #true or #false, without quotes");
  return std::nullopt;
}

std::optional<std::string> Reader::text(const Setting& setting) {
  if (!untyped(setting.value->type)) return std::nullopt;
  const auto* const text = setting.value->get<kdl::String>();
  if (text == nullptr) {
    wrong_type(setting, "text", "put it into quotes");
    return std::nullopt;
  }
  if (text->text.empty()) {
    report(setting.value->at, fmt::format("\"{}\" can't be empty", setting.key), "write at least one character");
    return std::nullopt;
  }
  if (has_control_character(text->text)) {
    report(setting.value->at, fmt::format("\"{}\" can't have control characters", setting.key),
           "remove newlines, tabs and the like");
    return std::nullopt;
  }
  return text->text;
}

std::optional<Address> Reader::listen_address(const Setting& setting) {
  const auto written = text(setting);
  if (!written) return std::nullopt;
  auto address = parse_address(*written, Hosts::numbers);
  if (address) return std::move(*address);
  report(setting.value->at, address.error().message, address.error().hint);
  return std::nullopt;
}

std::optional<std::string> Reader::path(const Setting& setting) {
  auto written = text(setting);
  if (!written) return std::nullopt;
  return path_of(setting, *written);
}

std::string Reader::path_of(const Setting& setting, std::string_view written) const {
  return (sources_.at(setting.value->at.file).folder / written).lexically_normal().string();
}

std::optional<std::string> Reader::as_socket_path(const Setting& setting, std::optional<std::string> path) {
  if (!path || path->size() <= longest_socket_path) return path;
  report(setting.value->at,
         fmt::format("the path of this socket has {} bytes, {} are the most", path->size(), longest_socket_path),
         "use a shorter one, for example under /run");
  return std::nullopt;
}

std::vector<kdl::Name> Reader::texts(const kdl::Node& node) {
  std::vector<kdl::Name> result;
  check(node, {.arguments = Shape::Arguments::some});
  if (node.broken) return result;
  for (const kdl::Value& argument : node.arguments) {
    auto read = text({node.name.text, &argument});
    if (read) result.push_back({std::move(*read), argument.at});
  }
  return result;
}

const kdl::Node* child_of(const kdl::Node& node, std::string_view key) {
  const auto found = std::ranges::find_if(node.children, [&](const auto& one) { return one.name.text == key; });
  return found == node.children.end() ? nullptr : &*found;
}

Block block_of(const kdl::Node& node) {
  Block block{.owner = fmt::format("\"{}\"", node.name.text), .at = node.name.at, .nodes = {}};
  if (!node.arguments.empty()) {
    if (const auto* const id = node.arguments.front().get<kdl::String>())
      block.owner = fmt::format("{} \"{}\"", node.name.text, id->text);
  }
  for (const kdl::Node& child : node.children) block.nodes.push_back(&child);
  return block;
}

std::optional<std::size_t> KeyTracker::take(const kdl::Name& name, std::string_view kind) {
  if (name.text.empty() && name.at == kdl::Span{}) return std::nullopt;  // A broken node whose name could not be read.
  const auto found = std::ranges::find(keys_, name.text, &KeyInfo::name);
  if (found == keys_.end()) {
    unknown(name, kind);
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(found - keys_.begin());
  const bool repeatable = found->presence == Presence::many || found->presence == Presence::at_least_one;
  if (found->presence == Presence::unsupported) {
    reader_.report(name.at, fmt::format("\"{}\" is not supported yet", name.text), "remove it");
    return std::nullopt;
  }
  if (first_[index] && !repeatable) {
    reader_.report(name.at, fmt::format("\"{}\" is given twice in {}", name.text, owner_),
                   fmt::format("first at {}", reader_.place(*first_[index])));
    return std::nullopt;
  }
  if (!first_[index]) first_[index] = name.at;
  return index;
}

void KeyTracker::unknown(const kdl::Name& name, std::string_view kind) {
  std::vector<std::string_view> known;
  for (const KeyInfo& key : keys_) {
    if (key.presence != Presence::unsupported) known.push_back(key.name);
  }
  std::string hint = base::suggest(name.text, known);
  if (hint.empty()) hint = fmt::format("{} has no such {}", owner_, kind);
  reader_.report(name.at, fmt::format("\"{}\" is not known in {}", name.text, owner_), std::move(hint));
}

void KeyTracker::finish(const kdl::Span& at) {
  if (!reader_.complete()) return;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const KeyInfo& key = keys_[i];
    const bool needed = key.presence == Presence::required || key.presence == Presence::at_least_one;
    if (needed && !first_[i])
      reader_.report(at, fmt::format("{} has no \"{}\"", owner_, key.name), fmt::format("add {}", key.example));
  }
}

}  // namespace picket::apps::gateway::config

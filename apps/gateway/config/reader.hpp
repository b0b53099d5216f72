#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/schema.hpp"
#include "apps/gateway/config/source.hpp"
#include "picket/kdl/document.hpp"

namespace picket::apps::gateway::config {

/// What a node may have besides its name.
struct Shape {
  enum class Arguments : std::uint8_t { none, one, some } arguments = Arguments::none;
  bool properties = false;
  enum class Braces : std::uint8_t { none, optional, required } block = Braces::none;
};

/// Reads documents by tables. What is wrong is reported and leaves the field at its default; reading goes on.
/// Thread safety: none. Lifetime: borrows sources and problems.
class Reader {
 public:
  Reader(const Sources& sources, Problems& problems, bool complete)
      : sources_(sources), problems_(problems), complete_(complete) {}

  /// Whether what is not there was not written; false after a syntax error.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  void report(const kdl::Span& at, std::string message, std::string hint) {
    problems_.push_back({at, std::move(message), std::move(hint)});
  }
  /// Problems so far, of all parts of the configuration: more of them after reading something tell that it is wrong.
  [[nodiscard]] std::size_t problems() const noexcept { return problems_.size(); }
  [[nodiscard]] std::string place(const kdl::Span& at) const { return describe_place(sources_, at); }

  /// Whether a node has the shape; reports what it has too much or too little of. A broken node never has it.
  bool check(const kdl::Node& node, const Shape& shape);

  /// The values of settings. Empty: reported.
  [[nodiscard]] std::optional<std::uint64_t> number(const Setting& setting, std::uint64_t min, std::uint64_t max,
                                                    std::string_view unit);
  /// A number over 0, at most 1.
  [[nodiscard]] std::optional<double> share(const Setting& setting);
  [[nodiscard]] std::optional<int> choice(const Setting& setting, std::span<const Word> words);
  [[nodiscard]] std::optional<bool> boolean(const Setting& setting);
  /// Text that is not empty and has no control characters.
  [[nodiscard]] std::optional<std::string> text(const Setting& setting);
  /// A path, made absolute: relative to the folder of the file that says it.
  [[nodiscard]] std::optional<std::string> path(const Setting& setting);
  /// `path`, which that value says, where a Unix socket may have it: the kernel takes no long ones.
  [[nodiscard]] std::optional<std::string> as_socket_path(const Setting& setting, std::optional<std::string> path);
  /// What the path `written` in that value means: relative ones are in the folder of its file.
  [[nodiscard]] std::string path_of(const Setting& setting, std::string_view written) const;
  /// Where to listen: a number and a port.
  [[nodiscard]] std::optional<Address> listen_address(const Setting& setting);
  /// All arguments of a node that takes one or more texts.
  [[nodiscard]] std::vector<kdl::Name> texts(const kdl::Node& node);

  /// Reads a block by its table.
  template <class T>
  void block(const Block& block, Keys<T> keys, T& out);

  /// Reads the properties of a node by their table.
  template <class T>
  void properties(const kdl::Node& node, Keys<T> keys, T& out);

  /// Reads a node with one text, its id, and with the properties and the block of the tables. Empty: it has no id.
  template <class T>
  std::optional<kdl::Name> entry(const kdl::Node& node, Keys<T> property_keys, Keys<T> keys, Shape::Braces braces,
                                 T& out);

  /// Reads one setting by its rule, which is for a single value.
  template <class T>
  void value(const Setting& setting, const Key<T>& key, T& out);

 private:
  bool untyped(const std::optional<kdl::Name>& type);
  void wrong_type(const Setting& setting, std::string_view wanted, std::string hint);

  const Sources& sources_;
  Problems& problems_;
  bool complete_;
};

/// The block of a node, called as messages call it: `pool`, `agent "waf"`.
[[nodiscard]] Block block_of(const kdl::Node& node);

/// The first node of that name in a node's block; null where there is none.
[[nodiscard]] const kdl::Node* child_of(const kdl::Node& node, std::string_view key);

/// What a table says of its keys.
template <class T>
[[nodiscard]] std::vector<KeyInfo> infos(Keys<T> keys) {
  return {keys.begin(), keys.end()};
}

/// Which of its keys a block has had. Reports those that are unknown, not supported yet, repeated or missing.
class KeyTracker {
 public:
  KeyTracker(Reader& reader, std::vector<KeyInfo> keys, std::string_view owner)
      : reader_(reader), keys_(std::move(keys)), first_(keys_.size()), owner_(owner) {}

  /// The index of the key that `name` names, where it is to be read.
  [[nodiscard]] std::optional<std::size_t> take(const kdl::Name& name, std::string_view kind);
  void finish(const kdl::Span& at);

 private:
  void unknown(const kdl::Name& name, std::string_view kind);

  Reader& reader_;
  std::vector<KeyInfo> keys_;
  std::vector<std::optional<kdl::Span>> first_;
  std::string_view owner_;
};

template <class T>
void Reader::value(const Setting& setting, const Key<T>& key, T& out) {
  if (const auto* number_rule = std::get_if<NumberRule<T>>(&key.rule)) {
    if (const auto read = number(setting, number_rule->min, number_rule->max, number_rule->unit))
      number_rule->set(out, *read);
  } else if (const auto* choice_rule = std::get_if<ChoiceRule<T>>(&key.rule)) {
    if (const auto read = choice(setting, choice_rule->words)) choice_rule->set(out, *read);
  } else if (const auto* boolean_rule = std::get_if<BooleanRule<T>>(&key.rule)) {
    if (const auto read = boolean(setting)) boolean_rule->set(out, *read);
  } else if (const auto* value_rule = std::get_if<ValueRule<T>>(&key.rule)) {
    value_rule->read(*this, setting, out);
  }
}

template <class T>
void Reader::block(const Block& block, Keys<T> keys, T& out) {
  KeyTracker tracker(*this, infos(keys), block.owner);
  for (const kdl::Node* node : block.nodes) {
    const auto index = tracker.take(node->name, "key");
    if (!index) continue;
    const Key<T>& key = keys[*index];
    if (const auto* node_rule = std::get_if<NodeRule<T>>(&key.rule)) {
      node_rule->read(*this, *node, out);
    } else if (const auto* block_rule = std::get_if<BlockRule<T>>(&key.rule)) {
      check(*node, {.block = Shape::Braces::required});
      if (node->has_block) block_rule->read(*this, block_of(*node), out);
    } else if (check(*node, {.arguments = Shape::Arguments::one})) {
      value({key.name, &node->arguments.front()}, key, out);
    }
  }
  tracker.finish(block.at);
}

template <class T>
void Reader::properties(const kdl::Node& node, Keys<T> keys, T& out) {
  const Block inner = block_of(node);
  KeyTracker tracker(*this, infos(keys), inner.owner);
  for (const kdl::Property& property : node.properties) {
    const auto index = tracker.take(property.name, "property");
    if (index && !node.broken) value({keys[*index].name, &property.value}, keys[*index], out);
  }
  tracker.finish(node.name.at);
}

template <class T>
std::optional<kdl::Name> Reader::entry(const kdl::Node& node, Keys<T> property_keys, Keys<T> keys, Shape::Braces braces,
                                       T& out) {
  const bool good = check(node, {.arguments = Shape::Arguments::one, .properties = true, .block = braces});
  properties(node, property_keys, out);
  if (node.has_block && braces != Shape::Braces::none) block(block_of(node), keys, out);
  if (!good) return std::nullopt;
  auto id = text({node.name.text, &node.arguments.front()});
  if (!id) return std::nullopt;
  return kdl::Name{std::move(*id), node.arguments.front().at};
}

/// The path of a file, as Reader::path() has it.
template <auto... Members>
void read_file(Reader& reader, const Setting& setting, Owner<Members...>& out) {
  if (auto path = reader.path(setting)) follow<Members...>(out) = std::move(*path);
}

/// The name that a server's certificate has to have. `Hint`: what to write in place of what is none.
template <class Tls, const std::string_view& Hint>
void read_server_name(Reader& reader, const Setting& setting, Tls& out) {
  auto name = reader.text(setting);
  if (!name) return;
  if (!is_host(*name))
    return reader.report(setting.value->at, fmt::format("\"{}\" is no host name", *name), std::string{Hint});
  out.server_name = std::move(*name);
}

/// A reference to something by its id.
template <auto Member>
void read_reference(Reader& reader, const Setting& setting, Owner<Member>& out) {
  if (auto name = reader.text(setting)) out.*Member = {std::move(*name), setting.value->at};
}

}  // namespace picket::apps::gateway::config

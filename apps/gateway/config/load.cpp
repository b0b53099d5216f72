#include "apps/gateway/config/load.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/files.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/resolve.hpp"
#include "apps/gateway/config/tables.hpp"

namespace picket::apps::gateway::config {
namespace {

/// The top-level keys, for a tracker that lets blocks be repeated: files that are included may each have theirs.
std::vector<KeyInfo> repeatable(std::vector<KeyInfo> keys) {
  for (KeyInfo& key : keys) {
    if (key.presence == Presence::once) key.presence = Presence::many;
    if (key.presence == Presence::required) key.presence = Presence::at_least_one;
  }
  return keys;
}

/// The blocks of one name from all files, joined into one.
Block join(Reader& reader, std::span<const kdl::Node* const> nodes) {
  Block joined{.owner = fmt::format("\"{}\"", nodes.front()->name.text), .at = nodes.front()->name.at, .nodes = {}};
  std::map<std::uint32_t, kdl::Span> first;
  for (const kdl::Node* const node : nodes) {
    reader.check(*node, {.block = Shape::Braces::required});
    const auto [entry, added] = first.try_emplace(node->name.at.file, node->name.at);
    if (!added)
      reader.report(node->name.at, fmt::format("{} is given twice in this file", joined.owner),
                    fmt::format("first at {}; join the two", reader.place(entry->second)));
    for (const kdl::Node& child : node->children) joined.nodes.push_back(&child);
  }
  return joined;
}

void read_document(Reader& reader, std::span<const kdl::Node> nodes, Draft& draft) {
  const Keys<Draft> keys = tables::document();
  KeyTracker tracker(reader, repeatable(infos(keys)), "the configuration");
  std::vector<std::vector<const kdl::Node*>> found(keys.size());
  for (const kdl::Node& node : nodes) {
    if (const auto index = tracker.take(node.name, "block")) found[*index].push_back(&node);
  }
  tracker.finish({});
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto* const rule = std::get_if<BlockRule<Draft>>(&keys[i].rule);
    if (rule != nullptr && !found[i].empty()) rule->read(reader, join(reader, found[i]), draft);
  }
}

}  // namespace

Loaded load(const std::filesystem::path& path, const Environment& environment) {
  Files files = read_files(path, environment);
  Reader reader(files.sources, files.problems, files.complete);
  Draft draft;
  read_document(reader, files.nodes, draft);
  Config config = resolve(std::move(draft), reader);
  if (files.problems.empty()) return config;
  return std::unexpected(diagnose(files.sources, std::move(files.problems)));
}

}  // namespace picket::apps::gateway::config

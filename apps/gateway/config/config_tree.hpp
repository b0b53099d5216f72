#pragma once

#include <optional>
#include <string>

#include "apps/gateway/config/reader.hpp"
#include "picket/kdl/document.hpp"

namespace picket::apps::gateway::config {

/// An agent's `config` node, which may hold any tree, as JSON text.
///
/// A node with one argument is that value, with several an array; one with properties or a block is an object of them,
/// and nodes of one name in a block are an array; in a block of nodes named - each is an item of an array. Mixtures are
/// errors, and so is what JSON has no word for. Empty: reported.
[[nodiscard]] std::optional<std::string> config_json(Reader& reader, const kdl::Node& node);

}  // namespace picket::apps::gateway::config

#pragma once

#include <filesystem>
#include <vector>

#include "apps/gateway/config/environment.hpp"
#include "apps/gateway/config/source.hpp"
#include "picket/kdl/document.hpp"

namespace picket::apps::gateway::config {

/// Files that one configuration may consist of.
inline constexpr std::size_t max_files = 256;

/// Everything that a configuration file and those it includes say, in the order in which it stands.
struct Files {
  Sources sources;               ///< sources[0]: the file itself.
  std::vector<kdl::Node> nodes;  ///< Top-level nodes; the includes are replaced by what they bring. Expanded.
  Problems problems;
  bool complete = true;  ///< Every file was read and has no syntax error: what is not there was not written.
};

/// Reads `path`, expands environment variables and follows `include "glob"`: relative to the file that says it, in
/// order of name. A file may be part of a configuration once. Errors: in Files::problems.
[[nodiscard]] Files read_files(const std::filesystem::path& path, const Environment& environment);

}  // namespace picket::apps::gateway::config

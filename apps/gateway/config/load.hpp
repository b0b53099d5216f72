#pragma once

#include <expected>
#include <filesystem>
#include <vector>

#include "apps/gateway/config/diagnostic.hpp"
#include "apps/gateway/config/environment.hpp"
#include "apps/gateway/config/model.hpp"

namespace picket::apps::gateway::config {

/// A configuration, or everything that is wrong with its files, by file, line and column.
class [[nodiscard]] Loaded : public std::expected<Config, std::vector<Diagnostic>> {
 public:
  using std::expected<Config, std::vector<Diagnostic>>::expected;
};

/// Reads a configuration file and those it includes, and checks all that can be checked without opening a socket.
/// Thread safety: as that of `environment`.
Loaded load(const std::filesystem::path& path, const Environment& environment = process_environment());

}  // namespace picket::apps::gateway::config

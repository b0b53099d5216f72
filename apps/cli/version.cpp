#include "picket/base/version.hpp"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "apps/cli/commands.hpp"

namespace picket::apps::cli {

std::string version_line() { return fmt::format("picket {} (Agent Protocol v2)", PICKET_VERSION); }

void add_version(CLI::App& app, int& exit_code) {
  app.add_subcommand("version", "Print the version")->callback([&exit_code] {
    fmt::print("{}\n", version_line());
    exit_code = exit_done;
  });
}

}  // namespace picket::apps::cli

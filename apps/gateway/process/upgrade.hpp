#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>

namespace picket::apps::gateway::process {

/// Has the gateway that serves a configuration file start its program anew and give way to it, and waits until that
/// serves. The process is the one that the file's `pid-file` names. Says on `out` what came of it, or on `err` why
/// nothing did. Gives the process's exit code: 0; 1 where no other process serves after `patience`; 2 where the file is
/// wrong or names no pid-file.
[[nodiscard]] int upgrade(const std::filesystem::path& file, std::chrono::seconds patience, std::ostream& out,
                          std::ostream& err);

}  // namespace picket::apps::gateway::process

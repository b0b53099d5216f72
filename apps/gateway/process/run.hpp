#pragma once

#include <filesystem>

namespace picket::apps::gateway::process {

/// What `picket run FILE` does: serves until SIGTERM or SIGINT, then drains; SIGHUP reloads the file, SIGUSR1 reopens
/// the logs. Call it before any thread is started: it blocks those signals in all of them.
/// Returns an exit code: 0 after a drain, 1 where something could not be had at start, 2 for a wrong file.
int run(const std::filesystem::path& file);

}  // namespace picket::apps::gateway::process

#include "apps/gateway/process/upgrade.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/process/pid_file.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::process {

int upgrade(const std::filesystem::path& file, std::chrono::seconds patience, std::ostream& out, std::ostream& err) {
  const auto loaded = config::load(file);
  if (!loaded) {
    for (const auto& diagnostic : loaded.error()) fmt::print(err, "{}", config::render(diagnostic, false));
    return 2;
  }
  const std::string& pid_file = loaded->system.pid_file;
  if (pid_file.empty()) {
    fmt::print(err,
               "{} does not say which process serves it: add system {{ pid-file \"/run/picket/gateway.pid\" }}, "
               "and send SIGUSR2 to the process yourself this once\n",
               file.string());
    return 2;
  }
  const auto old = PidFile::read(pid_file);
  if (!old || ::kill(*old, SIGUSR2) != 0) {
    fmt::print(
        err, "nothing to upgrade: {}\n",
        old ? fmt::format("process {}, of {}: {}", *old, pid_file, ::strerrordesc_np(errno)) : old.error().detail());
    return 1;
  }
  const base::TimePoint until = base::Clock::now() + patience;
  while (base::Clock::now() < until) {
    const auto now = PidFile::read(pid_file);
    if (now && *now != *old) {
      fmt::print(out, "process {} serves; process {} ends with its last connection\n", *now, *old);
      return 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  fmt::print(err, "process {} still serves after {} s; its log says why\n", *old, patience.count());
  return 1;
}

}  // namespace picket::apps::gateway::process

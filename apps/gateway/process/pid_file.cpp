#include "apps/gateway/process/pid_file.hpp"

#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

namespace picket::apps::gateway::process {

base::Status PidFile::write() const {
  if (path_.empty()) return {};
  const std::filesystem::path beside = path_.string() + ".new";
  std::ofstream file{beside, std::ios::trunc};
  file << ::getpid() << '\n';
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(beside, path_, error);
  if (!file || error)
    return base::fail(base::ErrorKind::io, fmt::format("cannot write the pid file {}: {}", path_.string(),
                                                       error ? error.message() : "is its folder there, and writable?"));
  return {};
}

base::Result<int> PidFile::read(const std::filesystem::path& path) {
  std::ifstream file{path};
  if (!file) return base::fail(base::ErrorKind::io, fmt::format("cannot read the pid file {}", path.string()));
  int pid = 0;
  file >> pid;
  if (!file || pid <= 1) return base::fail(base::ErrorKind::io, fmt::format("{} names no process", path.string()));
  return pid;
}

PidFile::~PidFile() {
  if (path_.empty()) return;
  const auto there = read(path_);
  std::error_code ignored;
  if (there && *there == ::getpid()) std::filesystem::remove(path_, ignored);
}

}  // namespace picket::apps::gateway::process

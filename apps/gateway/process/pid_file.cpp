#include "apps/gateway/process/pid_file.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace picket::apps::gateway::process {
namespace {

base::Error trouble(std::string_view what, const std::filesystem::path& path, int error) {
  return base::fail(base::ErrorKind::io,
                    fmt::format("cannot {} the pid file {}: {}", what, path.string(), ::strerrordesc_np(error)));
}

}  // namespace

base::Status PidFile::write() {
  if (path_.empty()) return {};
  struct stat there{};
  if (::lstat(path_.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return base::fail(base::ErrorKind::io,
                      fmt::format("the pid file {} is there already, and is no file", path_.string()));
  const std::string beside = fmt::format("{}.{}", path_.string(), ::getpid());
  const int made = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (made < 0) return trouble("write", path_, errno);
  const std::string text = fmt::format("{}\n", ::getpid());
  const bool is_whole = ::flock(made, LOCK_EX | LOCK_NB) == 0 &&
                        ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                        ::rename(beside.c_str(), path_.c_str()) == 0;
  if (!is_whole) {
    const int error = errno;
    ::unlink(beside.c_str());
    ::close(made);
    return trouble("write", path_, error);
  }
  if (file_ >= 0) ::close(file_);
  file_ = made;
  return {};
}

base::Result<int> PidFile::read(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return trouble("read", path, errno);
  std::array<char, 32> text{};
  const ssize_t size = ::read(file, text.data(), text.size());
  const bool is_held = ::flock(file, LOCK_SH | LOCK_NB) != 0;
  ::close(file);
  int pid = 0;
  const char* const end = text.data() + std::max<ssize_t>(size, 0);
  if (const auto [at, error] = std::from_chars(text.data(), end, pid); error != std::errc{} || pid <= 1)
    return base::fail(base::ErrorKind::io, fmt::format("{} names no process", path.string()));
  if (!is_held)
    return base::fail(base::ErrorKind::io, fmt::format("process {}, which wrote {}, is gone", pid, path.string()));
  return pid;
}

bool PidFile::is_ours() const {
  struct stat mine{};
  struct stat there{};
  return ::fstat(file_, &mine) == 0 && ::stat(path_.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

PidFile::~PidFile() {
  if (file_ < 0) return;
  if (is_ours()) ::unlink(path_.c_str());
  ::close(file_);
}

}  // namespace picket::apps::gateway::process

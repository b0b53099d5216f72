#include "apps/guard/file_lock.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace picket::apps::guard {

base::Result<FileLock> FileLock::take(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return base::fail(base::ErrorKind::unavailable, fmt::format("{} cannot be opened: {}", file, std::strerror(errno)));
  FileLock lock{descriptor};
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  const bool is_held = errno == EWOULDBLOCK;
  const char* const why = is_held ? "another process holds it" : std::strerror(errno);
  return base::fail(base::ErrorKind::unavailable, fmt::format("{} cannot be locked: {}", file, why));
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace picket::apps::guard

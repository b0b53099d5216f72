#pragma once

#include <string>
#include <utility>

#include "picket/base/result.hpp"

namespace picket::apps::guard {

/// A file that one holder at a time has, of all processes; its end gives it back, however that comes. What is in it is
/// nobody's, so that it may stand beside a file that is replaced.
///
/// Thread safety: none. Errors: of take(): unavailable, with the reason, also where another one holds it.
class FileLock {
 public:
  [[nodiscard]] static base::Result<FileLock> take(const std::string& file);

  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) noexcept : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace picket::apps::guard

#pragma once

#include <filesystem>
#include <utility>

#include "picket/base/result.hpp"

namespace picket::apps::gateway::process {

/// The file that says which process serves: its number and a line end. Made and replaced whole, so that a reader never
/// sees half of one, and locked by that process as long as it lives; removed at the end, unless another process has
/// written its own meanwhile. Thread safety: none.
class PidFile {
 public:
  /// Empty: there is none.
  explicit PidFile(std::filesystem::path path) : path_(std::move(path)) {}
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();

  /// Again, too, where another process has written its own and is gone. Errors: io, naming the file.
  [[nodiscard]] base::Status write();
  /// The process that a file names, which is alive. Errors: io, where there is no such file, it names none, or the
  /// process that wrote it is gone.
  [[nodiscard]] static base::Result<int> read(const std::filesystem::path& path);

 private:
  [[nodiscard]] bool is_ours() const;

  std::filesystem::path path_;
  int file_ = -1;  // locked
};

}  // namespace picket::apps::gateway::process

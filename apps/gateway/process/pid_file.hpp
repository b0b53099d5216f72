#pragma once

#include <filesystem>

#include "picket/base/result.hpp"

namespace picket::apps::gateway::process {

/// The file that says which process serves: its number and a line end. Made and replaced whole, so that a reader never
/// sees half of one; removed at the end, unless another process has written its own meanwhile. Thread safety: none.
class PidFile {
 public:
  /// Empty: there is none.
  explicit PidFile(std::filesystem::path path) : path_(std::move(path)) {}
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();

  /// Errors: io, naming the file.
  [[nodiscard]] base::Status write() const;
  /// The process that a file names. Errors: io, where there is no such file, or it names none.
  [[nodiscard]] static base::Result<int> read(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
};

}  // namespace picket::apps::gateway::process

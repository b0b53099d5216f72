#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "picket/base/result.hpp"

namespace picket::apps::waf {

/// The file that gets ModSecurity's own line per match (`… [id "942100"] …`), appended before the verdict is answered.
/// Thread safety: any thread may write; the lines of one call stay together. Not synced to disk.
class RuleLog {
 public:
  using Complain = std::function<void(std::string_view)>;

  /// Opens `path` for appending, mode 0640; an existing file is kept. `complain` is told of losses, on the thread that
  /// writes. Errors: io, with the path and the reason.
  [[nodiscard]] static base::Result<RuleLog> open(const std::string& path, Complain complain);

  RuleLog(RuleLog&& other) noexcept : descriptor_(other.descriptor_), complain_(std::move(other.complain_)) {
    other.descriptor_ = -1;
  }
  RuleLog& operator=(RuleLog&&) = delete;
  ~RuleLog();

  /// Appends whole lines. What cannot be written (a full disk, a pipe that nobody reads) is lost and told once: a
  /// verdict does not depend on its log, or filling the disk would be an attack on every request.
  void write(std::string_view lines);

 private:
  RuleLog(int descriptor, Complain complain) noexcept : descriptor_(descriptor), complain_(std::move(complain)) {}

  std::mutex mutex_;
  int descriptor_;
  Complain complain_;
  bool failing_ = false;
};

}  // namespace picket::apps::waf

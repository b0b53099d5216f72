#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "picket/base/result.hpp"

namespace picket::apps::waf {

/// The file that gets ModSecurity's own line per match (`… [id "942100"] …`), appended before the verdict is answered.
/// Thread safety: any thread may write; the lines of one call stay together. Not synced to disk.
class RuleLog {
 public:
  /// Opens `path` for appending, mode 0640; an existing file is kept. Errors: io, with the path and the reason.
  [[nodiscard]] static base::Result<RuleLog> open(const std::string& path);

  RuleLog(RuleLog&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  RuleLog& operator=(RuleLog&&) = delete;
  ~RuleLog();

  /// Appends whole lines. What cannot be written (a full disk) is lost and said on standard error once per outage: a
  /// verdict does not depend on its log, or filling the disk would be an attack on every request.
  void write(std::string_view lines);

 private:
  explicit RuleLog(int descriptor) noexcept : descriptor_(descriptor) {}

  std::mutex mutex_;
  int descriptor_;
  bool failing_ = false;
};

}  // namespace picket::apps::waf

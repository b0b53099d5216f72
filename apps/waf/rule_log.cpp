#include "apps/waf/rule_log.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace picket::apps::waf {

using base::ErrorKind;

base::Result<RuleLog> RuleLog::open(const std::string& path, Complain complain) {
  // A path may name a pipe (/dev/stderr): no evaluation waits for its reader.
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
  if (descriptor < 0)
    return base::fail(ErrorKind::io, fmt::format("rule log {}: cannot open: {}", path, std::strerror(errno)));
  return RuleLog(descriptor, std::move(complain));
}

RuleLog::~RuleLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RuleLog::write(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  while (!lines.empty()) {
    const ssize_t written = ::write(descriptor_, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (!failing_) complain_(fmt::format("the rule log loses lines: {}", std::strerror(errno)));
      failing_ = true;
      return;
    }
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
  failing_ = false;
}

}  // namespace picket::apps::waf

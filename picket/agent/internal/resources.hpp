#pragma once

#include "picket/base/time.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent::internal {

/// What this process uses of its machine, as Linux says. Thread safety: none; one owner.
class ResourceMeter {
 public:
  /// Now; processor time since the last call, of one core 100 per cent. What cannot be read is left out.
  [[nodiscard]] wire::Resources measure();

 private:
  base::TimePoint measured_at_ = base::Clock::now();
  base::Duration used_{};  // processor time until then
};

}  // namespace picket::agent::internal

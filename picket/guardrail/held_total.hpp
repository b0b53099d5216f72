#pragma once

#include <cstdint>

#include "picket/base/block_pool.hpp"

namespace picket::guardrail {

/// Bytes that count as held, as a sum that is known anew each time.
///
/// Thread safety: the pool's. Lifetime: the pool outlives it; what is counted is given back with it. Units: bytes.
class HeldTotal {
 public:
  explicit HeldTotal(base::BlockPool& pool) noexcept : held_(pool) {}

  /// So many count from now on. False: they are over the pool's budget, and as many count as before.
  [[nodiscard]] bool set(std::uint64_t bytes) noexcept {
    if (bytes > bytes_ && !held_.count(bytes - bytes_)) return false;
    if (bytes < bytes_) held_.give_back(bytes_ - bytes);
    bytes_ = bytes;
    return true;
  }
  /// None do.
  void clear() noexcept { static_cast<void>(set(0)); }

 private:
  base::HeldBytes held_;
  std::uint64_t bytes_ = 0;
};

}  // namespace picket::guardrail

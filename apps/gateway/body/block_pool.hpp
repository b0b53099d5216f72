#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "picket/metrics/counter.hpp"

namespace picket::apps::gateway::body {

/// Bytes of a body that are held in one piece, or pass in one read and one write.
inline constexpr std::size_t block_size = 64 * 1024;

/// One worker's memory for bodies, and the budget of what is held of them.
///
/// Blocks come from the system one by one, so that each can go back to it whatever else is allocated: after a burst
/// the process is as small as before. A few are kept, so that steady traffic asks the system for none.
/// Thread safety: the worker's. Lifetime: outlives its blocks.
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  struct GiveBack {
    BlockPool* pool = nullptr;
    void operator()(char* block) const noexcept { pool->give_back(block); }
  };
  /// `block_size` bytes.
  using Block = std::unique_ptr<char[], GiveBack>;

  /// Throws std::bad_alloc as operator new does.
  [[nodiscard]] Block take();

  /// Bytes that may be held; more are held already where it is lowered.
  void set_budget(std::uint64_t bytes) noexcept { budget_ = bytes; }
  /// Counts bytes as held, or says that there are too many.
  [[nodiscard]] bool hold(std::uint64_t bytes) noexcept;
  void release(std::uint64_t bytes) noexcept { held_.add(-static_cast<std::int64_t>(bytes)); }
  /// Any thread may read it.
  [[nodiscard]] std::uint64_t held() const noexcept { return static_cast<std::uint64_t>(held_.value()); }

 private:
  void give_back(char* block) noexcept;

  std::vector<char*> kept_;
  std::uint64_t budget_ = 0;
  metrics::Gauge held_;
};

}  // namespace picket::apps::gateway::body

#pragma once

#include <cstddef>
#include <span>

#include "picket/base/shared_bytes.hpp"

namespace picket::body {

/// Where the bytes of one body are read to: block after block of a worker's pool, each used to its end, or again where
/// nobody has a share of what was in it. Thread safety: the pool's. Lifetime: the pool outlives it.
///
///   const std::span<char> into = intake.space();
///   const auto got = co_await stream.read_some(into, deadline);
///   if (got) pipeline.feed({.bytes = intake.commit(*got)});  // what is not used of the block is for the next read
///
/// Errors: std::bad_alloc where the system has no memory. Units: bytes. Complexity: O(1); no byte is copied.
class Intake {
 public:
  explicit Intake(base::BlockPool& pool) noexcept : pool_(pool) {}

  /// Counts what holding a body costs whatever its size: a page of its first block. False: that is over the budget.
  [[nodiscard]] bool reserve();
  /// Room for the next bytes, up to `most`: a declared length reserves nothing. `most` is not 0.
  [[nodiscard]] std::span<char> space(std::size_t most = base::block_size);
  /// What was read into space(). At most as many as there was space for, once for each space().
  [[nodiscard]] base::SharedBytes commit(std::size_t size);
  /// Lets the block go. What was committed of it stays with whoever has it.
  void clear() noexcept { block_ = {}; }

 private:
  void prepare();

  base::BlockPool& pool_;
  base::Block block_;
  std::size_t used_ = 0;  // of it
};

}  // namespace picket::body

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/gateway/body/block_pool.hpp"
#include "picket/base/bytes.hpp"

namespace picket::apps::gateway::body {

/// What is held of one body: bytes in blocks as they were read, or bytes of others that stand still meanwhile, and the
/// pieces of them that go on. Thread safety: the worker's. Lifetime: the pool outlives it.
class HeldBody {
 public:
  explicit HeldBody(BlockPool& pool) noexcept : pool_(pool) {}
  HeldBody(const HeldBody&) = delete;
  HeldBody& operator=(const HeldBody&) = delete;
  ~HeldBody() { clear(); }

  /// Bytes that live on elsewhere, which are not counted.
  void lend(base::ByteView whole) { pieces_.push_back(whole); }

  /// Asks the budget for what holding a body costs whatever its size. False: there is no room.
  [[nodiscard]] bool begin() { return count(least_held); }
  /// Room for the next bytes: a declared length reserves nothing.
  [[nodiscard]] std::span<char> space();
  /// So many bytes were read into space(). False: they are over the budget.
  [[nodiscard]] bool add(std::size_t bytes);

  /// What goes on. Whoever changes the body changes these.
  [[nodiscard]] std::vector<base::ByteView>& pieces() noexcept { return pieces_; }
  void clear() noexcept;

 private:
  static constexpr std::uint64_t least_held = 4096;  // a page of the first block

  [[nodiscard]] bool count(std::uint64_t bytes);

  BlockPool& pool_;
  std::vector<BlockPool::Block> blocks_;
  std::vector<base::ByteView> pieces_;
  std::size_t used_ = block_size;  // of the last block
  std::uint64_t counted_ = 0;      // of the worker's budget
};

}  // namespace picket::apps::gateway::body

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "picket/base/block_pool.hpp"
#include "picket/base/bytes.hpp"

namespace picket::apps::gateway::body {

/// What is held of one body: bytes in blocks as they were read, or bytes of others that stand still meanwhile, and the
/// pieces of them that go on. Thread safety: the worker's. Lifetime: the pool outlives it.
class HeldBody {
 public:
  explicit HeldBody(base::BlockPool& pool) noexcept : pool_(pool) {}
  HeldBody(const HeldBody&) = delete;
  HeldBody& operator=(const HeldBody&) = delete;

  /// Bytes that live on elsewhere, which are not counted.
  void lend(base::ByteView whole) { pieces_.push_back(whole); }

  /// Asks the budget for what holding a body costs whatever its size. False: there is no room.
  [[nodiscard]] bool begin();
  /// Room for the next bytes: a declared length reserves nothing.
  [[nodiscard]] std::span<char> space();
  /// So many bytes were read into space(). False: they are over the budget.
  [[nodiscard]] bool add(std::size_t bytes);

  /// What goes on. Whoever changes the body changes these.
  [[nodiscard]] std::vector<base::ByteView>& pieces() noexcept { return pieces_; }
  void clear() noexcept;

 private:
  static constexpr std::uint64_t least_held = 4096;  // a page of the first block

  base::BlockPool& pool_;
  std::vector<base::Block> blocks_;
  std::vector<base::ByteView> pieces_;
  std::size_t used_ = base::block_size;  // of the last block
};

}  // namespace picket::apps::gateway::body

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace picket::base {

/// Bytes of a body that are held in one piece, or pass in one read and one write.
inline constexpr std::size_t block_size = 64 * 1024;

class BlockPool;

/// A share of one block of a worker's memory for bodies. The block goes back to its pool with the last share of it:
/// who holds, repeats or still writes bytes of it has a share, and nobody copies them.
///
/// Thread safety: its pool's thread. Lifetime: its pool outlives it.
///
/// Default-constructed and moved from it is a share of nothing: only `bool` and == may be asked of that one.
class Block {
 public:
  Block() = default;
  Block(const Block& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) ++state_->shares;
  }
  Block(Block&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Block& operator=(Block other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Block() { let_go(); }

  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Whether both are shares of one block, whatever is in it.
  [[nodiscard]] bool operator==(const Block&) const noexcept = default;
  /// All of the block, used or not. Of a share that is one. Lifetime: the last share's.
  [[nodiscard]] std::span<char> bytes() const noexcept { return {state_->memory, state_->size}; }
  /// Whether nobody else has a share, so that what the block holds may be overwritten.
  [[nodiscard]] bool is_only_share() const noexcept { return state_->shares == 1; }
  /// Counts bytes of the block against the pool's budget, until the block goes back. False: they are over the budget,
  /// and are not counted. Counting twice counts twice: who first puts bytes into the block counts them. Errors: none,
  /// and nothing is freed to make room; the caller refuses the body, or stops reading it.
  [[nodiscard]] bool count(std::uint64_t bytes) const noexcept;

 private:
  friend class BlockPool;

  struct State {
    BlockPool& pool;
    char* memory;
    std::size_t size;
    std::uint32_t shares = 0;
    std::uint64_t counted = 0;  // of the pool's budget
  };
  explicit Block(State& state) noexcept : state_(&state) { ++state.shares; }
  void let_go() noexcept;

  State* state_ = nullptr;
};

/// Bytes of bodies that lie elsewhere than in blocks, and count against the same budget. Thread safety: the pool's.
/// Lifetime: the pool outlives it; what is counted is given back with it.
class HeldBytes {
 public:
  explicit HeldBytes(BlockPool& pool) noexcept : pool_(pool) {}
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  ~HeldBytes() { give_back(counted_); }

  /// False: they are over the budget, and are not counted.
  [[nodiscard]] bool count(std::uint64_t bytes) noexcept;
  /// At most as many as are counted.
  void give_back(std::uint64_t bytes) noexcept;

 private:
  BlockPool& pool_;
  std::uint64_t counted_ = 0;
};

/// One worker's memory for bodies, and the budget of what is held of them.
///
/// Blocks come from the system one by one, so that each can go back to it whatever else is allocated: after a burst
/// the process is as small as before. A few are kept, so that steady traffic asks the system for none.
///
/// Thread safety: the worker's. Lifetime: outlives its blocks. Errors: std::bad_alloc where the system has no memory; a
/// budget that is used up is said by Block::count(), and what to do then is its caller's choice. Complexity: O(1); a
/// block that is not kept costs a system call to take and one to give back.
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  /// `block_size` bytes, with whatever they held before. It does not count against the budget by itself. Complexity:
  /// O(1); a system call where none is kept. Up to 32 are (2 MiB).
  [[nodiscard]] Block take();
  /// A block of another size, which is not kept: for bytes that must lie in one piece. Units: bytes, more than 0.
  /// Complexity: a system call here, and another when its last share goes.
  [[nodiscard]] Block take(std::size_t size);

  /// Units: bytes. What may be held by a pool that was not told: a worker's whose program has no wish of its own.
  static constexpr std::uint64_t default_budget = std::uint64_t{64} * 1024 * 1024;
  /// Bytes that may be held, in place of default_budget; more are held already where it is lowered. 0: nothing can be
  /// counted.
  void set_budget(std::uint64_t bytes) noexcept { budget_ = bytes; }
  /// Bytes that are counted. Any thread may read it. What a thread that is not the pool's reads may be old already: a
  /// figure for a page, not to decide by.
  [[nodiscard]] std::uint64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }

 private:
  friend class Block;
  friend class HeldBytes;

  // Whether `bytes` more fit into the budget; they are counted then.
  [[nodiscard]] bool hold(std::uint64_t bytes) noexcept;
  void set_held(std::uint64_t bytes) noexcept { held_.store(bytes, std::memory_order_relaxed); }
  void give_back(Block::State& state) noexcept;

  std::vector<Block::State*> kept_;
  std::uint64_t budget_ = default_budget;
  std::atomic<std::uint64_t> held_ = 0;  // one writer: a load and a store
};

}  // namespace picket::base

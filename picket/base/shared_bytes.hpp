#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "picket/base/block_pool.hpp"
#include "picket/base/bytes.hpp"

namespace picket::base {

/// Bytes, and a share of the block that they lie in: they stay while it lives, and copying it copies no byte.
///
/// Others' bytes, which lie in no block, are borrowed: whoever lends them says how long they stay. A body is a list of
/// these, in order; whoever holds, sends or repeats a piece of it copies the share, and drops it when it is done.
///
/// Thread safety and lifetime: Block's. Complexity: O(1), all of it; nothing allocates.
///
///   base::Block block = pool.take();
///   const std::size_t got = read_into(block.bytes());
///   base::SharedBytes body{block, base::as_bytes({block.bytes().data(), got})};
///   const base::SharedBytes first = body.split_front(1024);  // `body` goes on behind it; both hold the block
class SharedBytes {
 public:
  SharedBytes() = default;
  /// `bytes` lie in the block; that they do is not checked.
  SharedBytes(Block block, ByteView bytes) noexcept : view_(bytes), block_(std::move(block)) {}
  /// `bytes` outlive it and all its copies: no share keeps them.
  [[nodiscard]] static SharedBytes borrowed(ByteView bytes) noexcept { return {Block{}, bytes}; }

  /// Lifetime: this share's, or another's of the same block.
  [[nodiscard]] ByteView view() const noexcept { return view_; }
  [[nodiscard]] std::size_t size() const noexcept { return view_.size(); }
  [[nodiscard]] bool empty() const noexcept { return view_.empty(); }
  /// None where the bytes are borrowed. For counting against the budget, and for asking whether the bytes may be
  /// overwritten.
  [[nodiscard]] const Block& block() const noexcept { return block_; }

  /// Takes up to `most` bytes from the front; both halves have a share of the block. Where all is taken this one is
  /// empty, and its share goes with the front.
  [[nodiscard]] SharedBytes split_front(std::size_t most) noexcept {
    const std::size_t size = std::min(most, view_.size());
    SharedBytes front{size == view_.size() ? std::move(block_) : block_, view_.first(size)};
    view_ = view_.subspan(size);
    return front;
  }
  /// Grows by bytes that lie right behind these in the same block. False: they do not. So what arrived in several reads
  /// of one block goes on as one piece. Nothing of `next` is taken away: who joined it drops it.
  [[nodiscard]] bool extend(const SharedBytes& next) noexcept {
    if (!block_ || block_ != next.block_ || view_.data() + view_.size() != next.view_.data()) return false;
    view_ = {view_.data(), view_.size() + next.view_.size()};
    return true;
  }

 private:
  ByteView view_;
  Block block_;
};

/// Bytes of all pieces together. Complexity: one step per piece. A block that several pieces share is counted for each,
/// by the bytes that they show.
[[nodiscard]] inline std::uint64_t size_of(std::span<const SharedBytes> pieces) noexcept {
  std::uint64_t total = 0;
  for (const auto& piece : pieces) total += piece.size();
  return total;
}

}  // namespace picket::base

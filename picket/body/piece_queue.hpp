#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "picket/base/recycled_containers.hpp"
#include "picket/base/shared_bytes.hpp"

namespace picket::body {

/// Bytes that wait, in order. Pieces that lie behind each other in one block become one, so that a body that came in
/// many small reads is still few pieces. A single piece, which most bodies are, needs no memory of its own.
///
/// Thread safety: its blocks' pool's. Lifetime: keeps the blocks of what waits. Complexity: amortised O(1) for each
/// piece; no byte is copied.
///
///   queue.push(std::move(bytes));
///   while (!queue.empty()) hand_on(queue.pop(room));  // a piece at a time
///
/// Errors: std::bad_alloc. Units: bytes. It is not bounded: whoever pushes looks at size().
class PieceQueue {
 public:
  /// Behind all others; no bytes are no piece. Borrowed bytes stay pieces of their own: nobody knows whether they lie
  /// together.
  void push(base::SharedBytes bytes) {
    if (bytes.empty()) return;
    size_ += bytes.size();
    if (front_.empty()) {
      front_ = std::move(bytes);
    } else if (!back().extend(bytes)) {
      behind_.push_back(std::move(bytes));
    }
  }
  /// Up to `most` bytes, from one piece. Fewer where the piece ends; none where nothing waits. What is left of the
  /// piece keeps its share of the block.
  [[nodiscard]] base::SharedBytes pop(std::size_t most) {
    base::SharedBytes bytes = front_.split_front(most);
    size_ -= bytes.size();
    if (front_.empty()) advance();
    return bytes;
  }
  /// All of it, behind what waits there. Complexity: one step per piece.
  void move_to(PieceQueue& other) {
    while (!empty()) other.push(pop(front_.size()));
  }
  /// Gives up the shares of all blocks, and the memory for pieces.
  void clear() { *this = {}; }

  /// Bytes of the piece that is next. So much pop() can give at once.
  [[nodiscard]] std::size_t front_size() const noexcept { return front_.size(); }
  /// Bytes of all pieces.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  [[nodiscard]] base::SharedBytes& back() noexcept { return behind_.empty() ? front_ : behind_.back(); }
  void advance() {
    if (next_ != behind_.size()) front_ = std::move(behind_[next_++]);
    if (next_ != behind_.size() && next_ < most_gaps) return;
    behind_.erase(behind_.begin(), behind_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }

  static constexpr std::size_t most_gaps = 32;  // of pieces that were taken, before the others move up

  base::SharedBytes front_;
  base::RecycledVector<base::SharedBytes> behind_;
  std::size_t next_ = 0;  // of behind_
  std::uint64_t size_ = 0;
};

}  // namespace picket::body

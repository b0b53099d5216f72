#include "picket/base/arena.hpp"

#include <algorithm>

#include "picket/base/recycled_memory.hpp"

namespace picket::base {

void* Arena::allocate_in_new_block(std::size_t size, std::size_t alignment) {
  const std::size_t wanted = std::max(next_size_, size + alignment);
  newest_ = ::new (recycled_memory.take(sizeof(Block) + wanted)) Block{newest_, wanted};
  next_size_ = std::max(next_size_, std::min<std::size_t>(wanted * 2, 1024 * 1024));
  cursor_ = newest_->bytes();
  end_ = cursor_ + wanted;
  start_ = newest_->previous == nullptr && may_keep(*newest_) ? cursor_ : nullptr;
  return allocate(size, alignment);
}

void Arena::give_back(Block* block) noexcept {
  while (block != nullptr) {
    Block* const previous = block->previous;
    recycled_memory.give(block, sizeof(Block) + block->size);
    block = previous;
  }
}

void Arena::reset_blocks() noexcept {
  if (newest_->size > keep_) {  // the first may stay
    while (Block* const previous = newest_->previous) {
      newest_->previous = nullptr;
      give_back(std::exchange(newest_, previous));
    }
  }
  give_back(std::exchange(newest_->previous, nullptr));
  if (!may_keep(*newest_)) return trim();
  start_ = cursor_ = newest_->bytes();
  end_ = start_ + newest_->size;
}

std::size_t Arena::reserved() const noexcept {
  std::size_t total = 0;
  for (const Block* block = newest_; block != nullptr; block = block->previous) total += block->size;
  return total;
}

}  // namespace picket::base

#include "picket/base/arena.hpp"

#include <algorithm>

namespace picket::base {

void* Arena::allocate_in_new_block(std::size_t size, std::size_t alignment) {
  const std::size_t wanted = std::max(next_size_, size + alignment);
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(wanted), wanted});
  next_size_ = std::max(next_size_, std::min<std::size_t>(wanted * 2, 1024 * 1024));
  cursor_ = blocks_.back().bytes.get();
  end_ = cursor_ + wanted;
  start_ = blocks_.size() == 1 && may_keep(blocks_.front()) ? cursor_ : nullptr;
  return allocate(size, alignment);
}

void Arena::reset_blocks() noexcept {
  if (blocks_.back().size <= keep_) std::swap(blocks_.front(), blocks_.back());
  blocks_.resize(1);
  if (!may_keep(blocks_.front())) return trim();
  start_ = cursor_ = blocks_.front().bytes.get();
  end_ = start_ + blocks_.front().size;
}

std::size_t Arena::reserved() const noexcept {
  std::size_t total = 0;
  for (const auto& block : blocks_) total += block.size;
  return total;
}

}  // namespace picket::base

#include "apps/gateway/body/held_body.hpp"

#include <utility>

namespace picket::apps::gateway::body {

std::span<char> HeldBody::space() {
  if (used_ == block_size) {
    blocks_.push_back(pool_.take());
    pieces_.emplace_back(reinterpret_cast<const std::byte*>(blocks_.back().get()), 0);
    used_ = 0;
  }
  return {blocks_.back().get() + used_, block_size - used_};
}

bool HeldBody::add(std::size_t bytes) {
  used_ += bytes;
  pieces_.back() = base::as_bytes({blocks_.back().get(), used_});
  return count(bytes);
}

bool HeldBody::count(std::uint64_t bytes) {
  if (!pool_.hold(bytes)) return false;
  counted_ += bytes;
  return true;
}

void HeldBody::clear() noexcept {
  pieces_.clear();
  blocks_.clear();
  used_ = block_size;
  pool_.release(std::exchange(counted_, 0));
}

}  // namespace picket::apps::gateway::body

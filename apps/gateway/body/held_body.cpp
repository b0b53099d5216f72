#include "apps/gateway/body/held_body.hpp"

namespace picket::apps::gateway::body {

bool HeldBody::begin() { return !space().empty() && blocks_.back().count(least_held); }

std::span<char> HeldBody::space() {
  if (used_ == base::block_size) {
    blocks_.push_back(pool_.take());
    pieces_.emplace_back(reinterpret_cast<const std::byte*>(blocks_.back().bytes().data()), 0);
    used_ = 0;
  }
  return blocks_.back().bytes().subspan(used_);
}

bool HeldBody::add(std::size_t bytes) {
  used_ += bytes;
  pieces_.back() = base::as_bytes({blocks_.back().bytes().data(), used_});
  return blocks_.back().count(bytes);
}

void HeldBody::clear() noexcept {
  pieces_.clear();
  blocks_.clear();
  used_ = base::block_size;
}

}  // namespace picket::apps::gateway::body

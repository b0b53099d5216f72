#include "picket/base/block_pool.hpp"

#include <memory>
#include <new>

#include <sys/mman.h>

#include "picket/base/poison.hpp"

namespace picket::base {
namespace {

constexpr std::size_t most_kept = 32;  // 2 MiB a worker

}  // namespace

bool Block::count(std::uint64_t bytes) const noexcept {
  if (!state_->pool.hold(bytes)) return false;
  state_->counted += bytes;
  return true;
}

void Block::let_go() noexcept {
  if (state_ != nullptr && --state_->shares == 0) state_->pool.give_back(*state_);
}

BlockPool::~BlockPool() {
  for (Block::State* const state : kept_) {
    ASAN_UNPOISON_MEMORY_REGION(state->memory, state->size);  // GCC's sanitizer does not see that it is unmapped
    ::munmap(state->memory, state->size);
    delete state;
  }
}

Block BlockPool::take() {
  if (kept_.empty()) return take(block_size);
  Block::State& state = *kept_.back();
  kept_.pop_back();
  ASAN_UNPOISON_MEMORY_REGION(state.memory, state.size);
  return Block{state};
}

Block BlockPool::take(std::size_t size) {
  kept_.reserve(most_kept);  // so that giving back never allocates
  auto state = std::make_unique<Block::State>(*this, nullptr, size);
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  state->memory = static_cast<char*>(memory);
  return Block{*state.release()};
}

void BlockPool::give_back(Block::State& state) noexcept {
  set_held(held() - std::exchange(state.counted, 0));
  if (state.size == block_size && kept_.size() < most_kept) {
    ASAN_POISON_MEMORY_REGION(state.memory, state.size);
    kept_.push_back(&state);
    return;
  }
  ::munmap(state.memory, state.size);
  delete &state;
}

bool HeldBytes::count(std::uint64_t bytes) noexcept {
  if (!pool_.hold(bytes)) return false;
  counted_ += bytes;
  return true;
}

void HeldBytes::give_back(std::uint64_t bytes) noexcept {
  counted_ -= bytes;
  pool_.set_held(pool_.held() - bytes);
}

bool BlockPool::hold(std::uint64_t bytes) noexcept {
  if (bytes > budget_ || held() > budget_ - bytes) return false;
  set_held(held() + bytes);
  return true;
}

}  // namespace picket::base

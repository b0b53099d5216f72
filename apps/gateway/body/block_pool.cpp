#include "apps/gateway/body/block_pool.hpp"

#include <new>

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

namespace picket::apps::gateway::body {
namespace {

constexpr std::size_t most_kept = 32;  // 2 MiB a worker

}  // namespace

BlockPool::~BlockPool() {
  for (char* const block : kept_) ::munmap(block, block_size);
}

BlockPool::Block BlockPool::take() {
  if (!kept_.empty()) {
    char* const block = kept_.back();
    kept_.pop_back();
    ASAN_UNPOISON_MEMORY_REGION(block, block_size);
    return Block{block, {this}};
  }
  kept_.reserve(most_kept);  // so that giving back never allocates
  void* const block = ::mmap(nullptr, block_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc{};
  return Block{static_cast<char*>(block), {this}};
}

void BlockPool::give_back(char* block) noexcept {
  if (kept_.size() < most_kept) {
    ASAN_POISON_MEMORY_REGION(block, block_size);
    kept_.push_back(block);
  } else {
    ::munmap(block, block_size);
  }
}

bool BlockPool::hold(std::uint64_t bytes) noexcept {
  if (bytes > budget_ || held() > budget_ - bytes) return false;
  held_.add(static_cast<std::int64_t>(bytes));
  return true;
}

}  // namespace picket::apps::gateway::body

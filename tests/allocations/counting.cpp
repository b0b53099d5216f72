#include "tests/allocations/counting.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include "picket/base/recycled_memory.hpp"

namespace picket::tests {
namespace {

std::atomic<std::uint64_t> count{0};

// What is counted is what other builds allocate.
[[maybe_unused]] const bool is_memory_kept = [] {
  base::RecycledMemory::keep_under_asan();
  return true;
}();

void* counted(std::size_t size, std::size_t alignment = 0) {
  count.fetch_add(1, std::memory_order_relaxed);
  void* const memory = alignment == 0 ? std::malloc(size == 0 ? 1 : size)
                                      : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

std::uint64_t allocations() noexcept { return count.load(std::memory_order_relaxed); }

}  // namespace picket::tests

// Every form of the global operator, so that nothing is allocated unseen.
void* operator new(std::size_t size) { return picket::tests::counted(size); }
void* operator new[](std::size_t size) { return picket::tests::counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return picket::tests::counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return picket::tests::counted(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return picket::tests::counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return picket::tests::counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include "picket/base/poison.hpp"

namespace picket::transport::internal {

/// Memory of coroutine frames that ended, for those that begin: a request takes a dozen frames, always of the same
/// sizes.
///
/// Thread safety: none; there is one per thread, and a frame may end on another than it began on. Bound: `kept` frames
/// of each size, together 1 MiB. What is kept is poisoned, so that AddressSanitizer still sees the use of a frame that
/// ended. Errors: std::bad_alloc. Units: bytes; sizes in steps of 64 up to 2 KiB, what is larger goes to operator new
/// and back. Complexity: O(1), and no call where one is kept.
class FrameMemory {
 public:
  constexpr FrameMemory() = default;
  FrameMemory(const FrameMemory&) = delete;
  FrameMemory& operator=(const FrameMemory&) = delete;
  ~FrameMemory() {
    for (std::size_t index = 0; index < lists_.size(); ++index)
      while (lists_[index].first) ::operator delete(pop(index));
  }

  /// `size` is above 0. What is in it is anything.
  [[nodiscard]] void* take(std::size_t size) {
    const std::size_t index = index_of(size);
    if (index >= lists_.size()) return ::operator new(size);
    return lists_[index].first ? pop(index) : ::operator new(size_of(index));
  }
  /// Of take(size), on this thread or another.
  void give(void* frame, std::size_t size) noexcept {
    const std::size_t index = index_of(size);
    if (index >= lists_.size() || lists_[index].count == kept) return ::operator delete(frame);
    auto& list = lists_[index];
    list.first = ::new (frame) Free{list.first};
    ++list.count;
    ASAN_POISON_MEMORY_REGION(frame, size_of(index));
  }

  static constexpr std::size_t step = 64;       // bytes by which the sizes differ
  static constexpr std::size_t largest = 2048;  // bytes; larger frames are not kept
  // Of each size: more than a request has at once.
  static constexpr std::size_t kept = 32;

 private:
  struct Free {
    Free* next;
  };
  struct List {
    Free* first = nullptr;
    std::size_t count = 0;
  };

  static constexpr std::size_t index_of(std::size_t size) noexcept { return (size - 1) / step; }
  static constexpr std::size_t size_of(std::size_t index) noexcept { return (index + 1) * step; }
  void* pop(std::size_t index) noexcept {
    auto& list = lists_[index];
    ASAN_UNPOISON_MEMORY_REGION(list.first, size_of(index));
    --list.count;
    return std::exchange(list.first, list.first->next);
  }

  std::array<List, largest / step> lists_{};
};

inline thread_local constinit FrameMemory frame_memory;

}  // namespace picket::transport::internal

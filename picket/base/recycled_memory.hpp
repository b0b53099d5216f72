#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <new>
#include <utility>

#include "picket/base/poison.hpp"

namespace picket::base {

/// Memory of what has ended, for what begins: a request takes some dozens of pieces, always of the same sizes, and the
/// next one takes the same again.
///
/// Thread safety: none; there is one per thread, and a piece may be given back on another than it was taken on. Bound:
/// `kept` bytes of each size, and of all sizes together less than 10 MiB; what is over goes back to the system. What is
/// kept is poisoned, and so is what a piece has more than was asked for: AddressSanitizer sees the use of what has
/// ended, and what is written behind its end. Under it nothing is kept, unless a test of this class says so: what ended
/// would soon be something else, whose use is no error. Errors: std::bad_alloc. Units: bytes; sizes in steps of 64 up
/// to 2 KiB, then the powers of two up to 16 KiB with room for a header or padding beside them. What is larger goes to
/// operator new and back. Complexity: O(1), and no call where one is kept.
///
///   void* const piece = recycled_memory.take(size);
///   recycled_memory.give(piece, size);  // the same size
class RecycledMemory {
 public:
  static constexpr std::size_t step = 64;     // by which the sizes differ
  static constexpr std::size_t fine = 2048;   // up to here
  static constexpr std::size_t beside = 128;  // what a power of two has more
  static constexpr std::size_t largest = 16 * 1024 + beside;
  static constexpr std::size_t kept = 256 * 1024;

  /// For tests of what is kept, before there are threads. Nothing in builds without AddressSanitizer.
  static void keep_under_asan() noexcept {
#ifdef PICKET_UNDER_ASAN
    keeps = true;
#endif
  }

  constexpr RecycledMemory() noexcept {
    for (std::size_t index = 0; index < lists_.size(); ++index) lists_[index].room = kept / size_of(index);
  }
  RecycledMemory(const RecycledMemory&) = delete;
  RecycledMemory& operator=(const RecycledMemory&) = delete;
  /// What is given back later, by what outlives its thread's memory, goes to the system.
  ~RecycledMemory() {
    for (std::size_t index = 0; index < lists_.size(); ++index) {
      while (lists_[index].first != nullptr) give_to_system(pop(index), size_of(index));
      lists_[index].room = 0;
    }
  }

  /// `size` is above 0. What is in it is anything. Aligned as operator new aligns.
  [[nodiscard]] void* take(std::size_t size) {
    if (size > largest) return ::operator new(size);
    const std::size_t index = index_of(size);
    const std::size_t whole = size_of(index);
    void* const piece = lists_[index].first != nullptr ? pop(index) : ::operator new(whole);
    ASAN_POISON_MEMORY_REGION(static_cast<char*>(piece) + size, whole - size);
    return piece;
  }
  /// Of take(size), on this thread or another.
  void give(void* piece, std::size_t size) noexcept {
    if (size > largest) return ::operator delete(piece);
    const std::size_t index = index_of(size);
    List& list = lists_[index];
    if (!keeps || list.room == 0) return give_to_system(piece, size_of(index));
    ASAN_UNPOISON_MEMORY_REGION(piece, sizeof(Free));  // it may have been smaller
    list.first = ::new (piece) Free{list.first};
    --list.room;
    ASAN_POISON_MEMORY_REGION(piece, size_of(index));
  }

 private:
#ifdef PICKET_UNDER_ASAN
  static inline bool keeps = false;
#else
  static constexpr bool keeps = true;
#endif

  struct Free {
    Free* next;
  };
  struct List {
    Free* first = nullptr;
    std::size_t room = 0;  // for so many more
  };
  static constexpr std::size_t fine_sizes = fine / step;
  static constexpr std::size_t sizes = fine_sizes + 4;

  static constexpr std::size_t index_of(std::size_t size) noexcept {
    if (size <= fine) return (size - 1) / step;
    return fine_sizes + static_cast<std::size_t>(std::bit_width((size - beside - 1) / fine));
  }
  static constexpr std::size_t size_of(std::size_t index) noexcept {
    return index < fine_sizes ? (index + 1) * step : (fine << (index - fine_sizes)) + beside;
  }

  void* pop(std::size_t index) noexcept {
    List& list = lists_[index];
    ASAN_UNPOISON_MEMORY_REGION(list.first, size_of(index));
    ++list.room;
    return std::exchange(list.first, list.first->next);
  }
  static void give_to_system(void* piece, [[maybe_unused]] std::size_t whole) noexcept {
    ASAN_UNPOISON_MEMORY_REGION(piece, whole);
    ::operator delete(piece);
  }

  std::array<List, sizes> lists_{};
};

/// The running thread's.
inline thread_local constinit RecycledMemory recycled_memory;

/// What is often made with new, and deleted: its memory is recycled. To be derived from. Thread safety: its own.
struct Recycled {
  static void* operator new(std::size_t size) { return recycled_memory.take(size); }
  static void operator delete(void* piece, std::size_t size) noexcept { recycled_memory.give(piece, size); }
};

}  // namespace picket::base

#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <new>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "picket/base/recycled_memory.hpp"

namespace picket::base {

/// An allocator, for containers that live as long as a request. Thread safety: none of its own; a container may go on
/// another thread than it was made on. Errors: std::bad_alloc.
template <class T>
struct RecyclingAllocator {
  using value_type = T;

  constexpr RecyclingAllocator() noexcept = default;
  template <class Other>
  constexpr RecyclingAllocator(const RecyclingAllocator<Other>&) noexcept {}  // NOLINT(google-explicit-constructor)

  // T may be a pointer: std::deque's own.
  // NOLINTBEGIN(bugprone-sizeof-expression,bugprone-multi-level-implicit-pointer-conversion)
  [[nodiscard]] T* allocate(std::size_t count) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_array_new_length{};
    return static_cast<T*>(recycled_memory.take(count * sizeof(T)));
  }
  void deallocate(T* first, std::size_t count) noexcept { recycled_memory.give(first, count * sizeof(T)); }
  // NOLINTEND(bugprone-sizeof-expression,bugprone-multi-level-implicit-pointer-conversion)
  template <class Other>
  constexpr bool operator==(const RecyclingAllocator<Other>&) const noexcept {
    return true;
  }
};

using RecycledString = std::basic_string<char, std::char_traits<char>, RecyclingAllocator<char>>;
template <class T>
using RecycledVector = std::vector<T, RecyclingAllocator<T>>;
template <class T>
using RecycledDeque = std::deque<T, RecyclingAllocator<T>>;
template <class T>
using RecycledList = std::list<T, RecyclingAllocator<T>>;
template <class Key, class Value>
using RecycledMap =
    std::unordered_map<Key, Value, std::hash<Key>, std::equal_to<Key>, RecyclingAllocator<std::pair<const Key, Value>>>;
/// By any text that its keys are compared with.
template <class Value>
using RecycledTextMap =
    std::map<RecycledString, Value, std::less<>, RecyclingAllocator<std::pair<const RecycledString, Value>>>;

}  // namespace picket::base

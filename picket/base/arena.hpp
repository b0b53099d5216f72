#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace picket::base {

/// Memory for things that live and die together: the decoded parts of one message, the state of one exchange.
///
/// Allocation bumps a pointer; reset() frees everything at once and keeps one block, so that steady use allocates
/// nothing. Blocks are taken from the thread's recycled memory. Only trivially destructible types may live here.
///
///   base::Arena arena;                                     // takes no memory yet
///   const std::string_view kept = arena.copy(field.name);  // until the reset
///   const auto items = arena.allocate_array<Item>(count);  // write before you read
///   arena.reset();                                         // before the next message: no view may be left
///
/// Thread safety: none; one owner. Lifetime: what is allocated stays until reset(), trim() or the arena's end; moving
/// the arena leaves it where it is. Errors: std::bad_alloc, as operator new. Complexity: O(1) and no call, but where a
/// block is full: blocks double up to 1 MiB, or are as large as what is asked for.
class Arena {
 public:
  /// `first_block`: bytes of the first block; taken with the first allocation, not before. `keep`: the largest block,
  /// in bytes, that reset() may keep in its place: where uses are larger than the first block, one settles that holds
  /// them.
  explicit Arena(std::size_t first_block = 1024, std::size_t keep = 0) noexcept
      : next_size_(first_block), first_size_(first_block), keep_(keep) {}
  /// What was allocated is this one's now, and its addresses stay. `other` is empty and may be used again.
  Arena(Arena&& other) noexcept
      : newest_(std::exchange(other.newest_, nullptr)),
        start_(other.start_),
        cursor_(other.cursor_),
        end_(other.end_),
        next_size_(other.next_size_),
        first_size_(other.first_size_),
        keep_(other.keep_) {
    other.start_ = other.cursor_ = other.end_ = nullptr;
  }
  /// What this one held goes back to the system first: no view of it may be left.
  Arena& operator=(Arena&& other) noexcept {
    if (this != &other) {
      this->~Arena();
      new (this) Arena(std::move(other));
    }
    return *this;
  }
  ~Arena() {
    if (newest_ != nullptr) give_back(newest_);
  }

  /// Raw memory; never null. `alignment` is a power of two. A size of 0 is a place that others may have, too. What is
  /// in it is whatever was there before. Units: bytes. Complexity: O(1); where the block is full, operator new is
  /// called for the next.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) {
    const auto address = reinterpret_cast<std::uintptr_t>(cursor_);
    const std::size_t gap = (alignment - address % alignment) % alignment;
    if (static_cast<std::size_t>(end_ - cursor_) < size + gap || cursor_ == nullptr) [[unlikely]]
      return allocate_in_new_block(size, alignment);
    char* const result = cursor_ + gap;
    cursor_ = result + size;
    return result;
  }

  /// `count` default-initialised objects: numbers and pointers have no value until they are written. Of 0 an empty
  /// list, which needs none. The product of `count` and the size of a T is not checked for overflow: bound what a peer
  /// has said before.
  template <class T>
  [[nodiscard]] std::span<T> allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena never runs destructors");
    if (count == 0) return {};
    auto* const first = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    std::uninitialized_default_construct_n(first, count);
    return {first, count};
  }

  /// A copy that lives as long as the arena's content; of no bytes an empty view, which needs none.
  [[nodiscard]] std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* const bytes = static_cast<char*>(allocate(text.size(), 1));
    copy_mostly_short(text, bytes);
    return {bytes, text.size()};
  }
  /// A list of the items as they are: views inside of them are copied as views, and still need what they point to.
  /// wire::copy_into() copies messages with all that they refer to.
  template <class T>
  [[nodiscard]] std::span<T> copy(std::span<const T> items) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto result = allocate_array<T>(items.size());
    if (!items.empty()) std::memcpy(result.data(), items.data(), items.size_bytes());
    return result;
  }

  /// Frees everything; one block stays for the next use: the newest, which is the largest, where it may be kept. None
  /// stays where even the first was made for something larger than may be kept. Complexity: O(1) where one block was
  /// enough, else a call of operator delete for each other block.
  void reset() noexcept {
    if (start_ == nullptr && newest_ != nullptr) [[unlikely]]
      return reset_blocks();
    cursor_ = start_;
  }

  /// Frees everything and gives it back to the system: for an arena that will not be used for long. The next allocation
  /// takes a block of the first size again.
  void trim() noexcept {
    if (newest_ != nullptr) give_back(std::exchange(newest_, nullptr));
    start_ = cursor_ = end_ = nullptr;
    next_size_ = first_size_;
  }

  /// Units: bytes reserved from the system, used or not. Complexity: one step per block. For figures and tests; what is
  /// allocated of it is not known.
  [[nodiscard]] std::size_t reserved() const noexcept;

 private:
  // Its bytes stand behind it. cursor_ and end_ are in the newest.
  struct Block {
    Block* previous;
    std::size_t size;  // of them
    [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  };
  /// Names and values are mostly 8 to 32 bytes: two halves that overlap, and no call. Sizes below 8 wrap around in the
  /// first two comparisons, fail both, and go to memcpy.
  static void copy_mostly_short(std::string_view text, char* to) noexcept {
    if (text.size() - 8 <= 8) return copy_halves<8>(text, to);
    if (text.size() - 16 <= 16) return copy_halves<16>(text, to);
    std::memcpy(to, text.data(), text.size());
  }
  template <std::size_t half>
  static void copy_halves(std::string_view text, char* to) noexcept {
    std::array<char, half> first;
    std::array<char, half> last;
    std::memcpy(first.data(), text.data(), half);
    std::memcpy(last.data(), text.data() + text.size() - half, half);
    std::memcpy(to, first.data(), half);
    std::memcpy(to + text.size() - half, last.data(), half);
  }
  void* allocate_in_new_block(std::size_t size, std::size_t alignment);
  void reset_blocks() noexcept;
  /// That one and those before it.
  static void give_back(Block* block) noexcept;
  [[nodiscard]] bool may_keep(const Block& block) const noexcept { return block.size <= std::max(first_size_, keep_); }

  Block* newest_ = nullptr;
  char* start_ = nullptr;  // of the one block, where it may stay: steady use looks at nothing else
  char* cursor_ = nullptr;
  char* end_ = nullptr;
  std::size_t next_size_;
  std::size_t first_size_;
  std::size_t keep_;
};

/// A list that grows inside an arena: what a decoder fills before it knows the length.
///
///   base::ArenaList<base::Header> fields{arena};
///   while (next()) fields.push_back({name, value});
///   return base::Headers{fields.items()};  // the list may go, the arena must stay
///
/// Thread safety: its arena's. Lifetime: the arena outlives it; items() are the arena's, and stay when the list is
/// gone. Complexity: push_back is amortised O(1). Storage doubles from 8 items, and the old one stays in the arena: who
/// knows the length reserves it.
///
/// A T is trivially destructible, and is copied when the list grows: a reference to an item ends with the next
/// push_back() or reserve().
template <class T>
class ArenaList {
 public:
  explicit ArenaList(Arena& arena) noexcept : arena_(&arena) {}

  /// `item` may be one of the list's own: the old storage stays.
  void push_back(const T& item) {
    if (size_ == items_.size()) grow(size_ == 0 ? 8 : size_ * 2);
    items_[size_++] = item;
  }
  /// Room for `count` items in all, so that none of them moves the list again. Fewer than there is room for: nothing.
  void reserve(std::size_t count) {
    if (count > items_.size()) grow(count);
  }
  /// Keeps the first `count` items only. There are as many at least; room stays.
  void truncate(std::size_t count) noexcept { size_ = count; }
  /// What is there now. What is pushed later does not show, and may lie elsewhere.
  [[nodiscard]] std::span<T> items() const noexcept { return items_.first(size_); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Of a list that is not empty.
  [[nodiscard]] T& back() noexcept { return items_[size_ - 1]; }

 private:
  void grow(std::size_t count) {
    auto grown = arena_->allocate_array<T>(count);
    for (std::size_t i = 0; i < size_; ++i) grown[i] = items_[i];
    items_ = grown;
  }

  Arena* arena_;
  std::span<T> items_;
  std::size_t size_ = 0;
};

}  // namespace picket::base

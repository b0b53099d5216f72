#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "picket/base/bytes.hpp"
#include "picket/base/limits.hpp"

namespace picket::base {

/// A growable byte buffer that is read at the front and written at the back.
///
/// There are always limits::tail_padding readable bytes behind the content, so that SIMD scanners may overrun it. What
/// is in them is anything.
///
///   char* const at = buffer.prepare(4096);      // room() may be more
///   buffer.commit(read_into(at, buffer.room()));
///   buffer.consume(parse(buffer.text()));  // a view of text() that is kept must not be used after the next prepare()
///
/// Thread safety: none; one owner. Lifetime: views of data() end with the next prepare(), append() or clear(). Errors:
/// std::bad_alloc, as operator new. Complexity: appending is amortised O(1) per byte; memory is taken with the first
/// byte, not before, and kept until release().
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { release(); }

  // The content. Lifetime: until the next prepare(), append(), clear() or release(). Null before memory is taken; from
  // then on limits::tail_padding bytes more than size() may be read.
  [[nodiscard]] const char* data() const noexcept { return storage_ + begin_; }
  [[nodiscard]] char* data() noexcept { return storage_ + begin_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  /// Bytes that it has memory for, what was consumed at the front included.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::string_view text() const noexcept { return {data(), size()}; }
  [[nodiscard]] ByteView bytes() const noexcept { return as_bytes(text()); }

  /// At least `size` writable bytes behind the content. What is written counts only after commit(). May move the
  /// content: to the front, where that makes room enough, else into a larger block. Errors: std::bad_alloc; the content
  /// is as before. Complexity: amortised O(size): a larger block is larger by half at least.
  [[nodiscard]] char* prepare(std::size_t size) {
    if (capacity_ - end_ < size) [[unlikely]]
      make_room(size);
    return storage_ + end_;
  }
  /// Writable bytes behind the content, as prepare() left them.
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - end_; }
  /// What was written behind the content belongs to it: `size` bytes, at most room(). More than that is not caught.
  void commit(std::size_t size) noexcept { end_ += size; }

  /// `text` lies outside this buffer: making room may move what is inside.
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(prepare(text.size()), text.data(), text.size());
    commit(text.size());
  }
  void append(char byte) {
    *prepare(1) = byte;
    commit(1);
  }

  /// Drops `size` bytes at the front, at most all. Complexity: O(1); nothing moves. The memory of what was dropped is
  /// used again when room is made, or at once where nothing is left.
  void consume(std::size_t size) noexcept {
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Keeps the first `size` bytes only. There are as many at least; what is behind them is room again.
  void truncate(std::size_t size) noexcept { end_ = begin_ + size; }
  /// Empties the buffer and keeps its memory.
  void clear() noexcept { begin_ = end_ = 0; }
  /// Empties the buffer and gives its memory back.
  void release() noexcept {
    if (storage_ != nullptr) give_back();
    storage_ = nullptr;
    capacity_ = begin_ = end_ = 0;
  }

  /// Moves no byte: views of either stay good, and are the other's.
  void swap(Buffer& other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

 private:
  void make_room(std::size_t size);
  void give_back() noexcept;

  char* storage_ = nullptr;   // recycled memory
  std::size_t capacity_ = 0;  // without the padding
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace picket::base

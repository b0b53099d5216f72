#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "picket/wire/output.hpp"

namespace picket::wire::internal {

/// Raw writing into an Output: a pointer that is checked once per field and not once per byte.
class Appender {
 public:
  explicit Appender(Output& output) : output_(output) { reserve(first_reserve); }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;
  ~Appender() { flush(); }

  /// Room for `size` bytes at at().
  void need(std::size_t size) {
    if (static_cast<std::size_t>(limit_ - at_) < size) [[unlikely]]
      grow(size);
  }
  [[nodiscard]] char*& at() noexcept { return at_; }
  /// The end of the room.
  [[nodiscard]] const char* limit() const noexcept { return limit_; }

  /// The caller has need()ed.
  void put(char byte) noexcept { *at_++ = byte; }
  void put(std::string_view text) noexcept {
    if (text.empty()) return;  // whose data may be null
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  /// Any size.
  void write(std::string_view text) {
    need(text.size());
    put(text);
  }
  void splice(base::ByteView body) {
    if (body.size() < Output::copied_below) return write(base::as_text(body));
    flush();
    output_.splice(body);
    lent_ += body.size();
    ++bodies_;
    reserve(first_reserve);
  }
  /// What `use(output)` appends, without a body.
  template <class Use>
  void through(Use&& use) {
    flush();
    const std::size_t before = output_.size();
    use(output_);
    flushed_ += output_.size() - before;
    reserve(first_reserve);
  }

  /// Bytes so far, bodies not counted. The last of them stand before at() in one piece.
  [[nodiscard]] std::size_t written() const noexcept { return flushed_ + static_cast<std::size_t>(at_ - begin_); }
  /// Bytes of bodies that were spliced in, and how many there are.
  [[nodiscard]] std::size_t lent() const noexcept { return lent_; }
  [[nodiscard]] std::size_t bodies() const noexcept { return bodies_; }
  /// The last `count` bodies stand `size` bytes further back.
  void shift_bodies(std::size_t count, std::size_t size) noexcept { output_.shift_splices(count, size); }

 private:
  static constexpr std::size_t first_reserve = 512;

  [[gnu::noinline, gnu::cold]] void grow(std::size_t size) {
    flush();
    reserve(size);
  }
  void flush() noexcept {
    const auto size = static_cast<std::size_t>(at_ - begin_);
    output_.commit(size);
    flushed_ += size;
    begin_ = at_;
  }
  void reserve(std::size_t size) {
    size = std::max(size, first_reserve);
    const std::span<char> room = output_.prepare_all(size);
    begin_ = at_ = room.data();
    limit_ = at_ + room.size();
  }

  Output& output_;
  std::size_t flushed_ = 0;
  std::size_t lent_ = 0;
  std::size_t bodies_ = 0;
  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* limit_ = nullptr;
};

}  // namespace picket::wire::internal

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
    flush();
    output_.splice(body);
    reserve(first_reserve);
  }
  /// What `use(output)` appends.
  template <class Use>
  void through(Use&& use) {
    flush();
    use(output_);
    reserve(first_reserve);
  }

  /// Bytes in the output, with bodies and without. The latter stand before at() in one piece.
  [[nodiscard]] std::size_t size() const noexcept { return output_.size() + pending(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return output_.bytes() + pending(); }
  /// `size` bytes were put in before the last `behind` ones, bodies not counted; nothing was written since.
  void shift_bodies(std::size_t behind, std::size_t size) {
    flush();
    output_.shift_splices(behind, size);
  }

 private:
  static constexpr std::size_t first_reserve = 512;

  [[gnu::noinline, gnu::cold]] void grow(std::size_t size) {
    flush();
    reserve(size);
  }
  [[nodiscard]] std::size_t pending() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  void flush() noexcept {
    output_.commit(pending());
    begin_ = at_;
  }
  void reserve(std::size_t size) {
    size = std::max(size, first_reserve);
    const std::span<char> room = output_.prepare_all(size);
    begin_ = at_ = room.data();
    limit_ = at_ + room.size();
  }

  Output& output_;
  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* limit_ = nullptr;
};

}  // namespace picket::wire::internal

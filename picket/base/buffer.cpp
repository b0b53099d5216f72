#include "picket/base/buffer.hpp"

#include <algorithm>

#include "picket/base/recycled_memory.hpp"

namespace picket::base {

void Buffer::make_room(std::size_t size) {
  const std::size_t held = this->size();
  // Moving the content to the front is enough where that frees at least half: otherwise moves would become quadratic.
  if (storage_ != nullptr && begin_ >= held && capacity_ - held >= size) {
    std::memmove(storage_, data(), held);
    begin_ = 0;
    end_ = held;
    return;
  }
  const std::size_t grown = std::max({held + size, capacity_ + capacity_ / 2, std::size_t{512}});
  auto* const storage = static_cast<char*>(recycled_memory.take(grown + limits::tail_padding));
  if (held != 0) std::memcpy(storage, data(), held);
  std::memset(storage + grown, 0, limits::tail_padding);
  if (storage_ != nullptr) give_back();
  storage_ = storage;
  capacity_ = grown;
  begin_ = 0;
  end_ = held;
}

void Buffer::give_back() noexcept { recycled_memory.give(storage_, capacity_ + limits::tail_padding); }

}  // namespace picket::base

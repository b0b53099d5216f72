#include "picket/base/buffer.hpp"

#include <algorithm>

namespace picket::base {

void Buffer::make_room(std::size_t size) {
  const std::size_t held = this->size();
  // Moving the content to the front is enough where that frees at least half: otherwise moves would become quadratic.
  if (storage_ && begin_ >= held && capacity_ - held >= size) {
    std::memmove(storage_.get(), data(), held);
    begin_ = 0;
    end_ = held;
    return;
  }
  const std::size_t grown = std::max({held + size, capacity_ + capacity_ / 2, std::size_t{512}});
  auto storage = std::make_unique_for_overwrite<char[]>(grown + limits::tail_padding);
  if (held != 0) std::memcpy(storage.get(), data(), held);
  std::memset(storage.get() + grown, 0, limits::tail_padding);
  storage_ = std::move(storage);
  capacity_ = grown;
  begin_ = 0;
  end_ = held;
}

}  // namespace picket::base

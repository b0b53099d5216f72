#include "picket/http2/internal/memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>

#include "picket/base/recycled_memory.hpp"

namespace picket::http2::internal {
namespace {

using base::recycled_memory;

/// Stands before each piece: nghttp2 does not say how large what it gives back is.
struct alignas(std::max_align_t) Header {
  std::size_t size;  // with this
};

void* take(std::size_t size, void*) noexcept {
  try {
    const std::size_t whole = sizeof(Header) + size;
    return ::new (recycled_memory.take(whole)) Header{whole} + 1;
  } catch (const std::bad_alloc&) {
    return nullptr;  // which nghttp2 expects
  }
}

void give(void* piece, void*) noexcept {
  if (piece == nullptr) return;
  Header* const header = static_cast<Header*>(piece) - 1;
  recycled_memory.give(header, header->size);
}

void* take_cleared(std::size_t count, std::size_t size, void* user) noexcept {
  if (size != 0 && count > std::numeric_limits<std::size_t>::max() / 2 / size) return nullptr;
  void* const piece = take(count * size, user);
  if (piece != nullptr) std::memset(piece, 0, count * size);
  return piece;
}

void* resize(void* piece, std::size_t size, void* user) noexcept {
  if (piece == nullptr) return take(size, user);
  const std::size_t held = (static_cast<Header*>(piece) - 1)->size - sizeof(Header);
  if (size <= held) return piece;
  void* const larger = take(size, user);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, piece, held);
  give(piece, user);
  return larger;
}

}  // namespace

nghttp2_mem memory() noexcept { return {nullptr, &take, &give, &take_cleared, &resize}; }

}  // namespace picket::http2::internal

#pragma once

#include <cstddef>

namespace picket::wire::internal {

/// The head of a MessagePack text of at most 255 bytes; returns its end, and may write a byte behind it.
[[nodiscard]] inline char* put_short_text_head(std::size_t size, char* at) noexcept {
  const bool fixed = size < 32;
  *at = static_cast<char>(fixed ? 0xA0 | size : 0xD9);
  at[1] = static_cast<char>(size);
  return at + (fixed ? 1 : 2);
}

}  // namespace picket::wire::internal

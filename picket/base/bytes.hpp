#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace picket::base {

/// Bytes that somebody else owns. Lifetime: whoever hands them out says how long they stay.
using ByteView = std::span<const std::byte>;

/// The same bytes, seen as text or as bytes: nothing is copied, and nothing is checked. Lifetime: the original's
/// memory. Thread safety: as whoever reads that memory. Text may hold any byte, NUL included, and need not be UTF-8: do
/// not hand its data() to what looks for an end.
[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
/// The other way. Not of a temporary std::string: the view would outlive it.
[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace picket::base

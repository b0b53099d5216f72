#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "picket/websocket/frame.hpp"

namespace picket::apps::gateway::websocket {

/// Random bytes of the kernel's, fetched for many frames at once. Thread safety: one owner. Errors: std::system_error
/// where the kernel has none.
class MaskSource {
 public:
  [[nodiscard]] picket::websocket::MaskKey next();

 private:
  static constexpr std::size_t keys_at_once = 64;

  std::array<picket::websocket::MaskKey, keys_at_once> keys_{};
  std::size_t used_ = keys_at_once;
};

/// Fills it from the kernel. Errors: as MaskSource.
void fill_with_random_bytes(std::span<std::uint8_t> out);

}  // namespace picket::apps::gateway::websocket

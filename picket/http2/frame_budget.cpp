#include "picket/http2/frame_budget.hpp"

#include <array>

namespace picket::http2 {

std::string_view name(Excess excess) noexcept {
  constexpr auto names =
      std::to_array<std::string_view>({"streams", "pings", "settings", "window_updates", "priorities", "empty_frames",
                                       "invalid_frames", "header_blocks"});
  static_assert(names.size() == excess_count);
  return names[static_cast<std::size_t>(excess)];
}

}  // namespace picket::http2

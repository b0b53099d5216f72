#pragma once

#include <nghttp2/nghttp2.h>

namespace picket::http2::internal {

/// What nghttp2 takes for connections, streams, frames and fields: recycled memory, as all that lives as long as a
/// request. Thread safety: a session may go on another thread than it was made on.
[[nodiscard]] nghttp2_mem memory() noexcept;

}  // namespace picket::http2::internal

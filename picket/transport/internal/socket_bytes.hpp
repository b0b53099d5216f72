#pragma once

#include <span>

#include <sys/uio.h>

#include "picket/transport/layer.hpp"

/// The system calls of a channel, for it and its layers.
namespace picket::transport::internal {

[[nodiscard]] Transfer receive_now(int socket, std::span<char> into, int flags) noexcept;
/// Takes bytes from the front of `parts`.
[[nodiscard]] Transfer send_now(int socket, std::span<const iovec> parts) noexcept;

/// Why one of them failed. Errors: connection_closed where the peer is gone, else io.
[[nodiscard]] base::Error failure_of(int error);

}  // namespace picket::transport::internal

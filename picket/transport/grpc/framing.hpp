#pragma once

#include "picket/http2/grpc_messages.hpp"
#include "picket/wire/frame.hpp"

namespace picket::transport::grpc {

/// How the messages of a stream begin. A byte that says whether it is compressed, which it never is here, and u32
/// big-endian of its size (gRPC over HTTP/2, "Length-Prefixed-Message"). The type stands in the envelope.
inline constexpr wire::Framing message_framing{
    .header_size = http2::grpc_prefix_size,
    .write_header = [](char* out, wire::FrameType, std::size_t size) noexcept { http2::write_grpc_prefix(out, size); }};

}  // namespace picket::transport::grpc

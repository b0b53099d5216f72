#pragma once

#include <string>
#include <string_view>

#include "apps/cli/conform/pipe.hpp"
#include "picket/http2/grpc_messages.hpp"
#include "picket/wire/envelope.hpp"

namespace picket::apps::cli::conform {

/// What stands before each message of a gRPC stream.
inline constexpr wire::Framing grpc_framing{
    .header_size = http2::grpc_prefix_size,
    .write_header = [](char* out, wire::FrameType, std::size_t size) noexcept { http2::write_grpc_prefix(out, size); }};

/// A message as gRPC has it, behind its length.
[[nodiscard]] std::string grpc_message(std::string_view payload);
/// The same of any bytes as a message of that type, in its envelope.
[[nodiscard]] std::string grpc_message(wire::FrameType type, std::string_view content);
/// What is in an envelope. Throws Violation where it is none.
[[nodiscard]] Frame open_message(wire::Envelope envelope, std::string_view message);

}  // namespace picket::apps::cli::conform

#include "picket/transport/frame_header.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "picket/base/limits.hpp"

namespace picket::transport {
namespace {

constexpr std::size_t length_size = 4;

}  // namespace

base::Result<FramePeek> peek_frame(std::string_view bytes) {
  if (bytes.size() < length_size) return FramePeek{.frame = {}, .needed = length_size};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  const std::size_t length = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  if (length == 0) return base::fail(base::ErrorKind::invalid_message, "a frame of length 0: it has no type byte");
  if (length > base::limits::max_frame_length)
    return base::fail(base::ErrorKind::message_too_large, fmt::format("a frame of {} bytes; at most {} are allowed",
                                                                      length, base::limits::max_frame_length));
  if (bytes.size() < frame_header_size) return FramePeek{.frame = {}, .needed = frame_header_size};
  const auto type = static_cast<wire::FrameType>(byte(4));
  if (!is_known(type))
    return base::fail(base::ErrorKind::invalid_message, fmt::format("unknown frame type 0x{:02x}", byte(4)));
  const std::size_t whole = length_size + length;
  if (bytes.size() < whole) return FramePeek{.frame = {}, .needed = whole};
  return FramePeek{.frame = wire::FrameView{type, bytes.substr(frame_header_size, length - 1)}, .needed = whole};
}

void write_frame_header(char* out, wire::FrameType type, std::size_t payload_size) noexcept {
  const auto length = static_cast<std::uint32_t>(payload_size + 1);
  out[0] = static_cast<char>(length >> 24);
  out[1] = static_cast<char>(length >> 16);
  out[2] = static_cast<char>(length >> 8);
  out[3] = static_cast<char>(length);
  out[4] = static_cast<char>(type);
}

}  // namespace picket::transport

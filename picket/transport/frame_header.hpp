#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "picket/base/result.hpp"
#include "picket/wire/frame.hpp"

/// What stands before each payload in a byte stream, of a Unix socket or of TCP (protocol.md §2): length u32
/// big-endian, which counts the type and the payload, and type u8. Pure functions: any thread, nothing is kept.
namespace picket::transport {

inline constexpr std::size_t frame_header_size = 5;

/// Writes the header of a payload of `payload_size` < limits::max_frame_length. `out` has room for frame_header_size
/// bytes.
void write_frame_header(char* out, wire::FrameType type, std::size_t payload_size) noexcept;

inline constexpr wire::Framing stream_framing{frame_header_size, write_frame_header};

/// What the front of a byte stream holds.
struct FramePeek {
  std::optional<wire::FrameView> frame;  ///< Set when a whole frame is there.
  /// Bytes of it with its header; or those that must be there before asking again is worth it.
  std::size_t needed = 0;
};

/// Looks at the front of `bytes`. A truncated frame is held, not rejected. Errors: invalid_message for length zero or
/// an unknown type, message_too_large for a length over 16 MiB; both as soon as the bytes that show it are there.
/// Lifetime: the frame is a view of `bytes`. Complexity: O(1): payloads are not looked at.
[[nodiscard]] base::Result<FramePeek> peek_frame(std::string_view bytes);
/// The same, as a function object.
struct PeekFrame {
  base::Result<FramePeek> operator()(std::string_view bytes) const { return peek_frame(bytes); }
};

// ---- dialects (protocol.md §13)

/// The same for a dialect that has types of its own: each is taken as it is.
[[nodiscard]] base::Result<FramePeek> peek_frame_of_any_type(std::string_view bytes);

/// Frames without a type: length u32 big-endian, which counts the payload alone. All that comes is an answer. Errors:
/// message_too_large, invalid_message for a length of zero.
[[nodiscard]] base::Result<FramePeek> peek_untyped_frame(std::string_view bytes);
void write_untyped_header(char* out, wire::FrameType type, std::size_t payload_size) noexcept;
inline constexpr wire::Framing untyped_framing{4, write_untyped_header};

}  // namespace picket::transport

#pragma once

#include <cstddef>
#include <cstdint>

/// Bounds that hold on every connection, whatever its configuration, and the attack that each stops.
namespace picket::base::limits {

/// Largest frame after its length field: the type byte and the payload (protocol.md §2). A peer cannot make us reserve
/// more.
inline constexpr std::size_t max_frame_length = std::size_t{16} * 1024 * 1024;

/// Nesting that decoders follow in JSON and MessagePack (protocol.md §10). Deeper documents would be an attack on the
/// stack. The message itself is the first level.
inline constexpr std::size_t max_nesting = 127;

/// Elements and members of all arrays and maps of one message together. A peer pays one byte for a value that takes a
/// hundred once decoded: without this bound a frame of 16 MiB would take gigabytes.
inline constexpr std::size_t max_items = std::size_t{1024} * 1024;

/// Longest correlation id that an agent keeps state for. Longer ones would let a proxy make it hold arbitrary keys.
inline constexpr std::size_t max_correlation_id = 256;

/// The most that a connection keeps of the memory that decoding took, while it is in use: bodies up to about this size
/// are decoded without an allocation each; a single huge one is not remembered.
inline constexpr std::size_t kept_decode_memory = 256 * 1024;

/// Events of one connection that an agent holds unanswered before it reads no more: the proxy's queue, not the agent's
/// memory, grows with what is slow.
inline constexpr std::size_t max_unanswered_events = 1024;

/// Readable bytes that every receive buffer keeps behind its content, so that vector loads may overrun it. A payload
/// for wire::decode() is followed by as many, too: what is in them does not matter, that they can be read does.
inline constexpr std::size_t tail_padding = 64;

}  // namespace picket::base::limits

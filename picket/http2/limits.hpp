#pragma once

#include <cstddef>
#include <cstdint>

namespace picket::http2 {

/// What one end of a connection takes of the other, and the attack that each bound stops. The defaults are for agents
/// and proxies that know each other; who faces the internet gives less. A value. What the protocol lets the peer know
/// of is told to it in the first SETTINGS frame.
struct Limits {
  /// Bytes of one stream that may be under way unread: as much as a slow reader may be made to hold.
  std::uint32_t stream_window = 1024 * 1024;
  /// The same of all streams together.
  std::uint32_t connection_window = 16 * 1024 * 1024;
  /// Bytes of one frame.
  std::uint32_t frame_size = 1024 * 1024;
  /// Streams that the peer may have open at once.
  std::uint32_t concurrent_streams = 100;
  /// Bytes of one head as RFC 9113 §6.5.2 counts them: a small block may decompress to a large one.
  std::uint32_t head_size = 64 * 1024;
  /// Frames that bring nothing (PING, SETTINGS, WINDOW_UPDATE, PRIORITY, RST_STREAM, empty DATA), or open what is then
  /// given up, that a peer may send in ten seconds beyond those that its work takes: each costs us more than it.
  std::uint32_t idle_frames = 1000;
  /// Bytes that are cut into frames before the first of them is written.
  std::size_t queued = 256 * 1024;
  /// Of a server: clients may ask to speak another protocol on a stream (RFC 8441). What is asked comes as a head whose
  /// `:protocol` names it.
  bool extended_connect = false;
};

}  // namespace picket::http2

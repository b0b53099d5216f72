#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace picket::http2 {

/// How a window of the peer's, of a stream or of the connection, is used: to its last byte, but once that is gone not
/// again before there is enough for a frame that is worth it. Who sends whatever a window lets out gets windows back
/// in ever smaller pieces from a peer that gives them back frame by frame (the silly window syndrome, RFC 1122
/// §4.2.3.4). A peer that waits until its window is used up gets it used up. Thread safety: a value's.
class SendWindow {
 public:
  /// What a frame should have that the window cuts, by the size that the peer's windows begin with: a quarter of it, or
  /// of the frame that every peer takes (RFC 9113 §4.2). 0: no more than they are, where that is next to nothing.
  static constexpr std::size_t worth_a_frame(std::size_t initial_window) noexcept {
    const std::size_t quarter = std::min(initial_window, smallest_frame_limit) / 4;
    return quarter < worth_an_update ? 0 : quarter;
  }
  /// Less than that pays for no WINDOW_UPDATE where the windows are that small: they make many frames of little
  /// (CVE-2019-9511).
  static constexpr std::size_t worth_an_update = 256;

  /// Whether a frame that has no more than these `bytes` of window may leave.
  [[nodiscard]] bool lets_out(std::size_t bytes, std::size_t worth) const noexcept {
    return state_ != State::used_up || bytes >= worth;
  }
  /// A frame of `size` leaves, out of so many `bytes` of window.
  void use(std::size_t size, std::size_t bytes, std::size_t worth) noexcept {
    if (size == bytes) {
      state_ = State::used_up;
    } else if (bytes >= worth) {
      state_ = State::open;
    }
  }
  /// The peer has given nothing more for a while: what there is may leave.
  void hurry() noexcept {
    if (state_ == State::used_up) state_ = State::hurried;
  }
  [[nodiscard]] bool is_hurried() const noexcept { return state_ == State::hurried; }

 private:
  static constexpr std::size_t smallest_frame_limit = 16'384;

  enum class State : std::uint8_t {
    open,     ///< All of it may be used.
    used_up,  ///< It was, and has to grow.
    hurried,  ///< It was, and did not grow.
  };
  State state_ = State::open;
};

}  // namespace picket::http2

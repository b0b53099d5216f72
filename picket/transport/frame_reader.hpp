#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/result.hpp"
#include "picket/transport/frame_header.hpp"

namespace picket::transport {

/// Whole frames out of any split of a byte stream.
///
/// Frames that arrive whole are handed on where they lie; only one that is cut is held, and a large one can be read
/// straight into its place (rest(), rest_received()), so that a body is copied at most once. Memory: at most two frames
/// (16 MiB each); trim() gives it back. `Peek` says what the front of the stream holds, as peek_frame() does.
///
/// Thread safety: none; one owner. Lifetime: a payload is good until the next call of any member. Errors: those of
/// `Peek` and of who is handed the frames; after one the stream cannot be read on. Complexity: each byte is copied at
/// most once, into the place of a frame that is cut.
///
///   transport::FrameReader reader;
///   const auto read = reader.feed(bytes, [&](const wire::FrameView& frame) { return conversation.take(frame, now); });
template <class Peek>
class BasicFrameReader {
 public:
  /// `peek(bytes)` gives a base::Result<FramePeek>: a frame, or how many bytes must be there before it is worth asking
  /// again.
  explicit BasicFrameReader(Peek peek = {}) noexcept : peek_(peek) {}

  /// Calls `on_frame(const wire::FrameView&) -> base::Status` for every whole frame and stops at the first error.
  /// `bytes` must be followed by limits::tail_padding readable bytes. Payloads are valid until the next call of any
  /// member. What stands behind a frame that was refused is not looked at. `on_frame` must not call the reader.
  template <class OnFrame>
  base::Status feed(std::string_view bytes, OnFrame&& on_frame) {
    while (!held_.empty() && !bytes.empty()) {
      const std::size_t taken = std::min(bytes.size(), needed_ - held_.size());
      held_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      PICKET_TRY(deliver_held(on_frame));
    }
    while (!bytes.empty()) {
      auto peek = peek_(bytes);
      if (!peek) return std::move(peek.error());
      if (!peek->frame) {
        needed_ = peek->needed;
        (void)held_.prepare(needed_);
        held_.append(bytes);
        return {};
      }
      PICKET_TRY(on_frame(*peek->frame));
      bytes.remove_prefix(peek->needed);
    }
    return {};
  }

  /// Where the next bytes of the held frame belong, when enough is missing to be worth a read of its own; else empty.
  /// From 4 KiB on. Lifetime: until the next call of any member.
  [[nodiscard]] std::span<char> rest() {
    if (held_.empty() || needed_ - held_.size() < worth_a_read) return {};
    const std::size_t missing = needed_ - held_.size();
    return {held_.prepare(missing), missing};
  }

  /// `size` bytes were read into rest(). Otherwise as feed().
  template <class OnFrame>
  base::Status rest_received(std::size_t size, OnFrame&& on_frame) {
    held_.commit(size);
    return deliver_held(on_frame);
  }

  /// Whether a frame is held in part that is too large to come with many others: the rest of a body.
  [[nodiscard]] bool holds_part_of_large_frame() const noexcept { return !held_.empty() && needed_ >= worth_a_read; }

  /// Bytes held of an unfinished frame. 0 between frames.
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  /// Bytes reserved from the system.
  [[nodiscard]] std::size_t capacity() const noexcept { return held_.capacity() + delivered_.capacity(); }

  /// Gives memory back that is not needed now. Ends the views of the last payload. A part of a frame is kept: it is
  /// still needed.
  void trim() noexcept {
    delivered_.release();
    if (held_.empty()) held_.release();
  }

 private:
  static constexpr std::size_t worth_a_read = 4096;

  template <class OnFrame>
  base::Status deliver_held(OnFrame& on_frame) {
    if (held_.size() < needed_) return {};
    auto peek = peek_(held_.text());
    if (!peek) return std::move(peek.error());
    if (!peek->frame) {
      needed_ = peek->needed;  // the length is known only now
      (void)held_.prepare(needed_ - held_.size());
      return {};
    }
    // The frame moves aside, where its views stay valid while the next cut frame is held.
    delivered_.clear();
    delivered_.swap(held_);
    return on_frame(*peek->frame);
  }

  [[no_unique_address]] Peek peek_;
  base::Buffer held_;
  base::Buffer delivered_;
  std::size_t needed_ = 0;
};

using FrameReader = BasicFrameReader<PeekFrame>;

}  // namespace picket::transport

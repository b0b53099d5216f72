#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/conversation.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/frame_header.hpp"
#include "picket/transport/frame_reader.hpp"
#include "picket/wire/output.hpp"

namespace picket::transport {

/// A conversation on a byte stream: its frames as bytes, in and out. Sans-I/O: whoever has the socket moves the bytes.
///
///   framing.feed(bytes_that_came, now);         // or read into rest(), where it is not empty, then rest_received()
///   handle(framing.conversation());             // its session's actions, which the next feed() ends
///   const auto count = framing.output().gather(parts);
///   framing.wrote(bytes_that_were_taken, now);  // not output().consume(): a tap hears of it here
///
/// Once conversation().end() is there nothing more is to be fed; what is in the output are its last words.
///
/// Thread safety: none; one owner. Lifetime: the tap outlives it; what the conversation's actions refer to, see there.
/// Errors: what the peer did wrong ends the conversation, whose end() says it. Memory: beside the conversation's, a
/// frame that is cut is held, see FrameReader. Complexity: without a tap bytes are looked at where they lie.
template <class Session>
class StreamFraming {
 public:
  using Conversation = session::Conversation<Session>;
  /// What it is made of, once there is a connection.
  using Beginning = std::unique_ptr<typename Conversation::Opening>;
  /// Whether what the conversation writes goes out as it is.
  static constexpr bool translates = false;

  /// `tap` may be null. `opening` is not null; its first words are in the output when this returns.
  StreamFraming(Beginning opening, base::TimePoint now, session::Tap* tap = nullptr)
      : tapped_(tap != nullptr ? std::make_unique<Tapped>(*tap) : nullptr),
        output_(stream_framing),
        conversation_(std::move(opening), now, output_) {}
  StreamFraming(const StreamFraming&) = delete;
  StreamFraming& operator=(const StreamFraming&) = delete;

  /// Lifetime: the framing's, as what else is handed out here.
  [[nodiscard]] Conversation& conversation() noexcept { return conversation_; }
  [[nodiscard]] const Conversation& conversation() const noexcept { return conversation_; }
  /// What is to be written. To look at and to gather() from. Who writes of it says so to wrote(), not to consume().
  [[nodiscard]] wire::Output& output() noexcept { return output_; }
  [[nodiscard]] const wire::Output& output() const noexcept { return output_; }

  /// The first `size` bytes of the output were written. At most what there is. With a tap the output is copied to be
  /// looked at.
  void wrote(std::size_t size, base::TimePoint now) {
    if (tapped_) tapped_->wrote(output_, size, now);
    output_.consume(size);
  }
  /// Bytes from the peer, followed by limits::tail_padding readable bytes. What are no frames ends the conversation.
  /// Where none of them was a frame, the opening may recognise another protocol in them, and the error says so. Bytes
  /// may be cut anywhere.
  void feed(std::string_view bytes, base::TimePoint now) {
    bool is_framed = false;
    auto status = batch(now, [&](auto take) {
      return reader_.feed(bytes, [&](const wire::FrameView& frame) {
        is_framed = true;
        return take(frame);
      });
    });
    if (status) return;
    const auto* const opening = conversation_.opening();
    conversation_.close(is_framed || opening == nullptr ? std::move(status.error())
                                                        : opening->misunderstood(std::move(status.error()), bytes));
  }
  /// See FrameReader::rest.
  [[nodiscard]] std::span<char> rest() { return reader_.rest(); }
  /// `size` bytes were read into rest(). Otherwise as feed(). At most rest()'s size, and more than none.
  void rest_received(std::size_t size, base::TimePoint now) {
    auto status = batch(now, [&](auto take) { return reader_.rest_received(size, take); });
    if (!status) conversation_.close(std::move(status.error()));
  }
  /// See FrameReader::holds_part_of_large_frame.
  [[nodiscard]] bool holds_part_of_large_frame() const noexcept { return reader_.holds_part_of_large_frame(); }

  /// Bytes of memory that it holds for reading.
  [[nodiscard]] std::size_t memory() const noexcept { return reader_.capacity() + conversation_.memory(); }

 private:
  /// A tap, and what of a frame that it has not heard yet is written.
  // Its reader puts together what writes have cut: a tap hears whole frames only.
  struct Tapped {
    explicit Tapped(session::Tap& whose) : tap(whose) {}
    void wrote(const wire::Output& output, std::size_t size, base::TimePoint now) {
      std::string bytes = output.flatten();
      bytes.resize(size);
      bytes.append(base::limits::tail_padding, '\0');
      const auto on_frame = [&](const wire::FrameView& frame) -> base::Status {
        tap.on_sent(frame, now);
        return {};
      };
      (void)written.feed(std::string_view{bytes}.substr(0, size), on_frame).has_value();  // our own frames are sound
    }
    session::Tap& tap;
    FrameReader written;
  };

  // One read: what the last brought is let go first, and memory is given back where the peer is idle.
  template <class Read>
  base::Status batch(base::TimePoint now, Read read) {
    if (conversation_.end()) return {};
    conversation_.begin_batch(now);
    auto status = read([&](const wire::FrameView& frame) {
      if (tapped_) tapped_->tap.on_received(frame, now);
      return conversation_.take(frame, now);
    });
    if (conversation_.end_batch()) reader_.trim();
    return status;
  }

  std::unique_ptr<Tapped> tapped_;
  FrameReader reader_;
  wire::Output output_;
  Conversation conversation_;
};

}  // namespace picket::transport

#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "picket/base/arena.hpp"
#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/message_list.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/output.hpp"

namespace picket::session {

/// One end of a connection from its first frame to its last: an opening, and then a session.
///
/// Whoever has the connection hands in the frames that it brings, batch by batch, with the time. Here, and nowhere
/// else, a frame becomes the message that its type names; a framing whose messages are typed already calls the session
/// itself. Pings are answered here with what they hold.
///
///   conversation.begin_batch(now);                 // one for each read
///   for (const auto& frame : frames) …take(frame, now);
///   (void)conversation.end_batch();                // then the session's actions, and clear_actions()
///   …
///   if (now >= conversation.next_wakeup()) conversation.tick(now);
///
/// After each of these calls `output` may have something to be written, and end() may be there. What is in the output
/// then is still to be sent: a refusal says why.
///
/// Thread safety: none; one owner. Lifetime: `output` outlives it; what a session's actions refer to lives until
/// clear_actions() or the next begin_batch(). Errors: take() returns what the peer did wrong, and end() keeps why it is
/// over, which the first reason decides. Complexity: O(1) for each frame, and what its message takes to read; messages
/// lie in one arena, emptied batch by batch, so that steady use allocates nothing.
///
/// A frame of a type that the end must not send, or that is not known, is invalid_message; so is one that does not
/// decode, of which the error names type and place.
template <class Session>
class Conversation {
 public:
  using Opening = session::Opening<typename Session::Agreement>;

  /// Begins: the opening's first words are in `output`. Where that fails end() says so at once. `opening` is not null.
  /// `now`: its deadline counts from here.
  Conversation(std::unique_ptr<Opening> opening, base::TimePoint now, wire::Output& output)
      : output_(output), opening_(std::move(opening)) {
    auto status = opening_->begin(output_, now);
    if (status) status = enter(now);  // where nothing is said before
    if (!status) close(std::move(status.error()));
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Null until the opening is over. Lifetime: the conversation's; it stays when it is over.
  [[nodiscard]] Session* session() noexcept { return session_ ? &*session_ : nullptr; }
  [[nodiscard]] const Session* session() const noexcept { return session_ ? &*session_ : nullptr; }
  /// Null once it is.
  [[nodiscard]] const Opening* opening() const noexcept { return opening_.get(); }
  /// Why it is over; empty while it is not.
  [[nodiscard]] const std::optional<base::Error>& end() const noexcept { return session_ ? session_->end() : end_; }

  /// Something came from the peer: whole frames of it follow, if there are any. What the last batch brought is gone. So
  /// call it only when the session's actions have been seen to. Complexity: O(1), but where a batch took more memory
  /// than is kept.
  void begin_batch(base::TimePoint now) {
    arena_.reset();
    if (session_) session_->heard(now);
  }
  /// One frame, whose payload is followed by limits::tail_padding readable bytes. After an error the peer is not
  /// understood: close(). Once it is over, frames are dropped without a word. Errors: of the opening, or of the
  /// session.
  [[nodiscard]] base::Status take(const wire::FrameView& frame, base::TimePoint now) {
    if (!session_) return open(frame, now);
    if (session_->end()) return {};
    is_quiet_ = is_quiet_ || frame.type == wire::FrameType::ping || frame.type == wire::FrameType::pong;
    if (frame.type == wire::FrameType::ping) {
      if (!session_->answers_later(frame.payload))
        wire::append_frame(wire::FrameType::pong, frame.payload, output_, session_->format());
      return {};
    }
    return hand_on(typename Session::Incoming{}, frame, now);
  }
  /// True where the peer is known to be idle, so that memory of busier times is of no use. It knows after a ping or a
  /// pong, when no exchange is open: the memory for decoding has been given back then, and the caller's may follow.
  [[nodiscard]] bool end_batch() {
    const bool is_idle = std::exchange(is_quiet_, false) && session_->exchanges() == 0 && session_->actions().empty();
    if (is_idle) arena_.trim();
    return is_idle;
  }

  /// Ends it for a reason of this end, or for what the peer did. The second reason is dropped. Actions for everybody
  /// who waits are there afterwards.
  void close(base::Error reason) {
    if (session_) return session_->close(std::move(reason));
    if (!end_) end_ = std::move(reason);
  }
  /// The peer closed or the connection failed. Where that happened while it opened, the error says what was awaited.
  void disconnected(base::Error reason) { close(session_ ? std::move(reason) : opening_->interrupted(reason)); }
  /// Deadlines and pings; call it at next_wakeup() at the latest.
  void tick(base::TimePoint now) {
    if (session_) return session_->tick(now);
    if (now >= next_wakeup()) close(opening_->overdue());
  }
  /// Of the session, or the opening's deadline; never where it is over before there was a session. It may move with
  /// every call: arm the timer anew after each batch.
  [[nodiscard]] base::TimePoint next_wakeup() const noexcept {
    if (session_) return session_->next_wakeup();
    return end_ ? base::TimePoint::max() : opening_->deadline();
  }

  /// Bytes of memory that it holds for decoding.
  [[nodiscard]] std::size_t memory() const noexcept { return arena_.reserved(); }

 private:
  [[nodiscard]] base::Status open(const wire::FrameView& frame, base::TimePoint now) {
    if (end_) return {};
    PICKET_TRY(opening_->take(frame, output_, now));
    return enter(now);
  }

  /// The session takes over, once both ends have agreed.
  [[nodiscard]] base::Status enter(base::TimePoint now) {
    const auto* const agreed = opening_->agreement();
    if (agreed == nullptr) return {};
    session_.emplace(*agreed, now, output_);
    const auto over = std::move(opening_);  // as long as what it kept is read
    if constexpr (requires { agreed->early; }) {
      for (const EarlyFrame& early : agreed->early) PICKET_TRY(take(keep(early), now));
    }
    return {};
  }

  /// As the message of the list that its type names.
  // As many comparisons as there are types before it: the lists begin with what comes most.
  template <class Message, class... Others>
  [[nodiscard]] base::Status hand_on(MessageList<Message, Others...>, const wire::FrameView& frame,
                                     base::TimePoint now) {
    if (frame.type == Message::type) return hand_on<Message>(frame, now);
    if constexpr (sizeof...(Others) != 0) {
      return hand_on(MessageList<Others...>{}, frame, now);
    } else {
      return base::fail(base::ErrorKind::invalid_message,
                        fmt::format("{} must not send {} here", Session::peer, name(frame.type)));
    }
  }
  template <class Message>
  [[nodiscard]] base::Status hand_on(const wire::FrameView& frame, base::TimePoint now) {
    const wire::Format& format = session_->format();
    auto& message = *new (arena_.allocate(sizeof(Message), alignof(Message))) Message;
    if (auto status = wire::decode_into(message, format, frame.payload, arena_); !status) [[unlikely]]
      return base::fail(status.error().kind(), fmt::format("{}: {}", name(frame.type), status.error().detail()));
    const bool is_text = format.encoding == wire::Encoding::json;
    return session_->take(message, is_text ? frame.payload : std::string_view{}, now);
  }

  /// A copy that lives as long as what else this batch brings.
  [[nodiscard]] wire::FrameView keep(const EarlyFrame& frame) {
    const std::size_t size = frame.payload.size();
    auto* const copy = static_cast<char*>(arena_.allocate(size + base::limits::tail_padding, 1));
    std::copy_n(frame.payload.data(), size, copy);
    return {frame.type, {copy, size}};
  }

  wire::Output& output_;
  std::unique_ptr<Opening> opening_;
  std::optional<Session> session_;
  std::optional<base::Error> end_;  // of the opening
  base::Arena arena_{2048, base::limits::kept_decode_memory};
  bool is_quiet_ = false;  // the batch had a ping or a pong
};

}  // namespace picket::session

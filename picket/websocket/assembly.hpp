#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/bytes.hpp"
#include "picket/websocket/head_reader.hpp"
#include "picket/websocket/utf8_check.hpp"

namespace picket::websocket {

/// A frame that has come whole, without its mask. Lifetime of `payload`: the next read() of its assembly.
struct Frame {
  Opcode opcode = Opcode::text;
  bool fin = true;
  base::ByteView payload;
};

/// What one peer sends, as frames, and the messages that they make. Control frames between the fragments of a message
/// are frames of their own, and leave it as it is.
///
///   auto frame = assembly.read(bytes);                 // takes from the front of bytes
///   if (!frame) return close(close_code(frame.error()));
///   if (*frame && assembly.completes()) write(assembly.seal(key));   // a control frame, or all of a message
///   if (assembly.has_message()) assembly.forget();
///
/// Checks which frames may follow which, that texts are UTF-8, close frames are ones, and a message is not too large:
/// that by its head, before any of what is too much is kept. Thread safety: a value. Complexity: each byte is moved
/// once; memory is that of one message, and stays if it is small.
class Assembly {
 public:
  /// `most`: bytes of a message.
  Assembly(Sender sender, std::size_t most) noexcept : most_(most), heads_(sender) {}

  /// Reads on, up to the end of a frame. Nothing: more is needed. Errors: a breach, after which nothing is read any
  /// more.
  [[nodiscard]] std::expected<std::optional<Frame>, Breach> read(std::span<char>& bytes);
  /// Whether the frame that was read last is a message's last, or a control frame: there is something to seal().
  [[nodiscard]] bool completes() const noexcept { return is_control(last_) || is_complete_; }
  /// Whether that is a message.
  [[nodiscard]] bool has_message() const noexcept { return is_complete_ && !is_control(last_); }
  /// Whether a message has begun whose last frame has not come, be anything of it kept or not.
  [[nodiscard]] bool is_in_message() const noexcept { return is_in_message_; }
  /// What goes on: the control frame that was read last, or the message that it completes, as one frame. `key`: where
  /// it goes to a server. Once for each; the payload is masked where it stands. Lifetime: the next read(), or forget().
  [[nodiscard]] std::string_view seal(const std::optional<MaskKey>& key) noexcept;
  /// The message has gone on, or is dropped: its memory goes, or is used again.
  void forget();
  /// The message that comes will not go on, so that what has come of it goes. What comes of it counts, and is checked,
  /// as before; its frames come one by one. Between its frames.
  void shed();
  /// Bytes of a message that are kept.
  [[nodiscard]] std::size_t held() const noexcept { return message_.empty() ? 0 : message_.size() - longest_head; }

 private:
  using Read = std::expected<std::optional<Frame>, Breach>;
  [[nodiscard]] std::optional<Breach> begin(const FrameHead& head);
  void begin_message();
  void leave_room();
  void empty();
  [[nodiscard]] std::optional<Breach> take(std::span<char> piece);
  [[nodiscard]] std::optional<Breach> finish() noexcept;
  [[nodiscard]] Frame frame() noexcept;
  /// Of the frame that is read.
  [[nodiscard]] std::span<char> payload() noexcept;

  std::size_t most_;
  HeadReader heads_;
  std::optional<FrameHead> head_;  // of the frame that is read
  std::size_t came_ = 0;           // of its payload
  Opcode last_ = Opcode::text;     // of the frame that was read last
  std::size_t shed_ = 0;           // bytes of the message that are not kept any more
  bool is_in_message_ = false;     // its last frame has not come
  bool is_complete_ = false;       // it has, and the message is still here
  Opcode kind_ = Opcode::text;     // of the message
  Utf8Check text_;
  base::Buffer message_;  // longest_head bytes, then what has come of it
  std::array<char, longest_head + longest_control> control_{};
};

}  // namespace picket::websocket

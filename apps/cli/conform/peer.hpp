#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/conform/frame_pipe.hpp"
#include "apps/cli/conform/violation.hpp"
#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::cli::conform {

/// A JSON payload, read. Lifetime: the value is its own memory, also after a move.
struct Document {
  Frame frame;
  base::Arena arena;
  wire::Value value;

  /// Throws Violation where the payload is no JSON.
  explicit Document(Frame read);
  /// The member at a path of names, e.g. "capabilities.limits"; null where there is none.
  [[nodiscard]] const wire::Value* find(std::string_view path) const;
};

/// The one at the other end of a connection. What the rules send and hear goes through here.
///
/// Whatever the peer does wrong is a Violation; that it has closed while it is written to is told by what is heard.
class Peer {
 public:
  Peer(std::unique_ptr<Pipe> pipe, base::Duration patience) noexcept : pipe_(std::move(pipe)), patience_(patience) {}

  // ---- saying
  template <class Message>
  void say(const wire::Format& format, const Message& message) {
    wire::Output output{pipe_->framing()};
    if (const auto status = wire::encode(format, message, output); !status) throw Skipped{status.error().message()};
    write(output.flatten());
  }
  /// Any bytes.
  void write(std::string_view bytes);
  /// Byte by byte, or in pieces of another size, each of them alone.
  void write_slowly(std::string_view bytes, std::size_t piece = 1);
  /// A frame of a socket, whatever type and payload.
  void say_frame(std::uint8_t type, std::string_view payload) { write(socket_frame(type, payload)); }
  void end_writing() { pipe_->end_writing(); }
  void reset() { pipe_->reset(); }

  // ---- hearing
  /// The next message. Throws Violation where none comes; `wanted` says what should.
  [[nodiscard]] Frame hear(std::string_view wanted);
  /// The same; none where it closes.
  [[nodiscard]] std::optional<Frame> hear_or_end(std::string_view wanted);
  /// What it says until it closes. Throws Violation where it does not, after `cause`.
  std::vector<Frame> hear_end(std::string_view cause);
  /// Whether something comes within so long: a message, or the end.
  [[nodiscard]] Heard hear_within(base::Duration time) { return pipe_->hear(base::Clock::now() + time); }

  [[nodiscard]] base::Duration patience() const noexcept { return patience_; }
  void be_patient(base::Duration patience) noexcept { patience_ = patience; }

 private:
  std::unique_ptr<Pipe> pipe_;
  base::Duration patience_;
};

/// A message's payload alone.
template <class Message>
[[nodiscard]] std::string payload_of(const wire::Format& format, const Message& message) {
  wire::Output output;
  if (const auto status = wire::encode(format, message, output); !status) throw Skipped{status.error().message()};
  return output.flatten();
}

}  // namespace picket::apps::cli::conform

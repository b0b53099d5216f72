#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "picket/base/limits.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::cli::conform {

/// A message as it came. Lifetime: views of its payload survive a move.
struct Frame {
  wire::FrameType type;
  std::vector<char> bytes;  ///< The payload, and the padding that decoders may read.

  explicit Frame(const wire::FrameView& view) : type(view.type), bytes(view.payload.begin(), view.payload.end()) {
    bytes.resize(bytes.size() + base::limits::tail_padding);
  }
  [[nodiscard]] std::string_view payload() const noexcept {
    return {bytes.data(), bytes.size() - base::limits::tail_padding};
  }
};

/// The peer has closed: how, for people.
struct Ended {
  std::string how;
};
/// Nothing came in time.
struct Silence {};
using Heard = std::variant<Frame, Ended, Silence>;

/// What carries the messages of one connection, either way: frames on a byte stream, or a stream of gRPC.
class Pipe {
 public:
  virtual ~Pipe() = default;

  /// What stands before each payload that is written.
  [[nodiscard]] virtual const wire::Framing& framing() const noexcept = 0;
  /// In what the handshake is written and read.
  [[nodiscard]] virtual wire::Encoding opening_encoding() const noexcept = 0;
  /// Any payload as a message of that type.
  [[nodiscard]] virtual std::string framed(wire::FrameType type, std::string_view payload) const = 0;
  /// Whole messages, pieces of them, or what is none at all.
  [[nodiscard]] virtual base::Status write(std::string_view bytes, base::TimePoint deadline) = 0;
  /// The next message. Throws Violation for bytes that are none.
  [[nodiscard]] virtual Heard hear(base::TimePoint deadline) = 0;
  virtual void end_writing() = 0;
  /// Cuts it off.
  virtual void reset() = 0;
};

}  // namespace picket::apps::cli::conform

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include "picket/base/result.hpp"
#include "picket/transport/descriptor.hpp"

namespace picket::transport {

/// What an attempt to move bytes came to. Thread safety: a value. Of its members those count that its outcome names.
struct Transfer {
  enum class Outcome : std::uint8_t {
    moved,    ///< `size` bytes, at least one.
    blocked,  ///< None. Worth another attempt once the socket is `wanted`.
    ended,    ///< The peer sends nothing more; of reading only.
    failed,   ///< For good; Channel::failure() says why.
  };

  [[nodiscard]] static Transfer moved(std::size_t size, bool may_have_more) noexcept {
    return {.outcome = Outcome::moved, .may_have_more = may_have_more, .size = size};
  }
  [[nodiscard]] static Transfer blocked(Readiness wanted) noexcept {
    return {.outcome = Outcome::blocked, .wanted = wanted};
  }
  [[nodiscard]] static Transfer ended() noexcept { return {.outcome = Outcome::ended}; }
  [[nodiscard]] static Transfer failed(int error) noexcept { return {.outcome = Outcome::failed, .error = error}; }

  Outcome outcome = Outcome::blocked;
  Readiness wanted = Readiness::readable;
  bool may_have_more = false;  ///< moved, of reading: whether another attempt may bring some now.
  int error = 0;               ///< failed: as errno has it.
  std::size_t size = 0;
};

/// What stands between a channel's bytes and its socket, as TLS does. A channel without one is plain.
///
/// It may hold bytes that the socket knows nothing of, may have to read before it can write, and to write before it can
/// read. It may read from the socket in every call but has_pending(), and keeps what it gets for read(). What it has to
/// write besides (its own messages, the rest of what it took) leaves with the next call that may write. Thread safety:
/// its channel's. Lifetime: as long as the channel. None of it blocks.
class Layer {
 public:
  virtual ~Layer() = default;

  /// What both ends say to each other before there are bytes; `moved` once that is over. Whoever does not call it has
  /// it happen within the first reads and writes.
  virtual Transfer establish(int) { return Transfer::moved(0, false); }
  /// `socket` is the channel's, connected and non-blocking. `into` is not empty.
  virtual Transfer read(int socket, std::span<char> into) = 0;
  /// Takes bytes from the front of `parts`. What it said is `blocked` comes again, from its first byte.
  virtual Transfer write(int socket, std::span<const iovec> parts) = 0;
  /// What read() would come to, but for the bytes. It may read from the socket, and keeps what it got.
  virtual Transfer peek(int socket) = 0;
  /// Whether read() would bring bytes, or the end, without the socket. No system call.
  [[nodiscard]] virtual bool has_pending() const noexcept = 0;
  /// Whether it holds a part of what has not come whole, such as a record. No system call.
  [[nodiscard]] virtual bool holds_part() const noexcept { return false; }
  /// Whether the last read() ended because it was long enough, however little it has brought: others go first now.
  [[nodiscard]] virtual bool has_had_its_share() const noexcept { return false; }
  /// Whether its last call has read all that there was in the socket, and has nothing left to write there. False where
  /// it has not looked.
  [[nodiscard]] virtual bool found_empty() const noexcept { return false; }
  /// Gives memory back that only bytes under way need; they find it again by themselves.
  virtual void release_memory() noexcept {}
  /// Tells the peer that nothing more is written, as far as the socket takes it. May be called again.
  virtual void end_writing(int socket) noexcept = 0;
  /// Whether its peer broke the layer's own rules, or refused to go on: not what the bytes within it say.
  [[nodiscard]] virtual bool is_broken() const noexcept { return false; }
  /// Why a transfer failed.
  [[nodiscard]] virtual base::Error failure(const Transfer& failed) const = 0;
};

}  // namespace picket::transport

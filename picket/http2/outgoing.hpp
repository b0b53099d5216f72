#pragma once

#include <cstddef>
#include <span>

#include <sys/uio.h>

namespace picket::http2 {

/// The body that one end sends on a stream: bytes that stay where they are until they are written, however they are cut
/// into DATA frames.
///
/// What was once counted into a frame has to be written: it must not be taken back. Thread safety: its connection's.
///
/// The connection asks size() and gather() when it makes frames, so that a body may grow meanwhile: say resume() then.
/// Lifetime: until Events::on_closed() of its stream. Errors: none; a body that cannot go on is ended by
/// Connection::reset().
class Outgoing {
 public:
  /// Bytes that are there.
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// Fills `out` with what stands behind the first `skip` bytes; returns how many entries it used. Lifetime: what the
  /// entries point to stays until it is consumed.
  [[nodiscard]] virtual std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept = 0;
  /// The first `size` bytes were written.
  virtual void consume(std::size_t size) = 0;

 protected:
  ~Outgoing() = default;
};

}  // namespace picket::http2

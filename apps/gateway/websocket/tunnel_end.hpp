#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::websocket {

/// One end of a tunnel: what an exchange's side has of its peer once that speaks WebSocket, and no HTTP any more.
///
/// One reads and one writes at a time. Thread safety: its worker's. Lifetime: its side's; not destroyed while an
/// operation is awaited. Errors: those of transport::Stream, whatever the version of HTTP.
class TunnelEnd {
 public:
  TunnelEnd() = default;
  TunnelEnd(const TunnelEnd&) = delete;
  TunnelEnd& operator=(const TunnelEnd&) = delete;

  /// At least one byte, or 0 once the peer has said that it sends no more.
  [[nodiscard]] virtual transport::Task<base::Result<std::size_t>> read(std::span<char> into,
                                                                        base::Deadline deadline) = 0;
  /// Returns when all of it is the kernel's, or stands in frames that are on their way there.
  [[nodiscard]] virtual transport::Task<base::Status> write(std::string_view bytes, base::Deadline deadline) = 0;
  /// Nothing more is written; reading goes on.
  virtual void shutdown_write() = 0;
  /// Ends what is awaited, with connection_closed.
  virtual void stop() noexcept = 0;
  /// The tunnel is over although nobody has said that it ends: the peer is to see that.
  virtual void cut() noexcept = 0;
  /// As far as it is taken without waiting, and then nothing more; not while a write is awaited, nor half done.
  virtual void write_last(std::string_view bytes) noexcept = 0;

 protected:
  ~TunnelEnd() = default;
};

/// Bytes that have passed through a tunnel, by who sent them.
struct Passed {
  std::uint64_t from_client = 0;
  std::uint64_t from_upstream = 0;
};

}  // namespace picket::apps::gateway::websocket

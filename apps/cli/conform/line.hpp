#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/channel.hpp"

namespace picket::apps::cli::conform {

/// One connection, used as if it blocked: a test sends what no session would, and waits for what comes of it.
///
/// Thread safety: none; its worker's thread, which it runs while it waits. Lifetime: the worker outlives it.
class Line {
 public:
  /// `seat`: what is let go of with the connection.
  explicit Line(transport::Channel channel, std::shared_ptr<const void> seat = {}) noexcept
      : channel_(std::move(channel)), seat_(std::move(seat)) {}

  [[nodiscard]] base::Status dial(const transport::Endpoint& endpoint, base::TimePoint deadline);
  /// All of `bytes`. What comes meanwhile is kept for read(). Errors: what the channel says, timeout where the peer
  /// does not read.
  [[nodiscard]] base::Status write(std::string_view bytes, base::TimePoint deadline);

  enum class Got : std::uint8_t { bytes, end, nothing };
  /// Appends what is there, or what comes first until the deadline.
  [[nodiscard]] Got read(base::Buffer& into, base::TimePoint deadline);

  /// Says that nothing more is written; reading goes on.
  void end_writing() noexcept { channel_.shutdown_write(); }
  /// Cuts the connection off.
  void reset() noexcept;

 private:
  [[nodiscard]] bool wait(transport::Readiness wanted, base::TimePoint deadline);
  void drain();

  transport::Channel channel_;
  base::Buffer received_;
  std::shared_ptr<const void> seat_;
};

}  // namespace picket::apps::cli::conform

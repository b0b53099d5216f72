#pragma once

#include "apps/gateway/websocket/tunnel_end.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::websocket {

/// The time in which nothing passes through a tunnel, either way: who only listens is not idle. Operations of its ends
/// have a deadline by it. Thread safety: its worker's. Lifetime: outlives the operations.
class IdleTime {
 public:
  IdleTime(transport::Worker& worker, base::Duration most) noexcept
      : worker_(worker), most_(most), moved_at_(worker.now()) {}

  /// As TunnelEnd's. Errors: timeout where nothing has passed for as long as may be.
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(TunnelEnd& from, std::span<char> into) {
    while (true) {
      const base::Deadline deadline = base::Deadline::after(moved_at_, most_);
      auto size = co_await from.read(into, deadline);
      const bool is_late = !size && size.error().kind() == base::ErrorKind::timeout;
      if (!is_late || is_over_ || worker_.now() - moved_at_ >= most_) co_return size;
    }
  }
  [[nodiscard]] transport::Task<base::Status> write(TunnelEnd& to, std::string_view bytes) {
    moved_at_ = worker_.now();
    const base::Deadline deadline = base::Deadline::after(moved_at_, most_);
    auto written = co_await to.write(bytes, deadline);
    if (written) moved_at_ = worker_.now();
    co_return written;
  }

  /// The tunnel is ending: what moves from now on keeps nobody waiting.
  void end() noexcept { is_over_ = true; }

 private:
  transport::Worker& worker_;
  base::Duration most_;
  base::TimePoint moved_at_;
  bool is_over_ = false;
};

}  // namespace picket::apps::gateway::websocket

#pragma once

#include <coroutine>
#include <memory>

#include "apps/gateway/exchange/message_start.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::http1 {

/// Two connections that speak a protocol that is nobody's matter here: what comes on one goes out on the other.
///
/// An end that says that it sends no more may still be sent to. Both are over when both have said so, one of them fails
/// or is cancelled, or nothing has passed for a while, either way. Thread safety: its worker's. Lifetime: not destroyed
/// while run() is awaited; both streams outlive it.
class Tunnel {
 public:
  Tunnel(transport::Worker& worker, exchange::TunnelEnd client, exchange::TunnelEnd upstream, base::Duration idle);

  [[nodiscard]] transport::Task<void> run();
  [[nodiscard]] exchange::Tunnelled passed() const noexcept { return {to_upstream_.passed, to_client_.passed}; }

 private:
  static constexpr std::size_t space_size = 16 * 1024;

  /// One direction.
  struct Way {
    Way(exchange::TunnelEnd from_in, transport::Stream& to_in)
        : from(from_in), to(to_in), space(std::make_unique_for_overwrite<char[]>(space_size)) {}
    exchange::TunnelEnd from;
    transport::Stream& to;
    std::unique_ptr<char[]> space;
    std::uint64_t passed = 0;
    bool is_over = false;
  };

  /// Awaitable: the way that runs beside is over.
  struct Beside {
    Tunnel& tunnel;
    [[nodiscard]] bool await_ready() const noexcept { return tunnel.to_upstream_.is_over; }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { tunnel.joining_.wait(waiting); }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] transport::Task<void> pass_beside();
  [[nodiscard]] transport::Task<void> pass(Way& way);
  [[nodiscard]] transport::Task<bool> pass_buffered(Way& way);
  /// What is there, or the end; nothing where neither is to be had.
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(Way& way);
  [[nodiscard]] transport::Task<bool> write(Way& way, std::string_view bytes);
  void cut() noexcept;

  transport::Worker& worker_;
  const base::Duration idle_;
  base::TimePoint moved_at_;
  bool is_cut_ = false;
  Way to_upstream_;
  Way to_client_;
  transport::Resumption joining_;
};

}  // namespace picket::apps::gateway::http1

#pragma once

#include <memory>

#include "apps/gateway/websocket/idle_time.hpp"
#include "picket/transport/beside.hpp"

namespace picket::apps::gateway::websocket {

/// Two ends that speak a protocol that is nobody's matter here: what comes of one goes to the other.
///
/// An end that says that it sends no more may still be sent to. Both are over when both have said so, one of them fails
/// or is stopped, or nothing has passed for a while, either way. Thread safety: its worker's. Lifetime: not destroyed
/// while run() is awaited; both ends outlive it.
class Tunnel {
 public:
  Tunnel(transport::Worker& worker, TunnelEnd& client, TunnelEnd& upstream, base::Duration idle);

  [[nodiscard]] transport::Task<void> run();
  [[nodiscard]] Passed passed() const noexcept { return {to_upstream_.passed, to_client_.passed}; }

 private:
  static constexpr std::size_t space_size = 16 * 1024;

  /// One direction.
  struct Way {
    Way(TunnelEnd& from_in, TunnelEnd& to_in)
        : from(from_in), to(to_in), space(std::make_unique_for_overwrite<char[]>(space_size)) {}
    TunnelEnd& from;
    TunnelEnd& to;
    std::unique_ptr<char[]> space;
    std::uint64_t passed = 0;
  };

  [[nodiscard]] transport::Task<void> pass(Way& way);
  void cut() noexcept;

  IdleTime idle_;
  bool is_cut_ = false;
  Way to_upstream_;
  Way to_client_;
  transport::Beside other_way_;
};

}  // namespace picket::apps::gateway::websocket

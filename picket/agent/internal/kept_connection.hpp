#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "picket/agent/internal/dialling.hpp"
#include "picket/agent/internal/from_files.hpp"
#include "picket/agent/internal/served_connection.hpp"
#include "picket/base/backoff.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/destination.hpp"

namespace picket::agent::internal {

/// What an agent was told to dial, with the certificates that it shows and trusts.
using DialledHost = FromFiles<transport::Destination>;

/// A proxy that is dialled, at one address: what all connections to it share. Thread safety: immutable.
struct DialledProxy {
  std::shared_ptr<DialledHost> host;
  transport::Endpoint address;
  DialOptions options;
  std::string agent_id;
  std::function<void(std::string_view)> log;  ///< may be empty; any thread
  /// Told how many connections the proxy wants, each time that one opens; any thread.
  std::function<void(std::uint32_t)> on_wanted;
};

/// One connection to a proxy that is dialled, and dialled again for as long as it is wanted: after 1 to 60 s, longer
/// from time to time, so that the agents of a proxy that starts again do not all come in one instant.
///
/// Thread safety: its worker's, under enter(). Lifetime: what `like` refers to outlives it; destroyed once it is over,
/// or with its worker.
class KeptConnection {
 public:
  using Begun = std::function<void(std::shared_ptr<ServedConnection>)>;

  /// `like`: how connections of the same worker are served. `begun`: who is told of each that is dialled.
  KeptConnection(std::shared_ptr<const DialledProxy> proxy, const ServedConnection::Terms& like, Begun begun,
                 std::uint32_t seed);
  KeptConnection(const KeptConnection&) = delete;
  KeptConnection& operator=(const KeptConnection&) = delete;

  /// It is wanted: dials, unless it is there, is being made, or was lost just now.
  void want();
  /// It is not wanted any more: not dialled again once it has ended.
  void forgo() noexcept { is_wanted_ = false; }
  /// It is neither there nor wanted.
  [[nodiscard]] bool is_over() const noexcept { return !is_wanted_ && !is_there_; }

 private:
  void dial();
  void opened(ServedConnection& connection);
  void over(const base::Error* reason);
  /// Says what keeps the agent from its proxy, once; and tries again later.
  void failed(const base::Error& reason);
  void say(std::string_view line) const;

  std::shared_ptr<const DialledProxy> proxy_;
  std::shared_ptr<ServedConnection::Terms> terms_;  // its connections', which may outlive it
  Begun begun_;
  base::Backoff backoff_;
  base::Timer retry_;
  base::TimePoint opened_at_{};
  base::TimePoint lost_at_{};
  std::string said_;  // since it was open last
  bool is_wanted_ = false;
  bool is_there_ = false;  // or being made
  bool is_open_ = false;
};

}  // namespace picket::agent::internal

#pragma once

#include <functional>
#include <memory>

#include "picket/base/timer_wheel.hpp"
#include "picket/transport/stream.hpp"

namespace picket::apps::gateway {

/// Notices that a client closes its connection while nobody reads from it: while agents or the upstream are waited for.
///
/// It begins to look a little after start(), so that a request which is served at once pays nothing for it. A client
/// that sends (pipelines) is there. Thread safety: the stream's worker. Lifetime: the stream outlives it; no read may
/// be awaited between start() and stop().
class ClientWatch {
 public:
  ClientWatch(transport::Stream& stream, std::function<void()> on_gone);
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { stop(); }

  void start();
  void stop();

 private:
  static void on_due(void* self, base::TimePoint now);
  void look();
  void readable();

  transport::Stream& stream_;
  std::function<void()> on_gone_;
  base::Timer timer_;
  std::shared_ptr<ClientWatch*> self_;  // null in it once stopped: the pending wait then finds nobody
};

}  // namespace picket::apps::gateway

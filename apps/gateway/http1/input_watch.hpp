#pragma once

#include <functional>
#include <memory>

#include "picket/base/timer_wheel.hpp"
#include "picket/transport/stream.hpp"

namespace picket::apps::gateway::http1 {

/// Notices that there is something to read from a stream, or that its peer has closed it, while nobody reads from it:
/// an upstream that answers while a request is still being written to it.
///
/// It begins to look a little after start(), so that what is done at once pays nothing for it. Thread safety: the
/// stream's worker. Lifetime: the stream outlives it; no read may be awaited between start() and stop(), and no write
/// while stop() is called.
class InputWatch {
 public:
  /// `on_input`: called whenever the stream is readable; returns whether to look on.
  InputWatch(transport::Stream& stream, std::function<bool()> on_input);
  InputWatch(const InputWatch&) = delete;
  InputWatch& operator=(const InputWatch&) = delete;
  ~InputWatch() { stop(); }

  void start();
  /// Without waiting a little first.
  void start_at_once() { on_due(this, {}); }
  void stop();

 private:
  static void on_due(void* self, base::TimePoint now);
  void look();
  void readable();

  transport::Stream& stream_;
  std::function<bool()> on_input_;
  base::Timer timer_;
  std::shared_ptr<InputWatch*> self_;  // null in it once stopped: the pending wait then finds nobody
};

}  // namespace picket::apps::gateway::http1

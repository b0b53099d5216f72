#pragma once

#include <functional>

#include "picket/base/timer_wheel.hpp"
#include "picket/transport/hangup.hpp"
#include "picket/transport/stream.hpp"

namespace picket::apps::gateway::downstream {

/// Notices that a client has left while agents or the upstream are waited for.
///
/// A reset says so at once, and so does nothing else: unread bytes are the next request. An end of stream is a client
/// that left or one that only ended its side: the answer is still sent where it begins in time, and as long as it
/// flows. It begins to listen a little after the first start(), so that what is done at once pays nothing for it, and
/// listens on for as long as it lives.
/// Thread safety: the stream's worker. Lifetime: monitor and stream outlive it.
class ClientWatch {
 public:
  /// `half_closed`: how long after an end of stream the answer may stand still; zero: a client that ends its stream has
  /// left. `on_gone` is called between a start and stop(), never from within either.
  ClientWatch(transport::HangupMonitor& monitor, transport::Stream& client, base::Duration half_closed,
              std::function<void()> on_gone);
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { hangup_.stop(client_.is_open()); }

  /// While something else than the client is waited for.
  void start();
  /// While the client is written to. How long that takes is the client's pace and the write's deadline: an end of
  /// stream counts only where it has no time at all.
  void start_writing();
  void stop() noexcept;
  /// The answer begins or has gone on: an end of stream has its time anew.
  void answer_moves() noexcept;

 private:
  static void on_due(void* self, base::TimePoint now);
  void heard(transport::Hangup hangup);
  void arm();
  [[nodiscard]] bool has_ended() const noexcept { return gone_at_ != base::TimePoint::max(); }

  transport::Stream& client_;
  const base::Duration half_closed_;
  std::function<void()> on_gone_;
  transport::HangupWatch hangup_;
  base::Timer timer_;
  base::TimePoint listens_at_{};                      // set by the first start
  base::TimePoint gone_at_ = base::TimePoint::max();  // from then on its stream's end means that the client left
  bool running_ = false;
  bool was_reset_ = false;
};

}  // namespace picket::apps::gateway::downstream

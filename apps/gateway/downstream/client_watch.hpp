#pragma once

#include <functional>

#include "picket/base/timer_wheel.hpp"
#include "picket/transport/hangup.hpp"
#include "picket/transport/stream.hpp"

namespace picket::apps::gateway::downstream {

/// Notices that a client has left while agents or the upstream are waited for.
///
/// A reset says so at once, and so does nothing else: unread bytes are the next request. An end of stream is a client
/// that left or one that only ended its side: the answer is still sent where it begins in time. It begins to listen a
/// little after start(), so that what is done at once pays nothing for it, and listens on for as long as it lives.
/// Thread safety: the stream's worker. Lifetime: monitor and stream outlive it.
class ClientWatch {
 public:
  /// `half_closed`: how long an answer may take to begin after an end of stream. `on_gone` is called between start()
  /// and stop(), never from within either.
  ClientWatch(transport::HangupMonitor& monitor, transport::Stream& client, base::Duration half_closed,
              std::function<void()> on_gone);
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { hangup_.stop(client_.is_open()); }

  void start();
  void stop() noexcept;
  /// From here on an end of stream is what HTTP takes it for: the client's side alone.
  void answer_begins() noexcept { answering_ = true; }

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
  base::TimePoint gone_at_ = base::TimePoint::max();  // from then on its stream's end means that the client left
  bool running_ = false;
  bool answering_ = false;
};

}  // namespace picket::apps::gateway::downstream

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include <sys/epoll.h>

#include "picket/transport/descriptor.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// How a peer left while nobody read from it.
enum class Hangup : std::uint8_t {
  end_of_stream,  ///< It sends nothing more. It may still read (RFC 9112 §9.6), and nobody can tell.
  reset,          ///< It is gone.
};

class HangupWatch;

/// One worker's ear for peers that leave. Bytes that nobody reads say nothing here: the loop's own waits would report
/// them again and again, and never what comes behind them. A poll of its own asks the kernel for EPOLLRDHUP alone, and
/// costs the loop nothing until somebody leaves.
///
/// Thread safety: the worker's. Lifetime: outlives its watches, not the worker. Errors: its making throws
/// std::system_error where the kernel gives no descriptor. Complexity: O(1) per watch, with a system call to start and
/// one to stop; up to 64 are told at once.
class HangupMonitor {
 public:
  /// One for each worker: it takes one descriptor.
  explicit HangupMonitor(Worker& worker);
  HangupMonitor(const HangupMonitor&) = delete;
  HangupMonitor& operator=(const HangupMonitor&) = delete;

  [[nodiscard]] Worker& worker() noexcept { return poll_.worker(); }

 private:
  friend class HangupWatch;
  void wait();
  void dispatch();
  void set(int operation, int descriptor, HangupWatch& watch, std::uint32_t events) noexcept;
  void forget(HangupWatch& watch) noexcept;

  Descriptor poll_;
  std::array<epoll_event, 64> events_{};
  std::span<epoll_event> batch_;  // what dispatch() has still to tell
};

/// Listens for one peer, from start() to stop(), while nobody reads from it: who reads learns of the end by himself.
///
/// Thread safety: its monitor's worker. Lifetime: its end stops it. stop() comes before the descriptor is closed, or
/// says that it was. Errors: none; a descriptor that the kernel cannot watch is one whose peer never leaves.
///
///   const auto left = [&](transport::Hangup) { cancel.request(wire::CancelReason::client_disconnect); };
///   transport::HangupWatch watch{monitor, left};
///   watch.start(stream.descriptor());
///   …                             // while nobody reads from the stream
///   watch.stop(stream.is_open());
class HangupWatch {
 public:
  /// `on_hangup` is called once for each way to leave; it may destroy the watch.
  HangupWatch(HangupMonitor& monitor, std::function<void(Hangup)> on_hangup)
      : monitor_(monitor), on_hangup_(std::move(on_hangup)) {}
  HangupWatch(const HangupWatch&) = delete;
  HangupWatch& operator=(const HangupWatch&) = delete;
  ~HangupWatch();

  [[nodiscard]] HangupMonitor& monitor() noexcept { return monitor_; }
  [[nodiscard]] bool started() const noexcept { return descriptor_ >= 0; }
  /// `descriptor`: a connected socket, which stays its owner's. What has happened before is told, too. The one before,
  /// which is open where it was not stopped, is listened to no more.
  void start(int descriptor) noexcept;
  /// `is_open`: whether the descriptor still is; the kernel forgets closed ones by itself, and their numbers go to
  /// others. `on_hangup` is not called after this. Nothing where it was not started.
  void stop(bool is_open) noexcept;

 private:
  friend class HangupMonitor;
  void heard(std::uint32_t events);

  HangupMonitor& monitor_;
  std::function<void(Hangup)> on_hangup_;
  int descriptor_ = -1;
};

}  // namespace picket::transport

#pragma once

#include <coroutine>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "picket/base/result.hpp"
#include "picket/transport/descriptor.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/listen_options.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// A connection that a listener has taken, and whose it is: as the accept has it, since a peer that resets the
/// connection afterwards cannot be asked for any more.
struct Accepted {
  int descriptor = -1;
  sockaddr_storage peer{};
};

/// A listening socket of one worker.
///
/// On a Unix socket a stale file is removed only after a connection to it was refused, by one process at a time (a live
/// server is never unseated, nor one that is just starting), the file gets its mode before it accepts anybody, and each
/// peer's user id is checked by the kernel's credentials. The file is removed on close. Thread safety: its worker's
/// thread only.
class Listener {
 public:
  /// Binds and listens. Errors: io or connection_failed, naming address and reason.
  [[nodiscard]] static base::Result<Listener> open(Worker& worker, const Endpoint& endpoint,
                                                   const ListenOptions& options);
  /// Whether nobody listens at a TCP endpoint, not even somebody who would share it: binds it alone and lets it go.
  /// Never listens, so that no client gets a connection that nobody serves. Errors: as open().
  [[nodiscard]] static base::Status probe(const Endpoint& endpoint);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  /// Awaitable; Result<Accepted>: its descriptor is non-blocking and the caller's to own: adopt() it, on this worker or
  /// (through Worker::post) another. A peer that may not connect is closed and not reported. Errors: connection_closed
  /// after close(); io, e.g. out of descriptors: wait, try again.
  class Accept;
  [[nodiscard]] Accept accept();

  /// Ends a connection that it has taken. Its descriptor becomes the spare one where that is given up: freed, another
  /// thread that waits for one would have it before the next accept. Awaited operations end with connection_closed.
  void end(Stream& stream) noexcept;

  /// Ends a pending accept and removes the socket file.
  void close() noexcept;
  /// The address it listens on, with the port the kernel chose for port 0.
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  Listener(Worker& worker, Endpoint endpoint, int descriptor, const ListenOptions& options);
  [[nodiscard]] bool may_connect(int descriptor);
  /// accept4, which takes the spare descriptor where there is no other. Returns -1 with errno where there is nothing.
  [[nodiscard]] int accept_one(sockaddr_storage& peer) noexcept;
  void keep_spare() noexcept;

  Endpoint endpoint_;
  Descriptor socket_;
  std::vector<uid_t> allowed_uids_;
  std::function<void(uid_t)> on_refused_;
  std::function<void(const base::Error&)> on_failed_;
  bool keeps_spare_;
  int spare_ = -1;
  std::optional<std::pair<dev_t, ino_t>> file_;  // what we made, so that close() never removes another's file
};

class Listener::Accept {
 public:
  explicit Accept(Listener& listener) noexcept : listener_(listener) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Result<Accepted> await_resume();

 private:
  void try_accept();
  void readable(const Completion&);
  /// Takes a connection. Returns whether there is an outcome: one, or an error.
  [[nodiscard]] bool take_one();

  Listener& listener_;
  Resumption waiting_;
  base::Result<Accepted> result_{Accepted{}};
};

/// Accepts until the listener is closed and hands each connection to `take`, which owns its descriptor. Out of
/// descriptors it waits and goes on.
[[nodiscard]] Task<void> accept_all(Listener& listener, Worker& worker, std::function<void(const Accepted&)> take);

}  // namespace picket::transport

#pragma once

#include <coroutine>
#include <functional>
#include <vector>

#include <sys/types.h>

#include "picket/base/result.hpp"
#include "picket/transport/descriptor.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/listen_options.hpp"
#include "picket/transport/listening_socket.hpp"
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
/// On a Unix socket each peer's user id is checked by the kernel's credentials; for the file see ListeningSocket, which
/// is removed on close.
///
///   auto listener = transport::Listener::open(worker, endpoint, {});
///   if (!listener) return listener.error();
///   transport::spawn(transport::accept_all(*listener, worker, [&](const transport::Accepted& accepted) {
///     transport::spawn(serve(transport::adopt(worker, accepted.descriptor)));
///   }));
///
/// Several workers share an address by a listener each, with ListenOptions::reuse_port: the kernel shares connections
/// out. Where the process has no descriptors left, one that is kept in reserve (ListenOptions::keeps_spare) lets it
/// still take a connection.
///
/// Thread safety: its worker's thread only. Lifetime: outlives its pending accept, and what accept_all() awaits.
class Listener {
 public:
  /// Binds and listens. Errors: io or connection_failed, naming address and reason.
  [[nodiscard]] static base::Result<Listener> open(Worker& worker, const Endpoint& endpoint,
                                                   const ListenOptions& options);
  /// Accepts from a socket that listens. `options`: who may connect, and who is told; how it is made does not matter
  /// any more. Errors: io, out of memory.
  [[nodiscard]] static base::Result<Listener> take(Worker& worker, ListeningSocket socket,
                                                   const ListenOptions& options);

  /// Not while an accept is awaited.
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

  /// Ends a pending accept and removes the socket file. What has connected and was not accepted is reset by the kernel,
  /// unless somebody else has the socket, too. Closing twice is closing once.
  void close() noexcept;
  /// The address it listens on, with the port the kernel chose for port 0.
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return place_.endpoint(); }

 private:
  Listener(Worker& worker, ListeningSocket socket, const ListenOptions& options);
  [[nodiscard]] bool may_connect(int descriptor);
  /// accept4, which takes the spare descriptor where there is no other. Returns -1 with errno where there is nothing.
  [[nodiscard]] int accept_one(sockaddr_storage& peer) noexcept;
  void keep_spare() noexcept;

  ListeningSocket place_;  // its address and file; the descriptor is watched
  Descriptor socket_;
  std::vector<uid_t> allowed_uids_;
  std::function<void(uid_t)> on_refused_;
  std::function<void(const base::Error&)> on_failed_;
  bool keeps_spare_;
  int spare_ = -1;
};

/// Of accept(). Thread safety, lifetime: the listener's; one at a time.
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
/// descriptors it waits and goes on. `take` is called from the loop. Lifetime: the listener is closed, and the task
/// over, before it goes.
[[nodiscard]] Task<void> accept_all(Listener& listener, Worker& worker, std::function<void(const Accepted&)> take);

}  // namespace picket::transport

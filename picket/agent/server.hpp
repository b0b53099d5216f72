#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "picket/agent/dial.hpp"
#include "picket/agent/handler_factory.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/listen_options.hpp"
#include "picket/transport/tls/options.hpp"

namespace picket::agent {

/// Where handlers run. The choice is between one handler per worker that nothing else touches, and one that several
/// threads share.
enum class Execution : std::uint8_t {
  on_loop,      ///< On the event loop: for handlers that answer within microseconds, or defer.
  handed_over,  ///< `threads` evaluate what one more has read: for handlers that compute for long. That one always
                ///< hears pings and cancels.
};

/// How an agent is served. Thread safety: a value; `log` is called from any of the server's threads, and must bear
/// that. Lifetime: what `log` refers to outlives the server.
struct ServerOptions {
  /// Where it listens, all at once: "unix:PATH", "grpc+unix:PATH", "tls:IP:PORT" or "grpcs:IP:PORT", or with
  /// `insecure` "tcp:IP:PORT" or "grpc:IP:PORT" (transport/endpoint.hpp); none: nowhere, for an agent that dials.
  std::vector<std::string> listen;
  DialOptions dial;
  bool insecure = false;  ///< Everybody on the way may read what is said and answer in this agent's place.
  transport::tls::ServerOptions
      tls;  ///< of "tls:" and "grpcs:"; the files are read by start(), and again when they have changed
  std::uint32_t threads = 1;  ///< 0: one per core
  Execution execution = Execution::on_loop;
  transport::ListenOptions socket;  ///< of each; on_refused is the server's: it goes to `log`
  bool busy_polling = true;         ///< on_loop: stays awake for waits that have proved short (transport/busy_poll.hpp)
  base::Duration drain_timeout = std::chrono::seconds{10};  ///< for exchanges under way at stop()
  /// How often proxies are told what handlers count (Metrics); 0: never.
  base::Duration metrics_interval = std::chrono::seconds{10};
  /// How often they are told how the agent is, with its load and what it uses, beside what it says by itself
  /// (AgentHandle); 0: never.
  base::Duration health_interval = base::Duration::zero();
  std::size_t max_connections = 1024;  ///< over it, new ones are closed at once
  std::function<void(std::string_view)>
      log;  ///< connections that ended for a reason worth knowing, peers turned away; may be empty; any thread
};

/// Serves a handler on sockets, or on connections that it dials, until it is told to stop.
///
///   Server server{{.listen = {"unix:/run/denylist.sock"}}, [] { return std::make_unique<Denylist>(); }};
///   if (const auto started = server.start(); !started) return complain(started.error());
///   server.wait();  // until another thread calls stop()
///
/// Thread safety: stop() from any thread; start() and wait() from one. Lifetime: destroying it stops it without
/// draining, and destroys the handlers; not from one of its own threads, which it waits for.
/// Complexity: a thread for each loop; with Execution::handed_over those that evaluate and one more.
class Server {
 public:
  /// Makes the handlers, here and now. Errors: what the factory throws.
  Server(ServerOptions options, const HandlerFactory& factory);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Listens, dials, and serves on threads of its own. Errors: a listener's, of addresses that are none, and of the
  /// TLS files; then it listens nowhere. Not that a proxy is not there yet.
  [[nodiscard]] base::Status start();
  /// Stops accepting, tells every proxy that it drains, lets exchanges end (drain_timeout), then closes. Returns at
  /// once; wait() returns when it is done.
  void stop();
  /// Until the last of its threads has ended; at once where none was started.
  void wait();

  /// The addresses it listens on, in the order and spelling of `listen`, with the port that the kernel chose for port
  /// 0; none before start().
  [[nodiscard]] std::vector<std::string> addresses() const;
  /// Connections that it has accepted and that are open now. Any thread.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace picket::agent

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include "picket/base/buffer.hpp"
#include "picket/base/error.hpp"
#include "picket/pool/reverse/registry.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/listen_options.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::pool::reverse {

/// Connections of one listener whose registration is not whole, and those that are being told why they may not stay.
inline constexpr std::size_t most_unregistered = 128;
inline constexpr std::size_t most_refused = 128;

/// How agents that dial are heard. What may change while it listens.
struct Hearing {
  base::Duration handshake_timeout = std::chrono::seconds{10};  ///< From the accept to the whole registration; > 0.
  std::shared_ptr<const transport::tls::Context> tls;           ///< Of a server; null: in clear.
};

/// Where agents dial, and how they are heard. A value. For the socket itself see transport::ListenOptions.
struct ListenerOptions {
  transport::Endpoint endpoint;
  transport::ListenOptions socket{.backlog = 128};
  Hearing hearing;
  /// Connections whose registration is not whole. Over it the one that has waited longest has to go, once it has had
  /// a second: whoever opens many and says nothing does not keep others out.
  std::size_t max_unregistered = most_unregistered;
  /// Told of each connection that was refused, from where and why; may be empty.
  std::function<void(std::string_view peer, const base::Error& reason)> on_refused;
};

/// Accepts agents that dial the proxy, hears their registration, and refuses them with the reason or hands them on
/// (protocol.md §8).
///
/// Thread safety: its registry's worker. Lifetime: shared by what it has accepted; its registry outlives it. Memory:
/// max_unregistered times most_registration bytes.
///
///   auto listener = reverse::Listener::open(registry, {.endpoint = *endpoint});
///   if (!listener) return listener.error();
///   (*listener)->start();
///   …
///   (*listener)->close();  // and turn the worker until is_over()
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  /// Bytes of a registration with its header. What is longer is refused as message_too_large.
  static constexpr std::size_t most_registration = std::size_t{64} * 1024;

  /// Binds and listens; accepts nobody yet. Errors: the socket's.
  [[nodiscard]] static base::Result<std::shared_ptr<Listener>> open(Registry& registry, ListenerOptions options);
  /// The same on a socket that listens already, at whatever endpoint.
  [[nodiscard]] static base::Result<std::shared_ptr<Listener>> open(Registry& registry, ListenerOptions options,
                                                                    transport::ListeningSocket socket);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Once.
  void start();
  /// For those that come from now on.
  void hear_by(Hearing hearing) { options_.hearing = std::move(hearing); }
  /// Accepts nothing more; whose registration is not whole is told so. Connections that were handed on stay. Closing
  /// twice is closing once.
  void close();
  /// Whether, after close(), nothing is left that it does.
  [[nodiscard]] bool is_over() const noexcept { return !is_accepting_ && unregistered_.empty() && refusing_ == 0; }

  /// With the port that the kernel chose for port 0.
  [[nodiscard]] const transport::Endpoint& endpoint() const noexcept { return listener_.endpoint(); }
  /// Connections whose registration is not whole.
  [[nodiscard]] std::size_t unregistered() const noexcept { return unregistered_.size(); }

 private:
  /// One connection until it has registered.
  struct Peer : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    Peer(transport::Channel channel, std::string address_in, base::TimePoint now)
        : stream(std::move(channel)), address(std::move(address_in)), since(now) {}

    transport::Stream stream;
    std::string address;
    base::TimePoint since;
    std::string_view sent_away;  // why, where it is not for what it said
  };
  using Peers = boost::intrusive::list<Peer, boost::intrusive::constant_time_size<false>>;

  Listener(Registry& registry, ListenerOptions options, transport::Listener listener)
      : registry_(registry), options_(std::move(options)), listener_(std::move(listener)) {}

  static transport::Task<void> accept(std::shared_ptr<Listener> self);
  static transport::Task<void> serve(std::shared_ptr<Listener> self, transport::Accepted accepted);
  /// Until there is room for one more.
  [[nodiscard]] transport::Task<void> make_room();
  [[nodiscard]] transport::Task<base::Result<Connection>> hear(Peer& peer);
  [[nodiscard]] transport::Task<base::Status> read_frame(Peer& peer, base::Buffer& bytes);
  [[nodiscard]] transport::Task<void> refuse(Peer& peer, base::Error reason);
  void send_away(Peer& peer, std::string_view reason);

  Registry& registry_;
  ListenerOptions options_;
  transport::Listener listener_;
  Peers unregistered_;        // the longest first
  std::size_t refusing_ = 0;  // that are being told why
  bool is_accepting_ = false;
  bool is_closed_ = false;
};

}  // namespace picket::pool::reverse

#include "picket/agent/server.hpp"

#include <algorithm>
#include <bit>
#include <list>
#include <ranges>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "picket/agent/internal/dialled_name.hpp"
#include "picket/agent/internal/kept_connection.hpp"
#include "picket/agent/internal/self_report.hpp"
#include "picket/agent/internal/shard.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::agent {
namespace {

// Connections to one proxy, whatever it wants.
constexpr std::uint32_t most_wanted = 256;

std::uint32_t threads_of(const ServerOptions& options) {
  return options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
}

/// Of those beside the one that listens, so that pings, cancels and new connections never wait for an evaluation: a
/// proxy would take the agent for dead.
std::uint32_t evaluating_threads(const ServerOptions& options) {
  return options.execution == Execution::handed_over ? threads_of(options) : 0;
}

base::Error listed_twice(const transport::Endpoint& endpoint) {
  return base::fail(base::ErrorKind::connection_failed, fmt::format("{} is listed twice", endpoint.text()));
}

}  // namespace

class Server::Impl final : private internal::DialledName::Owner {
 public:
  Impl(ServerOptions options, const HandlerFactory& factory)
      : options_(std::move(options)), report_(options_.metrics_interval) {
    const std::uint32_t evaluating = evaluating_threads(options_);
    const std::uint32_t shards = evaluating == 0 ? threads_of(options_) : 1;
    threads_per_shard_ = evaluating + 1;
    for (std::uint32_t i = 0; i < shards; ++i)
      shards_.push_back(std::make_unique<internal::Shard>(options_, factory, report_));
    report_.standing.on_change([this](const Health&) {
      for (auto& shard : shards_) shard->post([&shard = *shard] { shard.health_changed(); });
    });
  }

  ~Impl() {
    report_.standing.on_change(nullptr);
    // The accepting task must come to its end while its loop still runs.
    auto& accepting = shards_.front()->worker();
    accepting.post([this, &accepting] {
      close_listeners();
      accepting.stop();
    });
    for (auto& shard : shards_ | std::views::drop(1)) shard->worker().stop();
    wait();
  }

  base::Status start() {
    if (options_.listen.empty() && options_.dial.proxies.empty())
      return base::fail(base::ErrorKind::connection_failed, "an agent listens or dials: nothing says where");
    auto hosts = dialled_hosts();
    if (!hosts) return std::move(hosts.error());
    PICKET_TRY(listen());
    for (auto& shard : shards_)
      for (std::uint32_t i = 0; i < threads_per_shard_; ++i)
        threads_.emplace_back([&worker = shard->worker()] { worker.run(); });
    shards_.front()->worker().post([this, hosts = std::move(*hosts)] {
      for (const auto& host : hosts) dial(host);
    });
    return {};
  }

  void stop() {
    // One after the other: a loop that has drained stops, and the accepting task must have come to its end by then.
    shards_.front()->worker().post([this] {
      close_listeners();
      names_.clear();
      for (auto& shard : shards_) shard->worker().post([&shard = *shard] { shard.drain(); });
    });
  }

  void wait() {
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }

  [[nodiscard]] std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    for (const auto& listening : listeners_) all.push_back(listening.listener.endpoint().spelled());
    return all;
  }
  [[nodiscard]] std::size_t connections() const noexcept {
    std::size_t total = 0;
    for (const auto& shard : shards_) total += shard->connections();
    return total;
  }

 private:
  /// A socket, and what is spoken on it.
  struct Listening {
    transport::Listener listener;
    internal::Spoken spoken;
  };

  /// Everywhere, or nowhere.
  base::Status listen() {
    options_.socket.on_refused = [this](uid_t peer) { note_refused(peer); };
    std::list<Listening> opened;
    for (const auto& address : options_.listen) {
      auto listening = open(address, opened);
      if (!listening) return std::move(listening.error());
      opened.push_back(std::move(*listening));
    }
    listeners_.swap(opened);
    for (auto& one : listeners_)
      transport::spawn(transport::accept_all(
          one.listener, shards_.front()->worker(),
          [this, &one](const transport::Accepted& accepted) { take(accepted.descriptor, one.spoken); }));
    return {};
  }

  /// One more, beside those that are open already.
  base::Result<Listening> open(const std::string& address, const std::list<Listening>& opened) {
    const auto endpoint = transport::Endpoint::parse(address, clear_text());
    if (!endpoint) return endpoint.error();
    if (std::ranges::any_of(opened, [&](const Listening& one) { return endpoint->is_where(one.listener.endpoint()); }))
      return listed_twice(*endpoint);
    auto tls = certificates(*endpoint);
    if (!tls) return std::move(tls.error());
    auto listener = transport::Listener::open(shards_.front()->worker(), *endpoint, options_.socket);
    if (!listener) return std::move(listener.error());
    return Listening{std::move(*listener), {.carrier = endpoint->carrier(), .tls = std::move(*tls)}};
  }

  /// Null where it is in clear.
  base::Result<std::shared_ptr<internal::Certificates>> certificates(const transport::Endpoint& endpoint) const {
    if (!endpoint.is_tls()) return std::shared_ptr<internal::Certificates>{};
    transport::tls::ServerOptions terms = options_.tls;
    if (endpoint.carrier() == transport::Carrier::grpc) terms.protocols.alpn = {std::string{transport::tls::http2}};
    return internal::Certificates::create([terms] { return transport::tls::edition_of(terms); },
                                          [terms] { return transport::tls::Context::server(terms); }, options_.log);
  }

  void close_listeners() {
    for (auto& one : listeners_) one.listener.close();
  }

  [[nodiscard]] transport::ClearText clear_text() const noexcept {
    return options_.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
  }

  base::Result<std::vector<std::shared_ptr<internal::DialledHost>>> dialled_hosts() const {
    std::vector<std::shared_ptr<internal::DialledHost>> all;
    std::vector<transport::Endpoint> before;
    const auto& tls = options_.dial.tls;
    for (const auto& address : options_.dial.proxies) {
      const auto endpoint = internal::dialled_endpoint(address, clear_text());
      if (!endpoint) return endpoint.error();
      if (std::ranges::any_of(before, [&](const auto& one) { return endpoint->is_where(one); }))
        return listed_twice(*endpoint);
      before.push_back(*endpoint);
      auto host = internal::DialledHost::create(
          [tls, is_tls = endpoint->is_tls()] { return is_tls ? transport::tls::edition_of(tls) : std::string{}; },
          [tls, where = *endpoint] { return transport::Destination::make(where, tls); }, options_.log);
      if (!host) return std::move(host.error());
      all.push_back(std::move(*host));
    }
    return all;
  }

  // ---- what is dialled; on the first shard's thread, under enter()

  void dial(const std::shared_ptr<internal::DialledHost>& host) {
    const transport::Endpoint endpoint = host->current().endpoint();
    if (!endpoint.is_name()) return on_proxy(host, endpoint);
    internal::DialledName::Owner& owner = *this;
    names_.emplace_back(shards_.front()->worker(), host, options_.dial, owner, options_.log);
  }

  void on_proxy(const std::shared_ptr<internal::DialledHost>& host, const transport::Endpoint& address) override {
    const std::string& id = options_.dial.agent_id;
    auto proxy = std::make_shared<internal::DialledProxy>(
        internal::DialledProxy{.host = host,
                               .address = address,
                               .options = options_.dial,
                               .agent_id = id.empty() ? shards_.front()->agent_id() : id,
                               .log = options_.log,
                               .on_wanted = {}});
    proxy->on_wanted = [this, held = std::weak_ptr{proxy}](std::uint32_t wanted) {
      shards_.front()->worker().post([this, held, wanted] {
        const auto still = held.lock();
        if (std::ranges::find(dialled_, still) != dialled_.end()) keep(still, wanted);
      });
    };
    dialled_.push_back(proxy);
    keep(proxy, 1);
  }

  void on_proxy_left(const transport::Endpoint& address) override {
    const auto left = std::ranges::find_if(
        dialled_, [&](const auto& proxy) { return proxy->address.spelled() == address.spelled(); });
    if (left == dialled_.end()) return;
    const auto proxy = *left;
    dialled_.erase(left);
    keep(proxy, 0);
  }

  /// So many connections to it, over the shards in turn.
  void keep(const std::shared_ptr<const internal::DialledProxy>& proxy, std::uint32_t wanted) {
    wanted = std::min(wanted, most_wanted);
    for (auto& shard : shards_) shard->worker().post([&shard = *shard, proxy, wanted] { shard.forgo(proxy, wanted); });
    for (std::uint32_t i = 0; i < wanted; ++i) {
      internal::Shard& shard = *shards_[i % shards_.size()];
      shard.worker().post([&shard, proxy, i] { shard.keep(proxy, i); });
    }
  }

  /// A new connection goes to the shard that has the fewest.
  void take(int descriptor, const internal::Spoken& spoken) {
    if (connections() >= options_.max_connections) {
      ::close(descriptor);
      return;
    }
    const auto least = std::ranges::min_element(shards_, {}, [](const auto& shard) { return shard->connections(); });
    internal::Shard& shard = **least;
    shard.expect();
    if (&shard == shards_.front().get()) {
      shard.serve(descriptor, spoken);
    } else {
      shard.worker().post([&shard, descriptor, &spoken] { shard.serve(descriptor, spoken); });
    }
  }

  /// Said ever more seldom: who may open the socket must not be able to fill the log.
  void note_refused(uid_t peer) {
    if (!options_.log || !std::has_single_bit(++refused_)) return;
    options_.log(fmt::format("turned a peer away: its user is not allowed (user id {}; {} so far)", peer, refused_));
  }

  ServerOptions options_;
  internal::SelfReport report_;
  std::uint64_t refused_ = 0;                                           // of the listener's thread
  std::vector<std::shared_ptr<const internal::DialledProxy>> dialled_;  // the first shard's
  std::vector<std::unique_ptr<internal::Shard>> shards_;
  std::list<internal::DialledName> names_;  // the first shard's
  std::list<Listening> listeners_;          // outlives the threads, which hold on to what is spoken
  std::uint32_t threads_per_shard_ = 1;
  std::vector<std::thread> threads_;
};

Server::Server(ServerOptions options, const HandlerFactory& factory)
    : impl_(std::make_unique<Impl>(std::move(options), factory)) {}
Server::~Server() = default;
base::Status Server::start() { return impl_->start(); }
void Server::stop() { impl_->stop(); }
void Server::wait() { impl_->wait(); }
std::vector<std::string> Server::addresses() const { return impl_->addresses(); }
std::size_t Server::connections() const noexcept { return impl_->connections(); }

}  // namespace picket::agent

#include "picket/agent/server.hpp"

#include <atomic>
#include <bit>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <ranges>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "picket/agent/internal/dialled_name.hpp"
#include "picket/agent/internal/from_files.hpp"
#include "picket/agent/internal/kept_connection.hpp"
#include "picket/agent/internal/self_report.hpp"
#include "picket/agent/internal/served_connection.hpp"
#include "picket/agent/internal/wall_clock.hpp"
#include "picket/session/handshake.hpp"
#include "picket/transport/frame_link.hpp"
#include "picket/transport/grpc_server.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/worker.hpp"

namespace picket::agent {
namespace {

using std::chrono::milliseconds;

// How often a draining worker looks whether its exchanges have ended, and how long it lets events come in that were on
// their way.
constexpr base::Duration drain_look = milliseconds{10};
constexpr base::Duration drain_grace = milliseconds{100};

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

/// What a proxy is told of the handler.
session::AgentInfo declaration(const ServerOptions& options, const HandlerFactory& factory,
                               const internal::AnyHandler& handler) {
  session::AgentInfo info = factory.declaration(handler.info());
  info.features.metrics_export = options.metrics_interval != base::Duration::zero() && !handler.metrics().empty();
  info.features.flow_control = true;
  info.features.health_reporting = true;
  if (options.health_interval != base::Duration::zero())
    info.health = wire::HealthConfig{.report_interval_ms = static_cast<std::uint32_t>(
                                         std::chrono::duration_cast<milliseconds>(options.health_interval).count()),
                                     .include_load_metrics = true,
                                     .include_resource_metrics = true};
  return info;
}

/// What is listened with over TLS.
using Certificates = internal::FromFiles<std::shared_ptr<const transport::tls::Context>>;

/// One event loop with its handler and its connections.
class Shard {
 public:
  Shard(const ServerOptions& options, const HandlerFactory& factory, internal::SelfReport& report)
      : worker_({.threading = options.execution == Execution::on_loop ? transport::Threading::single
                                                                      : transport::Threading::shared,
                 .busy_polling = options.busy_polling}),
        handler_(factory.make()),
        mailbox_(std::make_shared<Mailbox>(worker_)),
        terms_{.worker = worker_,
               .handler = *handler_,
               .mailbox = mailbox_,
               .execution = options.execution,
               .config = std::make_shared<session::AgentConfig>(
                   session::AgentConfig{.info = declaration(options, factory, *handler_)}),
               .log = options.log,
               .workload = report.add_worker(handler_->info().id, handler_->metrics()),
               .measures_latency = options.health_interval != base::Duration::zero(),
               .on_open = [this](internal::ServedConnection& connection) { greet(connection); },
               .on_over = [this](internal::ServedConnection& connection, const base::Error*) { forget(connection); }},
        accepted_terms_(std::make_shared<internal::ServedConnection::Terms>(terms_)),
        report_(report),
        metrics_timer_([](void* self, base::TimePoint now) { static_cast<Shard*>(self)->report_metrics(now); }, this),
        health_timer_([](void* self, base::TimePoint now) { static_cast<Shard*>(self)->report_health(now); }, this),
        drain_timer_(&Shard::on_drain_timer, this),
        drain_timeout_(options.drain_timeout),
        health_interval_(options.health_interval) {
    accepted_terms_->on_over = [this](internal::ServedConnection& connection, const base::Error* reason) {
      accepted_over(connection, reason);
    };
    handler_->standing().on_change([&report](const Health& health) { report.standing.report(health); });
  }

  ~Shard() {
    handler_->standing().on_change(nullptr);
    mailbox_->close();
    close_all();
  }

  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }
  /// Runs on the shard's thread. Any thread.
  void post(std::move_only_function<void()> job) { mailbox_->post(std::move(job)); }
  [[nodiscard]] std::size_t connections() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// Reserves a place before the descriptor travels to this shard.
  void expect() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }

  /// Before it serves: what all of its connections speak. `tls`: null where it is in clear.
  void speak(transport::Carrier carrier, std::shared_ptr<Certificates> tls) {
    carrier_ = carrier;
    tls_ = std::move(tls);
  }

  /// As the handler names its agent.
  [[nodiscard]] const std::string& agent_id() const noexcept { return terms_.config->info.agent_id; }

  /// On the shard's thread, under enter().
  void serve(int descriptor) {
    if (draining_) {
      ::close(descriptor);
      count_.fetch_sub(1, std::memory_order_relaxed);
    } else if (carrier_ == transport::Carrier::grpc) {
      serve_grpc(descriptor);
    } else {
      serve_frames(descriptor);
    }
  }

  /// The agent said how it is.
  void health_changed() {
    tell_health();
    for (const auto& server : grpc_servers_) server->set_serving(health().serves());
  }

  /// Has one more connection to a proxy that is dialled; nothing where it has it. On the shard's thread, under enter().
  void keep(const std::shared_ptr<const internal::DialledProxy>& proxy, std::uint32_t index) {
    if (draining_) return;
    auto& kept = kept_[{proxy.get(), index}];
    if (!kept)
      kept = std::make_unique<internal::KeptConnection>(
          proxy, terms_, [this](auto connection) { connections_.push_back(std::move(connection)); }, seed(index));
    kept->want();
  }
  /// The proxy wants fewer than that.
  void forgo(const std::shared_ptr<const internal::DialledProxy>& proxy, std::uint32_t wanted) {
    for (const auto& [place, kept] : kept_)
      if (place.first == proxy.get() && place.second >= wanted) kept->forgo();
    std::erase_if(kept_, [](const auto& entry) { return entry.second->is_over(); });
  }

  void drain() {
    if (draining_) return;
    draining_ = true;
    for (const auto& [place, kept] : kept_) kept->forgo();
    const base::TimePoint now = worker_.now();
    drain_until_ = now + drain_timeout_;
    quiet_since_ = now;
    if (const auto last = report_.metrics.last(now)) tell_all(last->message);
    tell_health();
    for (const auto& server : grpc_servers_) server->drain(drain_timeout_);
    worker_.timers().arm(drain_timer_, now + drain_look);
  }

 private:
  /// Of a connection that was accepted: with TLS where that is spoken.
  [[nodiscard]] transport::Channel channel(int descriptor) {
    return transport::Channel{worker_, descriptor, tls_ ? tls_->current()->layer() : nullptr};
  }
  void serve_frames(int descriptor) {
    begin(
        [&](std::unique_ptr<session::AgentOpening> opening, transport::AgentLink::Owner& owner) {
          return transport::FrameLink<session::AgentSession>::adopt(channel(descriptor), std::move(opening), owner);
        },
        session::socket_handshake);
  }
  /// Another one for each connection and process.
  [[nodiscard]] static std::uint32_t seed(std::uint32_t index) {
    const auto now = static_cast<std::uint32_t>(base::Clock::now().time_since_epoch().count());
    return now + (index + static_cast<std::uint32_t>(::getpid())) * 0x9E3779B9U;
  }
  /// One connection, on which a proxy may begin several conversations.
  void serve_grpc(int descriptor) {
    auto server = std::make_shared<transport::GrpcServer>(
        channel(descriptor), [this](const transport::MakeAgentLink& make) { begin(make, session::grpc_handshake); },
        [this](transport::GrpcServer& over) {
          std::erase_if(grpc_servers_, [&](const auto& held) { return held.get() == &over; });
          count_.fetch_sub(1, std::memory_order_relaxed);
        },
        [this](const transport::grpc::ControlSaid& said, const transport::grpc::ControlAnswer& answer) {
          std::visit([&](const auto* message) { hear(*message, answer); }, said);
        });
    grpc_servers_.push_back(server);
    server->set_serving(health().serves());
    server->start();
  }
  void begin(const transport::MakeAgentLink& make, const wire::Format& format) {
    auto connection = std::make_shared<internal::ServedConnection>(accepted_terms_);
    connections_.push_back(connection);
    connection->start(make, std::make_unique<session::AgentHandshake>(terms_.config, format));
  }

  // ---- what is said unasked

  /// What a proxy that has just come has missed.
  void greet(internal::ServedConnection& connection) {
    const base::TimePoint now = worker_.now();
    if (const auto report = report_.metrics.latest(now)) connection.send(report->message);
    if (const Health said = health(); said.state != wire::HealthState::healthy) {
      base::Arena memory;
      connection.send(report_.status(said, memory));
    }
    arm(metrics_timer_, report_.metrics.interval());
    arm(health_timer_, health_interval_);
  }
  // What another process of this agent says of it, on a ControlStream, is told to the proxies as if the handler had.
  void hear(const wire::HealthStatus& status, const transport::grpc::ControlAnswer&) {
    report_.standing.report(internal::health_of(status));
  }
  void hear(const wire::ConfigUpdateRequest& request, const transport::grpc::ControlAnswer& answer) {
    const auto answered = [id = std::string{request.request_id}, answer](std::optional<ConfigAnswer> came) {
      if (!came) came = ConfigAnswer{.accepted = false, .error = "no proxy says what came of it"};
      answer({.request_id = id,
              .accepted = came->accepted,
              .error = came->error.empty() ? std::nullopt : std::optional<wire::Text>{came->error},
              .timestamp_ms = internal::milliseconds_since_1970()});
    };
    const auto hears = std::ranges::find_if(connections_, &internal::ServedConnection::hears_config_answers);
    if (hears == connections_.end()) return answered(std::nullopt);
    internal::Remark remark{.memory = base::Arena{}, .message = request};
    (*hears)->ask(remark, answered);
  }
  template <class Message>
  void hear(const Message& message, const transport::grpc::ControlAnswer&) {
    tell_all(message);
  }

  void arm(base::Timer& timer, base::Duration interval) {
    if (interval != base::Duration::zero() && !timer.armed()) worker_.timers().arm(timer, worker_.now() + interval);
  }
  void report_metrics(base::TimePoint now) {
    if (connections_.empty()) return;
    if (const auto report = report_.metrics.latest(now)) tell_all(report->message);
    arm(metrics_timer_, report_.metrics.interval());
  }
  void report_health(base::TimePoint) {
    measure();
    if (connections_.empty()) return;
    base::Arena memory;
    tell_all(report_.detailed_status(health(), latencies_, memory));
    arm(health_timer_, health_interval_);
  }
  void tell_health() {
    base::Arena memory;
    tell_all(report_.status(health(), memory));
  }
  /// What a draining agent is overrides what it said before.
  [[nodiscard]] Health health() {
    if (draining_) return Health::draining(std::chrono::duration_cast<milliseconds>(drain_until_ - worker_.now()));
    return report_.standing.health();
  }
  template <class Message>
  void tell_all(const Message& message) {
    for (const auto& connection : connections_) connection->send(message);
  }
  void measure() {
    std::size_t unanswered = 0;
    std::size_t queued = 0;
    for (const auto& connection : connections_) {
      unanswered += connection->unanswered();
      queued += connection->queued();
    }
    terms_.workload.connections.set(static_cast<std::int64_t>(connections_.size()));
    terms_.workload.in_flight.set(static_cast<std::int64_t>(unanswered));
    terms_.workload.queued.set(static_cast<std::int64_t>(queued));
  }

  static void on_drain_timer(void* self, base::TimePoint now) { static_cast<Shard*>(self)->look(now); }

  void look(base::TimePoint now) {
    for (const auto& connection : connections_)
      if (connection->busy()) quiet_since_ = now;
    if (now - quiet_since_ < drain_grace && now < drain_until_) {
      worker_.timers().arm(drain_timer_, now + drain_look);
      return;
    }
    close_all();
    worker_.stop();
  }

  void close_all() {
    for (const auto connections = connections_; const auto& connection : connections) connection->close();
    for (const auto servers = std::exchange(grpc_servers_, {}); const auto& server : servers) server->close();
  }

  void forget(internal::ServedConnection& connection) {
    std::erase_if(connections_, [&](const auto& held) { return held.get() == &connection; });
  }
  void accepted_over(internal::ServedConnection& connection, const base::Error* reason) {
    if (reason != nullptr && reason->kind() != base::ErrorKind::connection_closed && terms_.log)
      terms_.log(fmt::format("closed a proxy's connection ({})", reason->message()));
    forget(connection);
    if (carrier_ == transport::Carrier::frames) count_.fetch_sub(1, std::memory_order_relaxed);
  }

  transport::Worker worker_;
  std::unique_ptr<internal::AnyHandler> handler_;
  std::shared_ptr<Mailbox> mailbox_;
  internal::ServedConnection::Terms terms_;
  std::shared_ptr<internal::ServedConnection::Terms> accepted_terms_;
  /// By the proxy and the connection's number.
  std::map<std::pair<const internal::DialledProxy*, std::uint32_t>, std::unique_ptr<internal::KeptConnection>> kept_;
  std::shared_ptr<Certificates> tls_;  // null: in clear
  std::vector<std::shared_ptr<internal::ServedConnection>> connections_;
  std::vector<std::shared_ptr<transport::GrpcServer>> grpc_servers_;
  std::atomic<std::size_t> count_{0};
  internal::SelfReport& report_;
  base::Timer metrics_timer_;
  base::Timer health_timer_;
  base::Timer drain_timer_;
  base::Duration drain_timeout_;
  base::Duration health_interval_;
  internal::LatencyWindow latencies_;
  base::TimePoint drain_until_{};
  base::TimePoint quiet_since_{};
  transport::Carrier carrier_ = transport::Carrier::frames;
  bool draining_ = false;
};

}  // namespace

class Server::Impl final : private internal::DialledName::Owner {
 public:
  Impl(ServerOptions options, const HandlerFactory& factory)
      : options_(std::move(options)), report_(options_.metrics_interval) {
    const std::uint32_t evaluating = evaluating_threads(options_);
    const std::uint32_t shards = evaluating == 0 ? threads_of(options_) : 1;
    threads_per_shard_ = evaluating + 1;
    for (std::uint32_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<Shard>(options_, factory, report_));
    report_.standing.on_change([this](const Health&) {
      for (auto& shard : shards_) shard->post([&shard = *shard] { shard.health_changed(); });
    });
  }

  ~Impl() {
    report_.standing.on_change(nullptr);
    // The accepting task must come to its end while its loop still runs.
    auto& accepting = shards_.front()->worker();
    accepting.post([this, &accepting] {
      if (listener_) listener_->close();
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
    if (!options_.listen.empty()) PICKET_TRY(listen());
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
      if (listener_) listener_->close();
      names_.clear();
      for (auto& shard : shards_) shard->worker().post([&shard = *shard] { shard.drain(); });
    });
  }

  void wait() {
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }

  [[nodiscard]] std::string address() const { return listener_ ? listener_->endpoint().spelled() : std::string{}; }
  [[nodiscard]] std::size_t connections() const noexcept {
    std::size_t total = 0;
    for (const auto& shard : shards_) total += shard->connections();
    return total;
  }

 private:
  base::Status listen() {
    auto endpoint = transport::Endpoint::parse(options_.listen, clear_text());
    if (!endpoint) return std::move(endpoint.error());
    std::shared_ptr<Certificates> tls;
    if (endpoint->is_tls()) {
      transport::tls::ServerOptions terms = options_.tls;
      if (endpoint->carrier() == transport::Carrier::grpc) terms.protocols.alpn = {std::string{transport::tls::http2}};
      auto made = Certificates::create([terms] { return transport::tls::edition_of(terms); },
                                       [terms] { return transport::tls::Context::server(terms); }, options_.log);
      if (!made) return std::move(made.error());
      tls = std::move(*made);
    }
    for (auto& shard : shards_) shard->speak(endpoint->carrier(), tls);
    options_.socket.on_refused = [this](uid_t peer) { note_refused(peer); };
    auto listener = transport::Listener::open(shards_.front()->worker(), *endpoint, options_.socket);
    if (!listener) return std::move(listener.error());
    listener_.emplace(std::move(*listener));
    transport::spawn(transport::accept_all(*listener_, shards_.front()->worker(),
                                           [this](const transport::Accepted& accepted) { take(accepted.descriptor); }));
    return {};
  }

  [[nodiscard]] transport::ClearText clear_text() const noexcept {
    return options_.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
  }

  base::Result<std::vector<std::shared_ptr<internal::DialledHost>>> dialled_hosts() const {
    std::vector<std::shared_ptr<internal::DialledHost>> all;
    const auto& tls = options_.dial.tls;
    for (const auto& address : options_.dial.proxies) {
      const auto endpoint = internal::dialled_endpoint(address, clear_text());
      if (!endpoint) return endpoint.error();
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
      Shard& shard = *shards_[i % shards_.size()];
      shard.worker().post([&shard, proxy, i] { shard.keep(proxy, i); });
    }
  }

  /// A new connection goes to the shard that has the fewest.
  void take(int descriptor) {
    if (connections() >= options_.max_connections) {
      ::close(descriptor);
      return;
    }
    const auto least = std::ranges::min_element(shards_, {}, [](const auto& shard) { return shard->connections(); });
    Shard& shard = **least;
    shard.expect();
    if (&shard == shards_.front().get()) {
      shard.serve(descriptor);
    } else {
      shard.worker().post([&shard, descriptor] { shard.serve(descriptor); });
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
  std::vector<std::unique_ptr<Shard>> shards_;
  std::list<internal::DialledName> names_;  // the first shard's
  std::optional<transport::Listener> listener_;
  std::uint32_t threads_per_shard_ = 1;
  std::vector<std::thread> threads_;
};

Server::Server(ServerOptions options, const HandlerFactory& factory)
    : impl_(std::make_unique<Impl>(std::move(options), factory)) {}
Server::~Server() = default;
base::Status Server::start() { return impl_->start(); }
void Server::stop() { impl_->stop(); }
void Server::wait() { impl_->wait(); }
std::string Server::address() const { return impl_->address(); }
std::size_t Server::connections() const noexcept { return impl_->connections(); }

}  // namespace picket::agent

#include "picket/agent/internal/shard.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>
#include <unistd.h>

#include "picket/agent/internal/wall_clock.hpp"
#include "picket/session/handshake.hpp"
#include "picket/transport/frame_link.hpp"

namespace picket::agent::internal {
namespace {

using std::chrono::milliseconds;

// How often a draining worker looks whether its exchanges have ended, and how long it lets events come in that were on
// their way.
constexpr base::Duration drain_look = milliseconds{10};
constexpr base::Duration drain_grace = milliseconds{100};

/// What a proxy is told of the handler.
session::AgentInfo declaration(const ServerOptions& options, const HandlerFactory& factory, const AnyHandler& handler) {
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

/// Another one for each connection and process.
std::uint32_t seed(std::uint32_t index) {
  const auto now = static_cast<std::uint32_t>(base::Clock::now().time_since_epoch().count());
  return now + (index + static_cast<std::uint32_t>(::getpid())) * 0x9E3779B9U;
}

}  // namespace

Shard::Shard(const ServerOptions& options, const HandlerFactory& factory, SelfReport& report)
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
             .on_open = [this](ServedConnection& connection) { greet(connection); },
             .on_over = [this](ServedConnection& connection, const base::Error*) { forget(connection); }},
      report_(report),
      metrics_timer_([](void* self, base::TimePoint now) { static_cast<Shard*>(self)->report_metrics(now); }, this),
      health_timer_([](void* self, base::TimePoint) { static_cast<Shard*>(self)->report_health(); }, this),
      drain_timer_([](void* self, base::TimePoint now) { static_cast<Shard*>(self)->look(now); }, this),
      drain_timeout_(options.drain_timeout),
      health_interval_(options.health_interval) {
  ServedConnection::Terms accepted = terms_;
  accepted.on_over = [this](ServedConnection& connection, const base::Error* reason) {
    accepted_over(connection, reason);
  };
  grpc_terms_ = std::make_shared<const ServedConnection::Terms>(accepted);
  accepted.on_over = [this](ServedConnection& connection, const base::Error* reason) {
    accepted_over(connection, reason);
    left();
  };
  frames_terms_ = std::make_shared<const ServedConnection::Terms>(std::move(accepted));
  handler_->standing().on_change([&report](const Health& health) { report.standing.report(health); });
}

Shard::~Shard() {
  handler_->standing().on_change(nullptr);
  mailbox_->close();
  close_all();
}

void Shard::serve(int descriptor, const Spoken& spoken) {
  if (draining_) {
    ::close(descriptor);
    left();
    return;
  }
  transport::Channel channel{worker_, descriptor, spoken.tls ? spoken.tls->current()->layer() : nullptr};
  if (spoken.carrier == transport::Carrier::grpc) {
    serve_grpc(std::move(channel));
  } else {
    serve_frames(std::move(channel));
  }
}

void Shard::serve_frames(transport::Channel channel) {
  begin(
      [&](std::unique_ptr<session::AgentOpening> opening, transport::AgentLink::Owner& owner) {
        return transport::FrameLink<session::AgentSession>::adopt(std::move(channel), std::move(opening), owner);
      },
      frames_terms_, session::socket_handshake);
}

/// One connection, on which a proxy may begin several conversations.
void Shard::serve_grpc(transport::Channel channel) {
  auto server = std::make_shared<transport::GrpcServer>(
      std::move(channel),
      [this](const transport::MakeAgentLink& make) { begin(make, grpc_terms_, session::grpc_handshake); },
      [this](transport::GrpcServer& over) {
        std::erase_if(grpc_servers_, [&](const auto& held) { return held.get() == &over; });
        left();
      },
      [this](const transport::grpc::ControlSaid& said, const transport::grpc::ControlAnswer& answer) {
        std::visit([&](const auto* message) { hear(*message, answer); }, said);
      });
  grpc_servers_.push_back(server);
  server->set_serving(health().serves());
  server->start();
}

void Shard::begin(const transport::MakeAgentLink& make, const std::shared_ptr<const ServedConnection::Terms>& terms,
                  const wire::Format& format) {
  auto connection = std::make_shared<ServedConnection>(terms);
  connections_.push_back(connection);
  connection->start(make, std::make_unique<session::AgentHandshake>(terms_.config, format));
}

// ---- proxies that are dialled

void Shard::keep(const std::shared_ptr<const DialledProxy>& proxy, std::uint32_t index) {
  if (draining_) return;
  auto& kept = kept_[{proxy.get(), index}];
  if (!kept)
    kept = std::make_unique<KeptConnection>(
        proxy, terms_, [this](auto connection) { connections_.push_back(std::move(connection)); }, seed(index));
  kept->want();
}

void Shard::forgo(const std::shared_ptr<const DialledProxy>& proxy, std::uint32_t wanted) {
  for (const auto& [place, kept] : kept_)
    if (place.first == proxy.get() && place.second >= wanted) kept->forgo();
  std::erase_if(kept_, [](const auto& entry) { return entry.second->is_over(); });
}

// ---- what is said unasked

/// What a proxy that has just come has missed.
void Shard::greet(ServedConnection& connection) {
  const base::TimePoint now = worker_.now();
  if (const auto report = report_.metrics.latest(now)) connection.send(report->message);
  if (const Health said = health(); said.state != wire::HealthState::healthy) {
    base::Arena memory;
    connection.send(report_.status(said, memory));
  }
  arm(metrics_timer_, report_.metrics.interval());
  arm(health_timer_, health_interval_);
}

/// What another process of this agent says of it, on a ControlStream, is told to the proxies as if the handler had.
void Shard::hear(const wire::HealthStatus& status, const transport::grpc::ControlAnswer&) {
  report_.standing.report(health_of(status));
}

void Shard::hear(const wire::ConfigUpdateRequest& request, const transport::grpc::ControlAnswer& answer) {
  const auto answered = [id = std::string{request.request_id}, answer](std::optional<ConfigAnswer> came) {
    if (!came) came = ConfigAnswer{.accepted = false, .error = "no proxy says what came of it"};
    answer({.request_id = id,
            .accepted = came->accepted,
            .error = came->error.empty() ? std::nullopt : std::optional<wire::Text>{came->error},
            .timestamp_ms = milliseconds_since_1970()});
  };
  const auto hears = std::ranges::find_if(connections_, &ServedConnection::hears_config_answers);
  if (hears == connections_.end()) return answered(std::nullopt);
  Remark remark{.memory = base::Arena{}, .message = request};
  (*hears)->ask(remark, answered);
}

void Shard::health_changed() {
  tell_health();
  for (const auto& server : grpc_servers_) server->set_serving(health().serves());
}

void Shard::tell_health() {
  base::Arena memory;
  tell_all(report_.status(health(), memory));
}

Health Shard::health() {
  if (draining_) return Health::draining(std::chrono::duration_cast<milliseconds>(drain_until_ - worker_.now()));
  return report_.standing.health();
}

void Shard::arm(base::Timer& timer, base::Duration interval) {
  if (interval != base::Duration::zero() && !timer.armed()) worker_.timers().arm(timer, worker_.now() + interval);
}

void Shard::report_metrics(base::TimePoint now) {
  if (connections_.empty()) return;
  if (const auto report = report_.metrics.latest(now)) tell_all(report->message);
  arm(metrics_timer_, report_.metrics.interval());
}

void Shard::report_health() {
  measure();
  if (connections_.empty()) return;
  base::Arena memory;
  tell_all(report_.detailed_status(health(), latencies_, memory));
  arm(health_timer_, health_interval_);
}

void Shard::measure() {
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

// ---- the end

void Shard::drain() {
  if (draining_) return;
  draining_ = true;
  for (const auto& [place, kept] : kept_) kept->forgo();
  const base::TimePoint now = worker_.now();
  drain_until_ = now + drain_timeout_;
  quiet_since_ = now;
  if (const auto last = report_.metrics.last(now)) tell_all(last->message);
  health_changed();
  worker_.timers().arm(drain_timer_, now + drain_look);
}

void Shard::look(base::TimePoint now) {
  // Not before: GOAWAY overtakes what is said on the streams, and a proxy would not hear for how long it drains.
  for (const auto& server : grpc_servers_) server->drain(drain_until_ - now);
  for (const auto& connection : connections_)
    if (connection->busy()) quiet_since_ = now;
  if (now - quiet_since_ < drain_grace && now < drain_until_) {
    worker_.timers().arm(drain_timer_, now + drain_look);
    return;
  }
  close_all();
  worker_.stop();
}

void Shard::close_all() {
  for (const auto connections = connections_; const auto& connection : connections) connection->close();
  for (const auto servers = std::exchange(grpc_servers_, {}); const auto& server : servers) {
    server->close();
    left();  // a server that is closed from here does not say that it is over
  }
}

void Shard::forget(ServedConnection& connection) {
  std::erase_if(connections_, [&](const auto& held) { return held.get() == &connection; });
}

void Shard::accepted_over(ServedConnection& connection, const base::Error* reason) {
  if (reason != nullptr && reason->kind() != base::ErrorKind::connection_closed && terms_.log)
    terms_.log(fmt::format("closed a proxy's connection ({})", reason->message()));
  forget(connection);
}

}  // namespace picket::agent::internal

#include "picket/pool/agent.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/base/version.hpp"
#include "picket/wire/codec.hpp"

namespace picket::pool {

using base::ErrorKind;

session::ProxyConfig session_config(const AgentSpec& spec, const Config& config) {
  return {.proxy_version = std::string{version},
          .encodings = spec.encodings,
          .events = spec.events,
          .declared_events_only = spec.declared_events_only,
          .config_json = spec.config_json,
          .handshake_timeout = config.connect_timeout,
          .configure_timeout = std::max<base::Duration>(config.request_timeout, std::chrono::seconds{5}),
          .ping_interval = config.health_check_interval};
}

namespace {

DialTerms dial_terms(transport::Worker& worker, const transport::Destination& destination, const AgentSpec& spec,
                     const Config& config) {
  const bool looks_are_free = destination.endpoint().is_unix();
  return {.worker = worker,
          .session = std::make_shared<session::ProxyConfig>(session_config(spec, config)),
          .connect_timeout = config.connect_timeout,
          .reconnect_interval = config.reconnect_interval,
          .longest_reconnect_interval = looks_are_free ? config.reconnect_interval : config.max_reconnect_interval,
          .drain_timeout = config.drain_timeout,
          .tap = spec.tap,
          .dialect = spec.dialect.value_or(session::Dialect::v2)};
}

/// Agents of v1 answer without a name: of two events on a connection nobody could tell whose an answer is.
Config fitting(Config config, const AgentSpec& spec) {
  if (spec.dialect == session::Dialect::v1) config.max_concurrent_per_connection = 1;
  return config;
}

}  // namespace

Agent::Agent(transport::Worker& worker, AgentSpec spec, Config config, transport::Destination destination,
             Observer* observer)
    : worker_(worker),
      spec_(std::move(spec)),
      config_(fitting(std::move(config), spec_)),
      destination_(std::move(destination)),
      dial_terms_(dial_terms(worker, destination_, spec_, config_)),
      observer_(observer),
      breaker_(spec_.breaker),
      hedging_(config_.hedge),
      sticky_(config_.sticky_session_timeout, config_.max_sticky_sessions),
      wants_reports_(std::ranges::find(spec_.events, wire::EventKind::request_complete) != spec_.events.end()),
      most_in_flight_(spec_.max_concurrent_calls),
      decision_timer_([](void* self, base::TimePoint) { static_cast<Agent*>(self)->silent_too_long(); }, this),
      restart_timer_([](void* self, base::TimePoint) { static_cast<Agent*>(self)->end_restart(); }, this),
      drain_timer_([](void* self, base::TimePoint) { static_cast<Agent*>(self)->close_now(); }, this) {
  selection_.random = some_number() | 1;
  const transport::Endpoint& endpoint = destination_.endpoint();
  if (endpoint.is_name()) {
    transport::dns::Watch::Owner& owner = *this;
    watch_.emplace(worker_, transport::dns::Options{.servers = spec_.resolvers}, endpoint, owner);
    return;
  }
  sites_.push_back(std::make_shared<Site>(destination_));
  metrics_.addresses.set(1);
  if (spec_.is_dialled()) connect_to(sites_.front());
}

base::Result<std::unique_ptr<Agent>> Agent::make(transport::Worker& worker, const AgentSpec& spec, const Config& config,
                                                 Observer* observer) {
  auto endpoint = spec.is_dialled() ? transport::Endpoint::parse(
                                          spec.endpoint,
                                          spec.insecure ? transport::ClearText::allowed : transport::ClearText::refused,
                                          transport::Hosts::names_too)
                                    : base::Result<transport::Endpoint>{transport::Endpoint{}};
  if (!endpoint)
    return base::fail(endpoint.error().kind(), fmt::format("agent '{}': {}", spec.id, endpoint.error().detail()));
  if (spec.tap != nullptr && endpoint->carrier() == transport::Carrier::grpc)
    return base::fail(ErrorKind::connection_failed,
                      fmt::format("agent '{}': what is said over gRPC cannot be recorded; frames can: use an address "
                                  "unix:PATH, tls:IP:PORT or tcp:IP:PORT of the agent",
                                  spec.id));
  if (spec.dialect && *spec.dialect != session::Dialect::v2 && endpoint->carrier() == transport::Carrier::grpc)
    return base::fail(ErrorKind::connection_failed,
                      fmt::format("agent '{}': over gRPC there is no dialect {}: use an address unix:PATH, tls:IP:PORT "
                                  "or tcp:IP:PORT of the agent, or no dialect",
                                  spec.id, name(*spec.dialect)));
  auto destination = transport::Destination::make(std::move(*endpoint), spec.tls);
  if (!destination)
    return base::fail(destination.error().kind(), fmt::format("agent '{}': {}", spec.id, destination.error().detail()));
  AgentSpec whole = spec;
  if (!whole.config) whole.config = config;
  if (const auto problem = whole.problem())
    return base::fail(ErrorKind::connection_failed, fmt::format("agent '{}': {}", spec.id, *problem));
  if (spec.config_json) {
    base::Arena arena;
    if (auto parsed = wire::parse_json(*spec.config_json, arena); !parsed)
      return base::fail(ErrorKind::invalid_message,
                        fmt::format("agent '{}': its configuration: {}", spec.id, parsed.error().detail()));
  }
  return std::unique_ptr<Agent>{new Agent{worker, spec, *whole.config, std::move(*destination), observer}};
}

Agent::~Agent() { close_now(); }

// ---- exchanges

void Agent::report(const base::CorrelationId& id, const wire::RequestComplete& summary) {
  if (!wants_reports_) return;
  const Selection selection = select_connection(Demand::declared);
  // One that takes no new exchange, since either side drains, takes the end of this one.
  const auto connection = selection.index ? connections_.begin() + static_cast<std::ptrdiff_t>(*selection.index)
                                          : std::ranges::find_if(connections_, &AgentConnection::is_open);
  if (connection == connections_.end() || (*connection)->session() == nullptr) return;
  (*connection)->session()->report(id, summary, worker_.now());
  (*connection)->flush_later();
}

void Agent::exchange_over() {
  --exchanges_;
  if (!to_restart_.empty()) restart_next();
  if (draining_ || some_leave_) close_idle();
}

}  // namespace picket::pool

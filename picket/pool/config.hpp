#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/session/dialect.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/tls/options.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool {

/// Which connection of an agent a new exchange takes, among those that may take one.
enum class LoadBalanceStrategy : std::uint8_t {
  round_robin,        ///< The connections in turn.
  least_connections,  ///< The connection with the fewest events in flight.
  /// The connection whose events end well (over 95 %, over 80 %, less), a degraded agent's last; among those the one
  /// that is likely to answer first, by its mean latency and what is in flight on it.
  health_based,
  random,  ///< Any.
  p2c,     ///< Of two at random the one with fewer events in flight.
};

/// What becomes of an exchange whose agent has asked for a pause (protocol.md §6).
enum class FlowControlMode : std::uint8_t {
  fail_closed,     ///< A paused agent is a failed agent.
  fail_open,       ///< A paused agent is skipped: goes_on_despite() says so of the error.
  wait_and_retry,  ///< Wait for the agent to resume, then fail.
};

/// When an agent is asked the same twice (hedging). Only where it is asked nothing but request_headers and guardrails:
/// their answers depend on nothing that another connection lacks. Of an exchange one event at most is asked twice, and
/// only while no other is under way.
///
/// Thread safety: a value. Units: shares, as parts of 1.
struct HedgeConfig {
  double after = 0.95;   ///< The share of its answers that come before; over 0, under 1.
  double budget = 0.05;  ///< Of all events, how many may be sent twice; over 0, at most 1.

  friend bool operator==(const HedgeConfig&, const HedgeConfig&) = default;
};

/// How a pool treats its agents; names and defaults of protocol.md §11. Counts hold per worker: a process of eight
/// workers has eight times as many connections. What is out of its range is refused where an agent is added.
///
///   AgentPool pool{worker, Config::low_latency()};
///
/// Thread safety: a value. Lifetime: refers to nothing. Errors: problem() says what is out of its range. Units: each
/// field's, with its range.
struct Config {
  std::uint32_t connections_per_agent = 4;  ///< to each of its addresses; 1 to 65,536
  LoadBalanceStrategy load_balance_strategy = LoadBalanceStrategy::round_robin;
  base::Duration connect_timeout = std::chrono::seconds{5};   ///< connect and handshake, each; 1 ms to 24 h
  base::Duration request_timeout = std::chrono::seconds{30};  ///< of calls that name no deadline; 1 ms to 24 h
  /// Reached by doubling from 100 ms; doubles to max_reconnect_interval, ±25 %, for ever. 1 ms to 1 h.
  base::Duration reconnect_interval = std::chrono::seconds{5};
  /// Not of Unix sockets, where a look costs nothing: there the interval is the most. 1 ms to 24 h.
  base::Duration max_reconnect_interval = std::chrono::seconds{120};
  std::uint32_t max_reconnect_attempts = 3;                 ///< beyond the quick tries: failures are then lasting
  base::Duration drain_timeout = std::chrono::seconds{30};  ///< 0 to 24 h
  std::uint32_t max_concurrent_per_connection = 100;        ///< events in flight; 1 to 1,000,000
  base::Duration health_check_interval = std::chrono::seconds{10};  ///< between pings; 1 ms to 24 h
  std::uint32_t channel_buffer_size = 64;  ///< calls that may wait for a free place, per agent; 0 to 1,000,000
  base::Duration sticky_session_timeout = std::chrono::seconds{300};  ///< of one that is not used; 0: none are; to 24 h
  std::uint32_t max_sticky_sessions = 100'000;                        ///< 0 to 1,000,000
  base::Duration correlation_affinity_ttl = std::chrono::seconds{300};  ///< of Affinities; 1 ms to 24 h
  std::uint32_t max_correlation_affinities = 100'000;                   ///< of Affinities; 1 to 1,000,000
  FlowControlMode flow_control_mode = FlowControlMode::fail_closed;
  base::Duration flow_control_wait_timeout = std::chrono::milliseconds{100};  ///< of wait_and_retry; 0 to 1 h
  std::optional<HedgeConfig> hedge = {};

  /// Which field is out of its range, with its value and the range; nothing where each is in it.
  [[nodiscard]] std::optional<std::string> problem() const;

  /// 8 connections, least_connections, 200 per connection, wait_and_retry.
  [[nodiscard]] static Config high_throughput();
  /// 2 connections, least_connections, 50 per connection, connect 1 s, request 1 s, fail_closed, health check 2 s.
  [[nodiscard]] static Config low_latency();

  friend bool operator==(const Config&, const Config&) = default;
};

/// Which connections an exchange may take, of agents that do not take every kind of event that is configured.
enum class Demand : std::uint8_t {
  declared,    ///< Any, rather one that takes all; events of other kinds are skipped.
  every_kind,  ///< One that takes all; without such a one the agent is unavailable.
};

/// When an agent is given a rest: calls are refused at once then, in place of waiting for it one time-out each. Counts
/// hold per worker, as its breaker does.
///
/// Thread safety: a value.
struct BreakerConfig {
  std::uint32_t failure_threshold = 5;                 ///< consecutive failures that open it; 1 to 1,000,000
  std::uint32_t success_threshold = 2;                 ///< successful probes that close it again; 1 to 1,000,000
  base::Duration open_for = std::chrono::seconds{30};  ///< 1 ms to 24 h
  std::uint32_t half_open_max_requests = 1;            ///< probes in flight at once; 1 to 1,000,000

  /// As Config::problem().
  [[nodiscard]] std::optional<std::string> problem() const;

  friend bool operator==(const BreakerConfig&, const BreakerConfig&) = default;
};

/// One agent as the pool is to reach it.
///
///   const AgentSpec spec{.id = "waf", .endpoint = "unix:/run/waf.sock"};
///   auto waf = pool.add_agent(spec);
///
/// Thread safety: a value. Lifetime: it owns its text; what `tap` points to outlives the pool. Errors: problem() says
/// what is wrong with it, and so does AgentPool::add_agent().
struct AgentSpec {
  std::string id;        ///< The pool's name for it; one agent of a pool has it.
  std::string endpoint;  ///< "unix:PATH", "grpc+unix:PATH", "tls:HOST:PORT" or "grpcs:HOST:PORT", or with `insecure`
                         ///< "tcp:HOST:PORT" or "grpc:HOST:PORT"; or the name of a service, "_agent._tcp.example",
                         ///< for HOST:PORT (transport/endpoint.hpp). Each address of a name is dialled.
  /// Who is asked for the addresses of a name: "IP:PORT". None: as /etc/resolv.conf has it.
  std::vector<std::string> resolvers = {};
  /// The agent dials the proxy, under one of these ids ("edge-1", "edge-*"); then there is no endpoint, and its
  /// connections come from take() (pool/reverse). Empty: it is dialled.
  std::vector<std::string> reverse;
  /// How the agent puts what it says; none: as the protocol has it, or as site where its answer to the handshake shows
  /// that. Not of gRPC, nor of an agent that dials.
  std::optional<session::Dialect> dialect;
  bool insecure = false;              ///< Everybody on the way may read what is said and answer in the agent's place.
  transport::tls::ClientOptions tls;  ///< of "tls:" and "grpcs:"; the files are read when the agent is added
  std::vector<wire::Encoding> encodings{wire::Encoding::msgpack, wire::Encoding::json};
  std::vector<wire::EventKind> events{wire::EventKind::request_headers};  ///< what will be sent; told to the agent
  std::optional<std::string> config_json;    ///< delivered on every connection before it is used
  bool declared_events_only = false;         ///< takes the list of an agent without extensions at its word, too
  std::uint32_t max_concurrent_calls = 100;  ///< events in flight on all connections; 1 to 1,000,000
  BreakerConfig breaker;
  std::optional<Config> config;  ///< none: the pool's
  session::Tap* tap = nullptr;   ///< Hears all that is said; none: nobody. Outlives the pool.

  /// Else it dials the proxy.
  [[nodiscard]] bool is_dialled() const noexcept { return reverse.empty(); }
  /// As Config::problem(), of its own fields, its breaker's and its config's.
  [[nodiscard]] std::optional<std::string> problem() const;
  /// Why the agent cannot be spoken to in its `dialect`; nothing where it can. problem() asks this, too.
  [[nodiscard]] std::optional<std::string> dialect_problem() const;
  friend bool operator==(const AgentSpec&, const AgentSpec&) = default;
  /// Whether `other` is the same agent with another configuration, and both have one.
  [[nodiscard]] bool differs_in_configuration_only(const AgentSpec& other) const;
};

}  // namespace picket::pool

#include "picket/pool/config.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include <fmt/format.h>

#include "picket/pool/reverse/rules.hpp"
#include "picket/transport/dns/look_up.hpp"

namespace picket::pool {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint32_t million = 1'000'000;

/// A field, its value and what it may be; of times in milliseconds, which a fraction of one may be too little for.
struct Field {
  std::string_view name;
  double value;
  double least;
  double most;
  std::string_view unit;
};

Field count(std::string_view name, std::uint32_t value, std::uint32_t least, std::uint32_t most) {
  return {name, static_cast<double>(value), static_cast<double>(least), static_cast<double>(most), ""};
}

Field time(std::string_view name, base::Duration value, base::Duration least, base::Duration most) {
  const auto in_ms = [](base::Duration time) { return std::chrono::duration<double, std::milli>(time).count(); };
  return {name, in_ms(value), in_ms(least), in_ms(most), " ms"};
}

std::optional<std::string> first_problem(std::initializer_list<Field> fields) {
  for (const auto& [name, value, least, most, unit] : fields)
    if (value < least || value > most)
      return fmt::format("{} is {}{}; it may be from {} to {}{}", name, value, unit, least, most, unit);
  return std::nullopt;
}

/// Answered by what the event itself says; of request_complete there is no answer.
bool is_pure(wire::EventKind kind) noexcept {
  using enum wire::EventKind;
  return kind == request_headers || kind == guardrail_inspect || kind == request_complete;
}

}  // namespace

std::optional<std::string> Config::problem() const {
  if (load_balance_strategy > LoadBalanceStrategy::p2c)
    return fmt::format("load_balance_strategy is {}, which is none", static_cast<int>(load_balance_strategy));
  if (flow_control_mode > FlowControlMode::wait_and_retry)
    return fmt::format("flow_control_mode is {}, which is none", static_cast<int>(flow_control_mode));
  if (hedge && !(hedge->after > 0 && hedge->after < 1))
    return fmt::format("hedge.after is {}; it may be from 0 to 1, without both", hedge->after);
  if (hedge && !(hedge->budget > 0 && hedge->budget <= 1))
    return fmt::format("hedge.budget is {}; it may be from 0 to 1, without 0", hedge->budget);
  return first_problem({count("connections_per_agent", connections_per_agent, 1, 65'536),
                        time("connect_timeout", connect_timeout, milliseconds{1}, hours{24}),
                        time("request_timeout", request_timeout, milliseconds{1}, hours{24}),
                        time("reconnect_interval", reconnect_interval, milliseconds{1}, hours{1}),
                        time("max_reconnect_interval", max_reconnect_interval, milliseconds{1}, hours{24}),
                        time("drain_timeout", drain_timeout, {}, hours{24}),
                        count("max_concurrent_per_connection", max_concurrent_per_connection, 1, million),
                        time("health_check_interval", health_check_interval, milliseconds{1}, hours{24}),
                        count("channel_buffer_size", channel_buffer_size, 0, million),
                        time("sticky_session_timeout", sticky_session_timeout, {}, hours{24}),
                        count("max_sticky_sessions", max_sticky_sessions, 0, million),
                        time("correlation_affinity_ttl", correlation_affinity_ttl, milliseconds{1}, hours{24}),
                        count("max_correlation_affinities", max_correlation_affinities, 1, million),
                        time("flow_control_wait_timeout", flow_control_wait_timeout, {}, hours{1})});
}

std::optional<std::string> BreakerConfig::problem() const {
  return first_problem({count("failure_threshold", failure_threshold, 1, million),
                        count("success_threshold", success_threshold, 1, million),
                        time("open_for", open_for, milliseconds{1}, hours{24}),
                        count("half_open_max_requests", half_open_max_requests, 1, million)});
}

/// What a dialect has no words for.
std::optional<std::string> AgentSpec::dialect_problem() const {
  using session::Dialect;
  if (!dialect || dialect == Dialect::v2) return std::nullopt;
  if (!is_dialled()) return fmt::format("an agent that dials cannot speak the dialect {}", name(*dialect));
  if (dialect == Dialect::site && config_json)
    return "the dialect site has no way to give an agent its configuration: remove the agent's config";
  const auto lacks = [&](wire::EventKind kind) {
    if (kind == wire::EventKind::guardrail_inspect) return true;
    return dialect == Dialect::site && kind == wire::EventKind::websocket_frame;
  };
  if (std::ranges::any_of(events, lacks))
    return fmt::format("its events name a kind that the dialect {} has no word for", name(*dialect));
  return std::nullopt;
}

std::optional<std::string> AgentSpec::problem() const {
  if (auto of_dialect = dialect_problem()) return of_dialect;
  if (auto own = first_problem({count("max_concurrent_calls", max_concurrent_calls, 1, million)})) return own;
  for (const auto& ids : reverse)
    if (auto wrong = pool::reverse::pattern_problem(ids)) return wrong;
  if (!is_dialled() && !endpoint.empty())
    return fmt::format("it dials the proxy, so that it has no endpoint; \"{}\" is one", endpoint);
  if (auto of_servers = transport::dns::Options{.servers = resolvers}.problem()) return of_servers;
  if (auto of_breaker = breaker.problem()) return of_breaker;
  if (!config) return std::nullopt;
  if (config->hedge && !std::ranges::all_of(events, is_pure))
    return "hedge is for agents that are asked about request_headers and guardrails alone";
  return config->problem();
}

bool AgentSpec::differs_in_configuration_only(const AgentSpec& other) const {
  if (!config_json || !other.config_json || config_json == other.config_json) return false;
  AgentSpec same = other;
  same.config_json = config_json;
  return *this == same;
}

Config Config::high_throughput() {
  Config config;
  config.connections_per_agent = 8;
  config.load_balance_strategy = LoadBalanceStrategy::least_connections;
  config.max_concurrent_per_connection = 200;
  config.flow_control_mode = FlowControlMode::wait_and_retry;
  return config;
}

Config Config::low_latency() {
  Config config;
  config.connections_per_agent = 2;
  config.load_balance_strategy = LoadBalanceStrategy::least_connections;
  config.max_concurrent_per_connection = 50;
  config.connect_timeout = seconds{1};
  config.request_timeout = seconds{1};
  config.health_check_interval = seconds{2};
  return config;
}

}  // namespace picket::pool

#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <variant>

#include "picket/wire/control_messages.hpp"
#include "picket/wire/internal/fields.hpp"

/// The lists of control_messages.hpp.
namespace picket::wire {

template <>
struct Description<Ping> {
  using T = Ping;
  static constexpr std::tuple fields{field("sequence", &T::sequence, 1),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 2)};
};
template <>
struct Description<Pong> {
  using T = Pong;
  static constexpr std::tuple fields{field("sequence", &T::sequence, 1),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 2)};
  static constexpr std::tuple grpc_fields{field("timestamp_ms", &T::answered_at_ms, 3)};
};
template <>
struct Description<Cancel> {
  using T = Cancel;
  static constexpr std::tuple fields{field("correlation_id", &T::correlation_id, 1), field("reason", &T::reason, 2),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 3)};
  static constexpr std::tuple grpc_fields{field<omitted>("blocking_agent_id", &T::blocking_agent_id, 4),
                                          field<omitted>("manual_reason", &T::manual_reason, 5)};
};

template <>
struct EnumNames<FlowAction> {
  static constexpr auto names = std::to_array<std::string_view>({"pause", "resume", "update_capacity"});
  static_assert(names.size() == static_cast<std::size_t>(FlowAction::update_capacity) + 1);
};
/// `action` is an integer or an object with `type` and `buffer_available`; what the integer cannot say is written
/// beside it.
template <>
struct Description<FlowControl> {
  using T = FlowControl;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field<nullable>("correlation_id", &T::correlation_id, 1),
                                     field("action", &T::action, 2),
                                     field<extension>("buffer_available", &T::buffer_available, 3),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 4)};
};

template <>
struct EnumNames<HealthState> {
  static constexpr auto names = std::to_array<std::string_view>({"healthy", "degraded", "draining", "unhealthy"});
  static_assert(names.size() == static_cast<std::size_t>(HealthState::unhealthy) + 1);
};
template <>
struct Description<Load> {
  using T = Load;
  static constexpr std::tuple fields{field<defaulted>("in_flight", &T::in_flight, 1),
                                     field<defaulted>("queue_depth", &T::queue_depth, 2),
                                     field<defaulted>("avg_latency_ms", &T::avg_latency_ms, 3),
                                     field<defaulted>("p50_latency_ms", &T::p50_latency_ms, 4),
                                     field<defaulted>("p95_latency_ms", &T::p95_latency_ms, 5),
                                     field<defaulted>("p99_latency_ms", &T::p99_latency_ms, 6),
                                     field<defaulted>("requests_processed", &T::requests_processed, 7),
                                     field<defaulted>("requests_rejected", &T::requests_rejected, 8),
                                     field<defaulted>("requests_timed_out", &T::requests_timed_out, 9)};
};
template <>
struct Description<Resources> {
  using T = Resources;
  static constexpr std::tuple fields{
      field<nullable>("cpu_percent", &T::cpu_percent, 1),   field<nullable>("memory_bytes", &T::memory_bytes, 2),
      field<nullable>("memory_limit", &T::memory_limit, 3), field<nullable>("active_threads", &T::active_threads, 4),
      field<nullable>("open_fds", &T::open_fds, 5),         field<nullable>("fd_limit", &T::fd_limit, 6),
      field<nullable>("connections", &T::connections, 7)};
};
/// `state` is an integer or an object with `status` and its details; the details are written beside the integer.
template <>
struct Description<HealthStatus> {
  using T = HealthStatus;
  static constexpr bool always_named = true;
  static constexpr std::tuple fields{field("agent_id", &T::agent_id, 1),
                                     field("state", &T::state, 2),
                                     field<extension>("disabled_features", &T::disabled_features, 10),
                                     field<extension>("timeout_multiplier", &T::timeout_multiplier, 11),
                                     field<omitted>("eta_ms", &T::eta_ms, 12),
                                     field<omitted>("reason", &T::reason, 13),
                                     field<extension>("recoverable", &T::recoverable, 14),
                                     field<nullable>("message", &T::message, 3),
                                     field<nullable>("load", &T::load, 4),
                                     field<nullable>("resources", &T::resources, 5),
                                     field<nullable>("valid_until_ms", &T::valid_until_ms, 6),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 7)};
};

template <>
struct Description<CounterMetric> {
  using T = CounterMetric;
  static constexpr std::tuple fields{field("name", &T::name, 1), field<omitted>("help", &T::help, 2),
                                     field<defaulted>("labels", &T::labels, 3), field("value", &T::value, 4)};
};
template <>
struct Description<GaugeMetric> {
  using T = GaugeMetric;
  static constexpr std::tuple fields{field("name", &T::name, 1), field<omitted>("help", &T::help, 2),
                                     field<defaulted>("labels", &T::labels, 3), field("value", &T::value, 4)};
};
template <>
struct Description<HistogramBucket> {
  using T = HistogramBucket;
  static constexpr std::tuple fields{field("le", &T::le, 1), field("count", &T::count, 2)};
};
template <>
struct Description<HistogramMetric> {
  using T = HistogramMetric;
  static constexpr std::tuple fields{
      field("name", &T::name, 1), field<omitted>("help", &T::help, 2), field<defaulted>("labels", &T::labels, 3),
      field("sum", &T::sum, 4),   field("count", &T::count, 5),        field("buckets", &T::buckets, 6)};
};
template <>
struct Description<MetricsReport> {
  using T = MetricsReport;
  static constexpr std::tuple fields{
      field("agent_id", &T::agent_id, 1),        field("timestamp_ms", &T::timestamp_ms, 2),
      field("interval_ms", &T::interval_ms, 3),  field<defaulted>("counters", &T::counters, 4),
      field<defaulted>("gauges", &T::gauges, 5), field<defaulted>("histograms", &T::histograms, 6)};
};

template <>
struct Description<RequestReload> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<RuleDefinition> {
  using T = RuleDefinition;
  static constexpr std::tuple fields{field("id", &T::id, 1),
                                     field<defaulted>("priority", &T::priority, 2),
                                     field("definition", &T::definition, 3),
                                     field<defaulted>("enabled", &T::enabled, 4),
                                     field<omitted>("description", &T::description, 5),
                                     field<defaulted>("tags", &T::tags, 6)};
};
template <>
struct Description<RuleUpdate> {
  using T = RuleUpdate;
  static constexpr std::tuple fields{field("rule_set", &T::rule_set, 1), field("rules", &T::rules, 2),
                                     field("remove_rules", &T::remove_rules, 3)};
};
template <>
struct Description<ListUpdate> {
  using T = ListUpdate;
  static constexpr std::tuple fields{field("list_id", &T::list_id, 1), field("add", &T::add, 2),
                                     field("remove", &T::remove, 3)};
};
template <>
struct Description<RestartRequired> {
  using T = RestartRequired;
  static constexpr std::tuple fields{field("reason", &T::reason, 1), field("grace_period_ms", &T::grace_period_ms, 2)};
};
template <>
struct Description<ConfigError> {
  using T = ConfigError;
  static constexpr std::tuple fields{field("error", &T::error, 1), field<nullable>("field", &T::field, 2)};
};
template <>
struct UnionNames<ConfigUpdate> {
  static constexpr auto names = std::to_array<std::string_view>(
      {"request_reload", "rule_update", "list_update", "restart_required", "config_error"});
  static_assert(names.size() == std::variant_size_v<ConfigUpdate>);
};
template <>
struct Description<ConfigUpdateRequest> {
  using T = ConfigUpdateRequest;
  static constexpr std::tuple fields{field("update_type", &T::update, 10), field("request_id", &T::request_id, 1),
                                     field("timestamp_ms", &T::timestamp_ms, 2)};
};

template <>
struct Description<ConfigUpdateResponse> {
  using T = ConfigUpdateResponse;
  static constexpr std::tuple fields{field("request_id", &T::request_id, 1), field("accepted", &T::accepted, 2),
                                     field<nullable>("error", &T::error, 3),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 4)};
};

// ---- what only gRPC carries

template <>
struct EnumNames<LogLevel> {
  static constexpr auto names = std::to_array<std::string_view>({"debug", "info", "warn", "error"});
  static_assert(names.size() == static_cast<std::size_t>(LogLevel::error) + 1);
};
template <>
struct Description<LogMessage> {
  using T = LogMessage;
  static constexpr std::tuple fields{field("level", &T::level, 1), field("message", &T::message, 2),
                                     field<omitted>("correlation_id", &T::correlation_id, 3),
                                     field<defaulted>("fields", &T::fields, 4),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 5)};
};
template <>
struct EnumNames<ShutdownReason> {
  static constexpr auto names = std::to_array<std::string_view>({"graceful", "immediate", "config_reload", "upgrade"});
  static_assert(names.size() == static_cast<std::size_t>(ShutdownReason::upgrade) + 1);
};
template <>
struct Description<ShutdownRequest> {
  using T = ShutdownRequest;
  static constexpr std::tuple fields{field("reason", &T::reason, 1), field("grace_period_ms", &T::grace_period_ms, 2),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 3)};
};
template <>
struct EnumNames<DrainReason> {
  static constexpr auto names =
      std::to_array<std::string_view>({"config_reload", "maintenance", "health_check_failed", "manual"});
  static_assert(names.size() == static_cast<std::size_t>(DrainReason::manual) + 1);
};
template <>
struct Description<DrainRequest> {
  using T = DrainRequest;
  static constexpr std::tuple fields{field("duration_ms", &T::duration_ms, 1), field("reason", &T::reason, 2),
                                     field<defaulted>("timestamp_ms", &T::timestamp_ms, 3)};
};

}  // namespace picket::wire

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "picket/wire/frame.hpp"
#include "picket/wire/text.hpp"
#include "picket/wire/value.hpp"

/// What goes beside events and their answers (protocol.md §6, §12); the last ones on gRPC alone. Lifetime, thread
/// safety, errors and units: as messages.hpp has them.
namespace picket::wire {

/// Is anybody there? On sockets JSON always. A Pong repeats the payload of its Ping byte for byte (protocol.md §6).
struct Ping {
  static constexpr FrameType type = FrameType::ping;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;
};
struct Pong {
  static constexpr FrameType type = FrameType::pong;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;    ///< The ping's.
  std::uint64_t answered_at_ms = 0;  ///< gRPC
};

/// Why nobody wants an answer any more. The order is that of the numbers on the wire, from 0 (protocol.md §6).
enum class CancelReason : std::uint8_t {
  client_disconnect,
  timeout,
  blocked_by_agent,
  upstream_error,
  proxy_shutdown,
  manual
};

/// From the proxy: ends every event of the exchange at the agent. An answer that crosses it is dropped. On sockets JSON
/// always. Nothing is said in return, and RequestComplete still follows where the agent has seen anything.
struct Cancel {
  static constexpr FrameType type = FrameType::cancel;
  Text correlation_id;
  CancelReason reason = CancelReason::manual;
  std::uint64_t timestamp_ms = 0;
  std::optional<Text> blocking_agent_id;  ///< gRPC: with blocked_by_agent.
  std::optional<Text> manual_reason;      ///< gRPC: with manual.
};

/// `pause` and `resume` are of everything, or of one exchange; `update_capacity` says how many bytes of bodies may
/// come.
enum class FlowAction : std::uint8_t { pause, resume, update_capacity };

/// From the agent: how much it wants to be sent. A wish that bounds memory, not time: events that are on their way
/// still come, and a pause lasts no longer than the proxy lets it.
///
/// A pause ends by itself after 30 s without another. With update_capacity bytes of bodies that are sent and not
/// answered yet count; below 1 KiB it counts as 1 KiB, but 0 is a pause (protocol.md §6).
struct FlowControl {
  static constexpr FrameType type = FrameType::flow_control;
  std::optional<Text> correlation_id;  ///< The exchange that is meant; none: all of the connection.
  FlowAction action = FlowAction::pause;
  std::uint64_t buffer_available = 0;  ///< bytes; update_capacity only
  std::uint64_t timestamp_ms = 0;
};

/// `draining`: the agent means to go, takes no new exchanges, and ends those that it has.
enum class HealthState : std::uint8_t { healthy, degraded, draining, unhealthy };

/// How busy an agent is, in its own words; 0 where it does not say. The requests are totals.
struct Load {
  std::uint32_t in_flight = 0;
  std::uint32_t queue_depth = 0;
  float avg_latency_ms = 0;
  float p50_latency_ms = 0;
  float p95_latency_ms = 0;
  float p99_latency_ms = 0;
  std::uint64_t requests_processed = 0;
  std::uint64_t requests_rejected = 0;
  std::uint64_t requests_timed_out = 0;
};

/// What an agent uses of its machine; none of what it does not know. `cpu_percent` is of one core:
/// it may be more than 100.
struct Resources {
  std::optional<float> cpu_percent;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_limit;
  std::optional<std::uint32_t> active_threads;
  std::optional<std::uint32_t> open_fds;
  std::optional<std::uint32_t> fd_limit;
  std::optional<std::uint32_t> connections;
};

/// How an agent is, in its own words. A field that belongs to one state is set with that state only. On sockets two
/// shapes of it are read (protocol.md §6), and one is written.
///
/// Draining and unhealthy take the connection out of the choice for new exchanges. A `timeout_multiplier` counts from 1
/// to 10 and stretches the proxy's time-outs. `disabled_features` name kinds of event, or capabilities: those events
/// are not sent (protocol.md §6).
struct HealthStatus {
  static constexpr FrameType type = FrameType::health_status;
  Text agent_id;
  HealthState state = HealthState::healthy;
  TextList disabled_features;           ///< degraded
  float timeout_multiplier = 1;         ///< degraded
  std::optional<std::uint64_t> eta_ms;  ///< draining
  std::optional<Text> reason;           ///< unhealthy
  bool recoverable = true;              ///< unhealthy
  std::optional<Text> message;
  std::optional<Load> load;
  std::optional<Resources> resources;
  /// Until then it holds, by the agent's own clock: what counts is how long after `timestamp_ms` that is. None: until
  /// it says otherwise.
  std::optional<std::uint64_t> valid_until_ms;
  std::uint64_t timestamp_ms = 0;
};

/// A number of the agent that only grows. Names and labels are the agent's: whoever shows them must not trust them.
struct CounterMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  std::uint64_t value = 0;
};
/// A number that goes up and down.
struct GaugeMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  double value = 0;
};
/// Where a bucket ends. Its type is its own since the wire has a word among the numbers.
struct UpperBound {
  double value = 0;  ///< "+Inf" on the wire is infinity here.
};
/// How many values were at most that large; each bucket counts those of the smaller ones, too.
struct HistogramBucket {
  UpperBound le;
  std::uint64_t count = 0;
};
/// Values by size. `sum` and `count` are of all of them, those above the last bucket included.
struct HistogramMetric {
  Text name;
  std::optional<Text> help;
  TextMap labels;
  double sum = 0;
  std::uint64_t count = 0;
  std::span<const HistogramBucket> buckets;
};

/// What an agent counts, from the agent, with the time that it covers. Whoever shows it bounds how many series that
/// are.
///
/// Totals since the agent was started, not since the last report, and the same on each of its connections: a reader
/// takes the one with the newest `timestamp_ms`.
struct MetricsReport {
  static constexpr FrameType type = FrameType::metrics_report;
  Text agent_id;
  std::uint64_t timestamp_ms = 0;
  std::uint64_t interval_ms = 0;
  std::span<const CounterMetric> counters;
  std::span<const GaugeMetric> gauges;
  std::span<const HistogramMetric> histograms;
};

/// The proxy is to read its own configuration again.
struct RequestReload {};
/// One rule; what `definition` means is between the agent and whoever keeps its rules.
struct RuleDefinition {
  Text id;
  std::int32_t priority = 0;
  Value definition;
  bool enabled = true;
  std::optional<Text> description;
  TextList tags;
};
/// Rules that are to be put into a set, and ids of others that are to be taken out of it.
struct RuleUpdate {
  Text rule_set;
  std::span<const RuleDefinition> rules;
  TextList remove_rules;
};
/// Entries of a list, such as addresses, to be added and taken out.
struct ListUpdate {
  Text list_id;
  TextList add;
  TextList remove;
};
/// The agent is to be started anew: its connections drain one after the other, and end after that time at the latest.
struct RestartRequired {
  Text reason;
  std::uint64_t grace_period_ms = 0;
};
/// The agent cannot do what its configuration asks.
struct ConfigError {
  Text error;
  std::optional<Text> field;
};
using ConfigUpdate = std::variant<RequestReload, RuleUpdate, ListUpdate, RestartRequired, ConfigError>;

/// From the agent: it wants its configuration changed, or has failed with it. What comes of it is the proxy's choice. A
/// gateway reloads at most once in 10 s, whatever is asked.
struct ConfigUpdateRequest {
  static constexpr FrameType type = FrameType::config_update_request;
  ConfigUpdate update;
  Text request_id;
  std::uint64_t timestamp_ms = 0;
};

/// The proxy's answer to it: on gRPC, and on sockets where config-reply was agreed (protocol.md §3).
struct ConfigUpdateResponse {
  static constexpr FrameType type = FrameType::config_update_response;
  Text request_id;
  bool accepted = false;
  std::optional<Text> error;  ///< Why not.
  std::uint64_t timestamp_ms = 0;
};

// ---- what only gRPC carries

/// As loggers have them; the proxy has its own idea of what is written.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

/// A line for the proxy's log, from the agent. What it says is the agent's: whoever shows it must not trust it. Control
/// characters in it are to be escaped, and the number of lines bounded: a peer could fill a disk.
struct LogMessage {
  static constexpr FrameType type = FrameType::log;
  LogLevel level = LogLevel::info;
  Text message;
  std::optional<Text> correlation_id;
  TextMap fields;
  std::uint64_t timestamp_ms = 0;
};

/// For the agent's log. Numbers on the wire count from 1.
enum class ShutdownReason : std::uint8_t { graceful, immediate, config_reload, upgrade };

/// From the proxy: the agent is to end, after so long at most (ControlStream only).
struct ShutdownRequest {
  static constexpr FrameType type = FrameType::shutdown;
  ShutdownReason reason = ShutdownReason::graceful;
  std::uint64_t grace_period_ms = 0;
  std::uint64_t timestamp_ms = 0;
};

/// For the agent's log. Numbers on the wire count from 1.
enum class DrainReason : std::uint8_t { config_reload, maintenance, health_check_failed, manual };

/// From the proxy: the agent is to take no new exchanges for so long (ControlStream only).
struct DrainRequest {
  static constexpr FrameType type = FrameType::drain;
  std::uint64_t duration_ms = 0;
  DrainReason reason = DrainReason::manual;
  std::uint64_t timestamp_ms = 0;
};

}  // namespace picket::wire

#include "apps/gateway/logs/agent_log.hpp"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "apps/gateway/logs/event_name.hpp"
#include "picket/session/quote.hpp"

namespace picket::apps::gateway::logs {
namespace {

constexpr std::size_t most_reasons = 8;  // of one agent between two connections

// Bytes of a reason that is said at debug level, where nothing limits how often.
constexpr std::size_t longest_at_debug = 256;

}  // namespace

void AgentLog::on_connected(std::string_view agent, const session::AgentInfo& info) {
  auto& state = agents_[std::string{agent}];
  if (state.seen == Seen::connected) return;
  state = {.seen = Seen::connected, .reasons = {}};
  spdlog::info("agent '{}': connected (worker {}) to {} {}", agent, shard_, session::printable(info.name),
               session::printable(info.version));
}

void AgentLog::on_undeclared(std::string_view agent, std::span<const wire::EventKind> kinds, bool sent) {
  std::vector<std::string_view> names;
  for (const auto kind : kinds) names.push_back(event_name(kind));
  std::string what =
      sent ? fmt::format(
                 "does not declare [{}], which its events key names: it is sent them all the same, since agents "
                 "without extensions seldom declare what they handle (declared-events-only #true takes it at "
                 "its word)",
                 fmt::join(names, ", "))
           : fmt::format(
                 "does not take [{}], which its events key names: filters that fail closed do not use this "
                 "connection, others pass these events uninspected; name only what the agent takes",
                 fmt::join(names, ", "));
  auto& said = undeclared_[std::string{agent}];
  if (said == what) return;
  spdlog::warn("agent '{}': {} (worker {})", agent, what, shard_);
  said = std::move(what);
}

void AgentLog::on_unmatched_answer(std::string_view agent, session::Misfit misfit, std::string_view said) {
  constexpr std::array<std::string_view, session::misfit_count> what{
      "answers without naming the exchange, so that nobody gets the answer: correlation_id has to stand at the top or "
      "in audit.custom",
      "gives an answer whose reply_to names no event that waits for one, so that nobody gets it: type, and index as "
      "the event counts it, have to be those of the event",
      "answers more often than it was asked: what follows may be taken for the answer to another event of the "
      "exchange"};
  spdlog::warn("agent '{}': {} (worker {}); it said {}", agent, what[static_cast<std::size_t>(misfit)], shard_, said);
}

void AgentLog::on_disconnected(std::string_view agent, const base::Error& reason, std::uint32_t attempts,
                               bool lasting) {
  auto& [seen, reasons] = agents_[std::string{agent}];
  // An agent that was not there and then refuses says something new; one that finds new words each time is not heard.
  const bool is_news = reasons.size() < most_reasons && reasons.insert(reason.message()).second;
  if (lasting && seen != Seen::lasting) {
    seen = Seen::lasting;
    spdlog::error("agent '{}': still not connected (worker {}) after {} attempts, trying on: {}", agent, shard_,
                  attempts, reason.message());
  } else if (seen == Seen::never || seen == Seen::connected) {
    spdlog::warn("agent '{}': {} (worker {}): {}", agent, seen == Seen::never ? "not connected" : "connection lost",
                 shard_, reason.message());
    seen = Seen::lost;
  } else if (is_news) {
    spdlog::warn("agent '{}': still not connected (worker {}): {}", agent, shard_, reason.message());
  } else {
    spdlog::debug("agent '{}': not connected (worker {}): {}", agent, shard_,
                  session::printable(reason.message(), longest_at_debug));
  }
}

void AgentLog::on_breaker(std::string_view agent, pool::Breaker::State state) {
  constexpr std::array<std::string_view, 3> names{"closed", "open", "half open"};
  spdlog::warn("agent '{}': circuit breaker {} (worker {})", agent, names[static_cast<std::size_t>(state)], shard_);
}

void AgentLog::on_health(std::string_view agent, const wire::HealthStatus& status) {
  constexpr std::array<std::string_view, 4> names{"healthy", "degraded", "draining", "unhealthy"};
  spdlog::warn("agent '{}': says it is {} (worker {})", agent, names[static_cast<std::size_t>(status.state)], shard_);
}

void AgentLog::on_config_update(std::string_view agent, const wire::ConfigUpdateRequest& request) {
  spdlog::warn("agent '{}': asks for a change of configuration, which only a reload makes (worker {}; request '{}')",
               agent, shard_, session::printable(request.request_id));
}

}  // namespace picket::apps::gateway::logs

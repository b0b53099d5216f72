#include "apps/gateway/logs/agent_log.hpp"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "apps/gateway/logs/event_name.hpp"
#include "picket/base/overloaded.hpp"
#include "picket/session/quote.hpp"

namespace picket::apps::gateway::logs {
namespace {

constexpr std::size_t most_reasons = 8;  // of one agent between two connections

constexpr std::size_t longest_id = 128;     // bytes of an id that a peer chose
constexpr std::size_t longest_words = 512;  // bytes of what it says

// Bytes of a reason that is said at debug level, where nothing limits how often.
constexpr std::size_t longest_at_debug = 256;

}  // namespace

void AgentLog::on_connected(std::string_view agent, const session::AgentInfo& info) {
  auto& state = agents_[std::string{agent}];
  if (state.seen == Seen::connected) return;
  state = {.seen = Seen::connected, .reasons = {}};
  log_.info("agent '{}': connected (worker {}) to {} {}", agent, shard_, session::printable(info.name),
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
  log_.warn("agent '{}': {} (worker {})", agent, what, shard_);
  said = std::move(what);
}

void AgentLog::on_unmatched_answer(std::string_view agent, session::Misfit misfit, std::string_view said) {
  constexpr auto what = std::to_array<std::string_view>(
      {"answers without naming the exchange, so that nobody gets the answer: correlation_id has to stand at the top or "
       "in audit.custom",
       "gives an answer whose reply_to names no event that waits for one, so that nobody gets it: type, and index as "
       "the event counts it, have to be those of the event",
       "answers more often than it was asked: what follows may be taken for the answer to another event of the "
       "exchange"});
  static_assert(what.size() == session::misfit_count);
  log_.warn("agent '{}': {} (worker {}); it said {}", agent, what[static_cast<std::size_t>(misfit)], shard_, said);
}

void AgentLog::on_disconnected(std::string_view agent, const base::Error& reason, std::uint32_t attempts,
                               bool lasting) {
  auto& [seen, reasons] = agents_[std::string{agent}];
  // An agent that was not there and then refuses says something new; one that finds new words each time is not heard.
  const bool is_news = reasons.size() < most_reasons && reasons.insert(reason.message()).second;
  if (lasting && seen != Seen::lasting) {
    seen = Seen::lasting;
    log_.error("agent '{}': still not connected (worker {}) after {} attempts, trying on: {}", agent, shard_, attempts,
               reason.message());
  } else if (seen == Seen::never || seen == Seen::connected) {
    log_.warn("agent '{}': {} (worker {}): {}", agent, seen == Seen::never ? "not connected" : "connection lost",
              shard_, reason.message());
    seen = Seen::lost;
  } else if (is_news) {
    log_.warn("agent '{}': still not connected (worker {}): {}", agent, shard_, reason.message());
  } else {
    log_.debug("agent '{}': not connected (worker {}): {}", agent, shard_,
               session::printable(reason.message(), longest_at_debug));
  }
}

void AgentLog::on_places(std::string_view agent, std::span<const transport::dns::Place> places) {
  names_.on_places(fmt::format("agent '{}'", agent), places);
}

void AgentLog::on_look_up_trouble(std::string_view agent, const base::Error& why, std::size_t known) {
  names_.on_trouble(fmt::format("agent '{}'", agent), why, known);
}

void AgentLog::on_looked_up_again(std::string_view agent) { names_.on_well_again(fmt::format("agent '{}'", agent)); }

void AgentLog::on_breaker(std::string_view agent, pool::Breaker::State state) {
  constexpr auto names = std::to_array<std::string_view>({"closed", "open", "half open"});
  static_assert(names.size() == static_cast<std::size_t>(pool::Breaker::State::half_open) + 1);
  log_.warn("agent '{}': circuit breaker {} (worker {})", agent, names[static_cast<std::size_t>(state)], shard_);
}

void AgentLog::on_configured(std::string_view agent, const base::Status& outcome) {
  if (outcome)
    log_.info("agent '{}': took its new configuration while it served (worker {})", agent, shard_);
  else
    log_.warn("agent '{}': keeps its old configuration (worker {}), since it refused the new one: {}", agent, shard_,
              outcome.error().detail());
}

void AgentLog::on_health(std::string_view agent, const wire::HealthStatus& status) {
  constexpr auto names = std::to_array<std::string_view>({"healthy", "degraded", "draining", "unhealthy"});
  static_assert(names.size() == static_cast<std::size_t>(wire::HealthState::unhealthy) + 1);
  log_.warn("agent '{}': says it is {} (worker {})", agent, names[static_cast<std::size_t>(status.state)], shard_);
}

base::Status AgentLog::on_config_update(std::string_view agent, const wire::ConfigUpdateRequest& request) {
  const auto refuse = [](std::string why) { return base::fail(base::ErrorKind::unavailable, std::move(why)); };
  const std::string id = session::printable(request.request_id, longest_id);
  return std::visit(
      base::Overloaded{
          [&](const wire::RequestReload&) -> base::Status {
            log_.info("agent '{}': asks for a reload of the configuration (worker {}; request '{}')", agent, shard_,
                      id);
            return {};
          },
          [&](const wire::RuleUpdate& update) -> base::Status {
            log_.warn(
                "agent '{}': its update of rules is refused: nothing here keeps rules of agents (worker {}; "
                "rule set '{}', request '{}')",
                agent, shard_, session::printable(update.rule_set, longest_words), id);
            return refuse("nothing here keeps rules of agents");
          },
          [&](const wire::ListUpdate& update) -> base::Status {
            log_.warn(
                "agent '{}': its update of a list is refused: nothing here keeps lists of agents (worker {}; "
                "list '{}', request '{}')",
                agent, shard_, session::printable(update.list_id, longest_words), id);
            return refuse("nothing here keeps lists of agents");
          },
          [&](const wire::RestartRequired& restart) -> base::Status {
            log_.warn(
                "agent '{}': it has to be restarted: its connections drain one after the other (worker {}; "
                "reason '{}', within {} ms, request '{}')",
                agent, shard_, session::printable(restart.reason, longest_words), restart.grace_period_ms, id);
            return {};
          },
          [&](const wire::ConfigError& error) -> base::Status {
            log_.error(
                "agent '{}': something is wrong with its configuration (worker {}; field '{}': '{}', request "
                "'{}')",
                agent, shard_, session::printable(error.field.value_or(""), longest_words),
                session::printable(error.error, longest_words), id);
            return {};
          }},
      request.update);
}

void AgentLog::on_log(std::string_view agent, const wire::LogMessage& line) {
  constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  const auto level = levels[static_cast<std::size_t>(line.level)];
  if (!log_.should_log(level)) return;
  std::uint64_t lost = 0;
  if (!said_.admits(base::Clock::now(), lost)) return;
  std::string details;
  if (line.correlation_id) details = fmt::format(", {}", session::printable(*line.correlation_id, longest_id));
  if (lost != 0) details += fmt::format(", {} lines before it were not written", lost);
  log_.log(level, "agent '{}': says (worker {}{}): {}", agent, shard_, details, session::printable(line.message));
}

bool LineBudget::admits(base::TimePoint now, std::uint64_t& lost) {
  if (now >= until_) {
    until_ = now + window;
    written_ = 0;
  }
  if (written_ >= lines) {
    ++lost_;
    return false;
  }
  ++written_;
  lost = std::exchange(lost_, 0);
  return true;
}

}  // namespace picket::apps::gateway::logs

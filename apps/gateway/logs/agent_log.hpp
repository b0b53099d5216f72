#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include <spdlog/fwd.h>

#include "apps/gateway/logs/name_log.hpp"
#include "picket/base/time.hpp"
#include "picket/pool/observer.hpp"

namespace picket::apps::gateway::logs {

/// How many lines an agent may write into the log in a while; the others are counted and said with the next while's
/// first. Thread safety: none.
class LineBudget {
 public:
  static constexpr std::uint64_t lines = 20;
  static constexpr base::Duration window = std::chrono::seconds{10};

  /// Whether another may be written; `lost`: how many were not since the last that was.
  [[nodiscard]] bool admits(base::TimePoint now, std::uint64_t& lost);

 private:
  base::TimePoint until_{};
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
};

/// Tells the log what becomes of one shard's agent: a line per change, not per connection. What an agent chooses stands
/// behind the first bracket, where it makes no kind of line of its own (picket/log/repeat_limit.hpp).
/// Thread safety: the shard's thread. Lifetime: the log outlives it.
class AgentLog : public pool::Observer {
 public:
  AgentLog(std::size_t shard, spdlog::logger& log) : shard_(shard), log_(log), names_(shard, log) {}
  AgentLog(const AgentLog&) = delete;
  AgentLog& operator=(const AgentLog&) = delete;
  virtual ~AgentLog() = default;

  void on_connected(std::string_view agent, const session::AgentInfo& info) override;
  void on_undeclared(std::string_view agent, std::span<const wire::EventKind> kinds, bool sent) override;
  void on_unmatched_answer(std::string_view agent, session::Misfit misfit, std::string_view said) override;
  void on_disconnected(std::string_view agent, const base::Error& reason, std::uint32_t attempts,
                       bool lasting) override;
  void on_places(std::string_view agent, std::span<const transport::dns::Place> places) override;
  void on_look_up_trouble(std::string_view agent, const base::Error& why, std::size_t known) override;
  void on_looked_up_again(std::string_view agent) override;
  void on_breaker(std::string_view agent, pool::Breaker::State state) override;
  void on_configured(std::string_view agent, const base::Status& outcome) override;
  void on_health(std::string_view agent, const wire::HealthStatus& status) override;
  [[nodiscard]] base::Status on_config_update(std::string_view agent,
                                              const wire::ConfigUpdateRequest& request) override;
  void on_log(std::string_view agent, const wire::LogMessage& line) override;

 private:
  enum class Seen { never, connected, lost, lasting };
  struct State {
    Seen seen = Seen::never;
    std::set<std::string, std::less<>> reasons;  ///< Said since it was connected last: each of them once.
  };

  std::size_t shard_;
  spdlog::logger& log_;
  std::map<std::string, State, std::less<>> agents_;
  std::map<std::string, std::string, std::less<>> undeclared_;  // what was said of it last
  NameLog names_;
  LineBudget said_;
};

}  // namespace picket::apps::gateway::logs

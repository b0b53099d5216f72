#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>

#include "picket/pool/observer.hpp"

namespace picket::apps::gateway::logs {

/// Tells the log what becomes of one shard's agent: a line per change, not per connection. What an agent chooses stands
/// behind the first bracket, where it makes no kind of line of its own (picket/log/repeat_limit.hpp).
/// Thread safety: the shard's thread.
class AgentLog final : public pool::Observer {
 public:
  explicit AgentLog(std::size_t shard) : shard_(shard) {}

  void on_connected(std::string_view agent, const session::AgentInfo& info) override;
  void on_undeclared(std::string_view agent, std::span<const wire::EventKind> kinds, bool sent) override;
  void on_unmatched_answer(std::string_view agent, session::Misfit misfit, std::string_view said) override;
  void on_disconnected(std::string_view agent, const base::Error& reason, std::uint32_t attempts,
                       bool lasting) override;
  void on_breaker(std::string_view agent, pool::Breaker::State state) override;
  void on_health(std::string_view agent, const wire::HealthStatus& status) override;
  void on_config_update(std::string_view agent, const wire::ConfigUpdateRequest& request) override;

 private:
  enum class Seen { never, connected, lost, lasting };
  struct State {
    Seen seen = Seen::never;
    std::set<std::string, std::less<>> reasons;  ///< Said since it was connected last: each of them once.
  };

  std::size_t shard_;
  std::map<std::string, State, std::less<>> agents_;
  std::map<std::string, std::string, std::less<>> undeclared_;  // what was said of it last
};

}  // namespace picket::apps::gateway::logs

#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "apps/gateway/config/model.hpp"
#include "picket/pool/agent_pool.hpp"

namespace picket::apps::gateway {

/// Tells the log what becomes of one shard's agents: a line per change, not per connection.
/// Thread safety: the shard's thread.
class AgentLog final : public pool::Observer {
 public:
  explicit AgentLog(std::size_t shard) : shard_(shard) {}

  /// Which events are configured, so that an agent which does not declare them is told of: it will not be asked.
  void expect(const config::Config& config);

  void on_connected(std::string_view agent, const session::AgentInfo& info) override;
  void on_disconnected(std::string_view agent, const base::Error& reason, std::uint32_t attempts,
                       bool lasting) override;
  void on_breaker(std::string_view agent, pool::Breaker::State state) override;
  void on_health(std::string_view agent, wire::HealthState state) override;
  void on_config_update(std::string_view agent, const wire::ConfigUpdateRequest& request) override;

 private:
  enum class Seen { never, connected, lost, lasting };

  std::size_t shard_;
  std::map<std::string, Seen, std::less<>> agents_;
  std::map<std::string, config::Events, std::less<>> configured_;
};

}  // namespace picket::apps::gateway

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/reports/agent_reports.hpp"
#include "picket/pool/agent.hpp"

namespace picket::apps::gateway::generation {

/// What keeps a generation from being taken into use.
struct Readiness {
  bool is_complete = true;             ///< Each agent is ready, and each name of an upstream was looked up.
  std::optional<std::string> missing;  ///< One is not, in whose place one serves: why.
  std::optional<std::string> refusal;  ///< One refused its configuration: why.
};

/// Another configuration that an agent in use was offered for a generation that is not in use yet. Withdrawn where that
/// never is. Thread safety: the shard's thread.
class OfferedConfiguration {
 public:
  explicit OfferedConfiguration(std::shared_ptr<pool::Agent> agent) noexcept : agent_(std::move(agent)) {}
  OfferedConfiguration(OfferedConfiguration&&) noexcept = default;
  OfferedConfiguration& operator=(OfferedConfiguration&&) = delete;
  ~OfferedConfiguration() {
    if (agent_) agent_->withdraw();
  }
  void adopt() { std::exchange(agent_, nullptr)->adopt(); }
  [[nodiscard]] const pool::Agent& agent() const noexcept { return *agent_; }

 private:
  std::shared_ptr<pool::Agent> agent_;  // null once it is adopted
};

/// One shard's agents of one generation, in the order of config.agents. An agent that the generation before has just so
/// is the same agent, with its connections, its breaker and its counters: a reload of something else does not touch it.
/// Of one whose `config` alone has changed they are kept, too: it is offered the new one on them.
/// Thread safety: the shard's thread; their metrics may be read from any.
class Agents {
 public:
  /// Begins to connect to those that are new. `previous`: those in use; null at the start. `log`: for their fortunes;
  /// outlives them. `reports`: for what agents
  /// tell the process; null: nobody wants it. Errors: pool::Agent::make's.
  [[nodiscard]] static base::Result<Agents> make(transport::Worker& worker, std::size_t shard, spdlog::logger& log,
                                                 const config::Config& config, const Agents* previous,
                                                 reports::AgentReports* reports = nullptr);

  [[nodiscard]] std::span<const std::shared_ptr<pool::Agent>> all() const noexcept { return agents_; }
  /// Null where there is none.
  [[nodiscard]] std::shared_ptr<pool::Agent> find(std::string_view id) const noexcept;
  /// How those are doing that were made for this generation, or have to decide on a configuration; those that dial come
  /// when they want.
  [[nodiscard]] Readiness readiness() const;
  /// The generation is taken into use: its configurations are the agents'.
  void adopt();

 private:
  /// Who was in an agent's place when it was made.
  enum class Predecessor {
    itself,
    nobody,   // its routes were served without it
    unready,  // or nothing is served yet: it takes nothing away
    ready,
  };

  void add(std::shared_ptr<pool::Agent> agent, Predecessor predecessor);

  std::vector<std::shared_ptr<pool::Agent>> agents_;
  std::vector<Predecessor> predecessors_;  // in the same order
  std::vector<OfferedConfiguration> offers_;
};

}  // namespace picket::apps::gateway::generation

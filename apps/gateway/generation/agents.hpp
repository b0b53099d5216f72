#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/reports/agent_reports.hpp"
#include "picket/pool/agent.hpp"

namespace picket::apps::gateway::generation {

/// What keeps a generation's agents from being taken into use.
struct Readiness {
  bool is_complete = true;             ///< Each agent is ready.
  std::optional<std::string> missing;  ///< One is not, in whose place an agent serves: why.
  std::optional<std::string> refusal;  ///< One refused its configuration: why.
};

/// One shard's agents of one generation, in the order of config.agents. An agent that the generation before has just so
/// is the same agent, with its connections, its breaker and its counters: a reload of something else does not touch it.
/// Thread safety: the shard's thread; their metrics may be read from any.
class Agents {
 public:
  /// Begins to connect to those that are new. `previous`: those in use; null at the start. `reports`: for what agents
  /// tell the process; null: nobody wants it. Errors: pool::Agent::make's.
  [[nodiscard]] static base::Result<Agents> make(transport::Worker& worker, std::size_t shard,
                                                 const config::Config& config, const Agents* previous,
                                                 reports::AgentReports* reports = nullptr);

  [[nodiscard]] std::span<const std::shared_ptr<pool::Agent>> all() const noexcept { return agents_; }
  /// How those are doing that were made for this generation.
  [[nodiscard]] Readiness readiness() const;

 private:
  /// Who was in an agent's place when it was made.
  enum class Predecessor {
    itself,
    nobody,   // its routes were served without it
    unready,  // or nothing is served yet: it takes nothing away
    ready,
  };

  [[nodiscard]] std::shared_ptr<pool::Agent> find(std::string_view id) const noexcept;
  void add(std::shared_ptr<pool::Agent> agent, Predecessor predecessor);

  std::vector<std::shared_ptr<pool::Agent>> agents_;
  std::vector<Predecessor> predecessors_;  // in the same order
};

}  // namespace picket::apps::gateway::generation

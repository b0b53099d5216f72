#pragma once

#include <memory>

#include "picket/agent/health.hpp"

namespace picket::agent {
namespace internal {
class Standing;
}

/// The agent as a whole, all its workers and connections: AnyHandler::agent() gives it.
///
///   if (!database_.answers()) agent().report(Health::unhealthy("no database"));
///
/// Thread safety: any thread, the handler's functions included. Lifetime: may outlive handler and server; what is said
/// then reaches nobody. Complexity: a lock; each worker tells its connections when it comes to it.
class AgentHandle {
 public:
  explicit AgentHandle(std::shared_ptr<internal::Standing> standing) : standing_(std::move(standing)) {}

  /// Says how the agent is, to every proxy that is connected and to those that come later, until it says otherwise.
  /// While it drains, that is what they hear.
  void report(Health health) const;
  /// What was said last through this handler; healthy before anything was.
  [[nodiscard]] Health health() const;

 private:
  std::shared_ptr<internal::Standing> standing_;
};

}  // namespace picket::agent

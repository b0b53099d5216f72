#pragma once

#include <array>

#include "apps/guard/allow_list.hpp"
#include "apps/guard/category.hpp"
#include "picket/agent/decision.hpp"
#include "picket/agent/metrics.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::guard {

/// What is looked for. Thread safety: a value.
struct Policy {
  Categories prompts{Category::prompt_injection};                                ///< In texts for a model.
  Categories responses = Categories::all().without(Category::prompt_injection);  ///< In texts from one.
  float least_confidence = 0.5F;  ///< What is less sure is not said. Units: 0 to 1.
  AllowList allowed;
};

/// Looks at texts as a policy says, and counts what it finds. It keeps nothing of a text.
/// Thread safety: any thread. Lifetime: `policy` and `metrics` outlive it.
class Inspector {
 public:
  Inspector(const Policy& policy, agent::Metrics& metrics);

  struct Inspection {
    agent::Decision decision;
    bool has_findings = false;
  };
  /// What is in a text. Nothing is blocked here; the route says what becomes of a finding. Categories that the proxy
  /// names (`categories`) take the policy's place, where one of them is known here. Complexity: linear in the text.
  [[nodiscard]] Inspection inspect(const wire::GuardrailInspect& event);

 private:
  const Policy& policy_;
  agent::Counter& texts_;
  agent::Counter& bytes_;
  std::array<agent::Counter*, category_count> found_{};
};

}  // namespace picket::apps::guard

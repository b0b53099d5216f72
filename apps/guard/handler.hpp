#pragma once

#include <array>
#include <string_view>

#include "apps/guard/allow_list.hpp"
#include "apps/guard/category.hpp"
#include "picket/agent/handler.hpp"

namespace picket::apps::guard {

/// What is looked for. Thread safety: a value.
struct Policy {
  Categories prompts{Category::prompt_injection};                                ///< In texts for a model.
  Categories responses = Categories::all().without(Category::prompt_injection);  ///< In texts from one.
  float least_confidence = 0.5F;  ///< What is less sure is not said. Units: 0 to 1.
  AllowList allowed;
};

/// What of the categories that a proxy names for one text (`categories` of GuardrailInspect) and those of the policy is
/// looked for: both, where the proxy names some that are known here, else the policy's.
[[nodiscard]] Categories wanted_of(const wire::GuardrailInspect& event, const Policy& policy);

/// The recognisers as an agent: each text is answered with what is in it. Nothing is blocked here; the route says what
/// becomes of a finding. It keeps nothing of a text.
/// Thread safety: meant for Execution::handed_over; several threads may use one. Lifetime: `policy` outlives it.
class GuardHandler : public agent::Handler {
 public:
  explicit GuardHandler(const Policy& policy);

  [[nodiscard]] agent::Info info() const override;
  agent::Reply on_guardrail(const wire::GuardrailInspect& event, Context& context) override;

 private:
  const Policy& policy_;
  agent::Counter& texts_;
  agent::Counter& bytes_;
  std::array<agent::Counter*, category_count> found_{};
};

}  // namespace picket::apps::guard

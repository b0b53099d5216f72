#include "apps/guard/inspector.hpp"

#include "apps/guard/answer.hpp"
#include "apps/guard/scan.hpp"

namespace picket::apps::guard {
namespace {

using wire::InspectionType;

Categories wanted_of(const wire::GuardrailInspect& event, const Policy& policy) {
  Categories named;
  for (const std::string_view name : event.categories)
    if (const auto categories = categories_named(name)) named.add(*categories);
  if (!named.empty()) return named;
  return event.inspection_type == InspectionType::prompt_injection ? policy.prompts : policy.responses;
}

}  // namespace

Inspector::Inspector(const Policy& policy, agent::Metrics& metrics)
    : policy_(policy),
      texts_(metrics.counter("guard_texts_total", "Texts that were looked at.")),
      bytes_(metrics.counter("guard_text_bytes_total", "Bytes of these.")) {
  for (std::size_t i = 0; i < found_.size(); ++i)
    found_[i] = &metrics.counter("guard_findings_total", "What was found in them.",
                                 {{"category", std::string{name_of(static_cast<Category>(i))}}});
}

Inspector::Inspection Inspector::inspect(const wire::GuardrailInspect& event) {
  const Findings findings = scan(event.content, wanted_of(event, policy_), policy_.least_confidence, policy_.allowed);
  texts_.add();
  bytes_.add(event.content.size());
  for (const Finding& finding : findings) found_[static_cast<std::size_t>(finding.category)]->add();
  return {.decision = answer_to(event.content, findings, event.inspection_type == InspectionType::pii_detection),
          .has_findings = !findings.empty()};
}

}  // namespace picket::apps::guard

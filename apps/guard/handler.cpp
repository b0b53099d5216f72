#include "apps/guard/handler.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "apps/guard/budget_key.hpp"
#include "picket/base/bytes.hpp"
#include "picket/base/version.hpp"

namespace picket::apps::guard {
namespace {

agent::Info guard_info() { return {.id = "picket-guard", .version = std::string{version}}; }

/// What the proxy says of a text; empty where it does not.
std::string_view said_of(const wire::GuardrailInspect& event, std::string_view key) {
  const auto said = std::ranges::find(event.metadata, key, &wire::TextPair::key);
  return said == event.metadata.end() ? std::string_view{} : said->value;
}

/// A prompt, too, may be asked about for its data alone. A proxy that does not say asks about prompts for injections.
bool is_prompt(const wire::GuardrailInspect& event) {
  const std::string_view direction = said_of(event, "direction");
  return direction.empty() ? event.inspection_type == wire::InspectionType::prompt_injection : direction == "request";
}

constexpr auto tokens_help = "Tokens that were spent, by who says how many: the model's usage, or an estimate.";

}  // namespace

agent::Info GuardHandler::info() const { return guard_info(); }

agent::Reply GuardHandler::on_guardrail(const wire::GuardrailInspect& event, Context& /*context*/) {
  return inspector_.inspect(event).decision;
}

BudgetedGuardHandler::BudgetedGuardHandler(const Policy& policy, Budget& budget, std::string header)
    : inspector_(policy, metrics()),
      budget_(budget),
      header_(std::move(header)),
      refused_(metrics().counter("guard_over_budget_total", "Requests of keys that had spent their budget.")),
      said_(metrics().counter("guard_tokens_total", tokens_help, {{"source", "usage"}})),
      estimated_(metrics().counter("guard_tokens_total", tokens_help, {{"source", "estimate"}})) {}

agent::Info BudgetedGuardHandler::info() const { return guard_info(); }

agent::Reply BudgetedGuardHandler::on_request_headers(const wire::RequestHeaders& event, Context& context) {
  if (event.headers.count(header_) > 1)  // which of them counts the agent cannot know
    return agent::Decision::block(400).body("more than one key\n").reason("several-keys");
  const auto said = budget_key(header_, event.headers.find(header_).value_or(""));
  if (!said) return agent::Decision::block(400).body("this is no key\n").reason("unclear-key");
  std::string key = Budget::name_of_key(*said);
  const std::chrono::seconds wait = budget_.wait_of(key, Budget::now());
  if (wait.count() > 0) {
    refused_.add();
    return agent::Decision::block(429)
        .header("retry-after", std::to_string(wait.count()))
        .body("the token budget of this key is spent\n")
        .reason("token-budget");
  }
  context.state().key = std::move(key);
  return agent::Decision::allow();
}

agent::Reply BudgetedGuardHandler::on_guardrail(const wire::GuardrailInspect& event, Context& context) {
  Spending& spending = context.state();
  const bool is_of_prompt = is_prompt(event);
  (is_of_prompt ? spending.prompt : spending.answer).feed(said_of(event, "text"), event.content);
  Inspector::Inspection inspection = inspector_.inspect(event);
  spending.has_findings = spending.has_findings || (inspection.has_findings && !is_of_prompt);
  return std::move(inspection.decision);
}

agent::Reply BudgetedGuardHandler::on_response_body(const wire::ResponseBodyChunk& event, Context& context) {
  context.state().usage.feed(base::as_text(event.data));
  return agent::Decision::allow();
}

void BudgetedGuardHandler::on_complete(const wire::RequestComplete& event, Context& context) {
  const Spending* const spending = context.existing_state();
  if (spending == nullptr) return;
  const bool is_refused = event.status >= 400;
  if (is_refused && !spending->has_findings && !spending->usage.says_any()) return;
  const bool is_whole = !is_refused && !event.error;
  spend(*spending,
        is_whole ? spending->usage.tokens(spending->estimate()) : spending->usage.tokens_so_far(spending->estimate()));
}

/// A client that goes away in the middle of an answer has had what it cost until then; what the model says comes last.
void BudgetedGuardHandler::on_cancel(Context& context) {
  const Spending* const spending = context.existing_state();
  if (spending == nullptr || (!spending->usage.says_any() && spending->estimate().answer == 0)) return;
  spend(*spending, spending->usage.tokens_so_far(spending->estimate()));
}

void BudgetedGuardHandler::spend(const Spending& spending, const Tokens& tokens) {
  said_.add(tokens.said);
  estimated_.add(tokens.estimated);
  budget_.spend(spending.key.empty() ? Budget::name_of_key("") : spending.key, tokens.all(), Budget::now());
}

}  // namespace picket::apps::guard

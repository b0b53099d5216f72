#include "apps/guard/handler.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "picket/base/ascii.hpp"
#include "picket/base/version.hpp"

namespace picket::apps::guard {
namespace {

agent::Info guard_info() { return {.id = "picket-guard", .version = std::string{version}}; }

Budget::Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// The same key in each spelling that a server takes for it: "bearer  abc" is "Bearer abc" (RFC 9110 §11.4). Else every
/// spelling would have a budget of its own.
std::string normal_key(std::string_view value) {
  const auto trim = [](std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    return begin == std::string_view::npos ? std::string_view{}
                                           : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
  };
  value = trim(value);
  const std::size_t space = value.find_first_of(" \t");
  if (space == std::string_view::npos) return std::string{value};
  std::string key;
  for (const char c : value.substr(0, space)) key += base::lower(c);
  return key.append(" ").append(trim(value.substr(space)));
}

constexpr auto tokens_help = "Tokens that were spent, by who says how many: the model's usage, or an estimate.";

}  // namespace

agent::Info GuardHandler::info() const { return guard_info(); }

agent::Reply GuardHandler::on_guardrail(const wire::GuardrailInspect& event, Context& /*context*/) {
  return inspector_.inspect(event);
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
  std::string key = Budget::name_of_key(normal_key(event.headers.find(header_).value_or("")));
  const std::chrono::seconds wait = budget_.wait_of(key, now());
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
  if (event.inspection_type == wire::InspectionType::prompt_injection) {
    spending.prompt += estimated_tokens(event.content);
  } else {
    spending.answer.feed(event.content);
  }
  return inspector_.inspect(event);
}

agent::Reply BudgetedGuardHandler::on_response_body(const wire::ResponseBodyChunk& event, Context& context) {
  context.state().usage.feed(base::as_text(event.data));
  return agent::Decision::allow();
}

void BudgetedGuardHandler::on_complete(const wire::RequestComplete& event, Context& context) {
  const Spending* const spending = context.existing_state();
  if (spending == nullptr || event.status >= 400) return;
  const std::uint64_t said = spending->usage.tokens();
  spend(*spending, said > 0 ? said : spending->prompt + spending->answer.tokens(), said > 0);
}

/// A client that goes away in the middle of an answer has had what it cost until then; what the model says comes last.
void BudgetedGuardHandler::on_cancel(Context& context) {
  const Spending* const spending = context.existing_state();
  if (spending == nullptr || (spending->usage.tokens() == 0 && spending->answer.tokens() == 0)) return;
  const std::uint64_t estimated = spending->prompt + spending->answer.tokens();
  spend(*spending, std::max(estimated, spending->usage.tokens()), spending->usage.tokens() > estimated);
}

void BudgetedGuardHandler::spend(const Spending& spending, std::uint64_t tokens, bool is_said) {
  (is_said ? said_ : estimated_).add(tokens);
  budget_.spend(spending.key.empty() ? Budget::name_of_key("") : spending.key, tokens, now());
}

}  // namespace picket::apps::guard

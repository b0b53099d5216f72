#pragma once

#include <string>

#include "apps/guard/budget.hpp"
#include "apps/guard/inspector.hpp"
#include "apps/guard/tokens.hpp"
#include "apps/guard/usage_reader.hpp"
#include "picket/agent/handler.hpp"

namespace picket::apps::guard {

/// The recognisers as an agent. Thread safety: meant for Execution::handed_over; several threads may use one. Lifetime:
/// `policy` outlives it.
class GuardHandler final : public agent::Handler {
 public:
  explicit GuardHandler(const Policy& policy) : inspector_(policy, metrics()) {}

  [[nodiscard]] agent::Info info() const override;
  agent::Reply on_guardrail(const wire::GuardrailInspect& event, Context& context) override;

 private:
  Inspector inspector_;
};

/// What an exchange has cost so far, and whom.
struct Spending {
  std::string key;            // as the budget names it
  OverlappingTexts prompt;    // that was asked about
  OverlappingTexts answer;    // the same
  bool has_findings = false;  // of the answer: it may be blocked for them
  UsageReader usage;          // of the answer's body

  /// Of an answer that nobody asks about, by its body.
  [[nodiscard]] Estimate estimate() const noexcept {
    return {.prompt = prompt.tokens(), .answer = answer.tokens() > 0 ? answer.tokens() : usage.estimated_answer()};
  }
};

/// The same with a budget of tokens for each key, which is the value of a header. Over it a request gets 429 with
/// Retry-After; one with several such headers, or with one that says no key (budget_key.hpp), gets 400. What an
/// exchange costs is known and spent at its end, so that those under way may go over the budget together. Refused and
/// failed exchanges (400 and above) cost nothing: who tries keys that are none spends nobody's.
///
/// Thread safety: as GuardHandler. Lifetime: `policy` and `budget` outlive it.
class BudgetedGuardHandler final : public agent::HandlerWith<Spending> {
 public:
  BudgetedGuardHandler(const Policy& policy, Budget& budget, std::string header);

  [[nodiscard]] agent::Info info() const override;
  agent::Reply on_request_headers(const wire::RequestHeaders& event, Context& context) override;
  agent::Reply on_guardrail(const wire::GuardrailInspect& event, Context& context) override;
  agent::Reply on_response_body(const wire::ResponseBodyChunk& event, Context& context) override;
  void on_complete(const wire::RequestComplete& event, Context& context) override;
  void on_cancel(Context& context) override;

 private:
  void spend(const Spending& spending, const Tokens& tokens);

  Inspector inspector_;
  Budget& budget_;
  const std::string header_;
  agent::Counter& refused_;
  agent::Counter& said_;
  agent::Counter& estimated_;
};

}  // namespace picket::apps::guard

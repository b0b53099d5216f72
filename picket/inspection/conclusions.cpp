#include "picket/inspection/conclusions.hpp"

#include <fmt/format.h>

#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"

namespace picket::inspection {
namespace {

static_assert(drop_counter == std::variant_size_v<wire::Decision>);

/// What it decided, as it is counted and told. What does not allow outweighs what it says of a frame.
const NamedCounter& decided(const wire::AgentResponse& response) {
  if (!std::holds_alternative<wire::Allow>(response.decision) || passes_frame(response))
    return decision_counters[response.decision.index()];
  const bool closes = std::holds_alternative<wire::WebSocketClose>(*response.websocket_decision);
  return decision_counters[closes ? close_counter : drop_counter];
}

/// Allow, and nothing else to it; that more chunks are wanted says nothing of the request.
bool is_bare(const wire::AgentResponse& response) {
  const wire::Audit& audit = response.audit;
  return std::holds_alternative<wire::Allow>(response.decision) && response.request_headers.empty() &&
         response.response_headers.empty() && response.routing_metadata.empty() && audit.tags.empty() &&
         audit.rule_ids.empty() && audit.reason_codes.empty() && audit.custom.empty() && !audit.confidence &&
         !response.request_body_mutation && !response.response_body_mutation && passes_frame(response);
}

Operations::Limits operation_limits(const Chain& chain) {
  return {.fields = chain.max_added_fields, .bytes = chain.max_added_bytes};
}

/// Of which there may be any number.
bool is_of_body(wire::EventKind kind) noexcept {
  return kind == wire::EventKind::request_body_chunk || kind == wire::EventKind::response_body_chunk ||
         kind == wire::EventKind::guardrail_inspect;
}

}  // namespace

Conclusions::Conclusions(const Chain& chain, AuditSink* audit, const base::CorrelationId& id, base::Arena& arena)
    : audit_(audit),
      id_(id),
      arena_(arena),
      request_operations_(operation_limits(chain), arena),
      response_operations_(operation_limits(chain), arena) {}

Outcome Conclusions::conclude(const Asked& asked, const pool::Call& call) {
  if (auto outcome = conclude_unless_allowed(asked, call)) return std::move(*outcome);
  const wire::AgentResponse& response = call.response();
  if (passes_frame(response)) return allow(asked, is_bare(response) ? std::string_view{} : decided(response).first);
  const auto& [decision, counter] = decided(response);  // nothing else can be wrong with it
  (asked.participant.filter.counters->*counter).add();
  audit(asked, {.decision = decision, .response = &response});
  return allow(asked, {});
}

Outcome Conclusions::conclude_text(const Asked& asked, const pool::Call& call, const TextTerms& terms, Finding& found) {
  if (auto outcome = conclude_unless_allowed(asked, call)) return std::move(*outcome);
  const wire::AgentResponse& response = call.response();
  auto finding = read_finding(response, terms.content);
  if (!finding) return conclude_invalid(asked, finding.error());
  if (!finding->is_detected) return allow(asked, {});
  Outcome outcome = allow(asked, "log");
  outcome.found = &AgentCounters::findings_logged;
  if (terms.action == Action::log) return outcome;
  // What is nowhere cannot be taken out.
  if (terms.action == Action::block || finding->redactions.empty()) return block_found(asked, response);
  found = std::move(*finding);
  outcome.told = "redact";
  outcome.found = &AgentCounters::findings_redacted;
  return outcome;
}

/// `told`: as Outcome has it.
Outcome Conclusions::allow(const Asked& asked, std::string_view told) {
  return {{Opinion::State::allows, asked.participant.filter.failure_mode}, {}, told};
}

Outcome Conclusions::block_found(const Asked& asked, const wire::AgentResponse& response) {
  const Filter& filter = asked.participant.filter;
  filter.counters->findings_blocked.add();
  const std::string_view told = stops(asked, "block");
  audit(asked, {.decision = told, .status = status_of(Failure::guardrail), .response = &response});
  return {{Opinion::State::decides, filter.failure_mode},
          {.failure = Failure::guardrail, .decision = told, .agent = filter.agent->id()}};
}

std::optional<Outcome> Conclusions::conclude_unless_allowed(const Asked& asked, const pool::Call& call) {
  const Participant& participant = asked.participant;
  if (call.skipped()) return conclude_skipped(asked);
  if (!call.result()) {
    const base::Error& error = call.result().error();
    return conclude_failure(asked, call.overloaded() ? Failure::overloaded : failure_of(error.kind()),
                            pool::AgentPool::goes_on_despite(participant.exchange.agent(), error));
  }
  const wire::AgentResponse& response = call.response();
  if (const auto applicable = check(response, asked.question); !applicable)
    return conclude_invalid(asked, applicable.error());
  const auto& [decision, counter] = decided(response);
  if (auto answer = answer_for(response, arena_)) {
    (participant.filter.counters->*counter).add();
    const std::string_view told = stops(asked, decision);
    audit(asked, {.decision = told, .status = answer->status, .response = &response});
    return Outcome{{Opinion::State::decides, participant.filter.failure_mode},
                   {.answer = std::move(answer), .decision = told, .agent = participant.filter.agent->id()}};
  }
  return std::nullopt;
}

/// An agent that fails open and takes no such events: what it would be asked goes past it, and nobody allowed it.
Outcome Conclusions::conclude_skipped(const Asked& asked) {
  const Filter& filter = asked.participant.filter;
  if (is_of_body(asked.question.kind)) filter.counters->bodies_uninspected.add();
  audit(asked, {.decision = "uninspected"});
  return {{Opinion::State::allows, filter.failure_mode}, {}};
}

/// Whether it is an agent's answer, of which is not known yet whether it can be honoured.
bool Conclusions::is_allow(const pool::Call& call, const Outcome& outcome) {
  return outcome.opinion.state == Opinion::State::allows && !call.skipped();
}

void Conclusions::allowed(const Asked& asked, const wire::AgentResponse& response, const Outcome& outcome) {
  AgentCounters& counters = *asked.participant.filter.counters;
  counters.allowed.add();
  if (outcome.found != nullptr) (counters.*outcome.found).add();
  if (!outcome.told.empty()) audit(asked, {.decision = outcome.told, .response = &response});
}

void Conclusions::pass_over(const Asked& asked, const pool::Call& call, const Outcome& outcome) {
  if (is_allow(call, outcome)) allowed(asked, call.response(), outcome);
}

void Conclusions::collect_operations(const Asked& asked, const pool::Call& call, Outcome& outcome) {
  if (!is_allow(call, outcome)) return;
  const Operations before = request_operations_;
  auto status = add(request_operations_, asked, call.response().request_headers);
  if (status) status = add(response_operations_, asked, call.response().response_headers);
  if (status) return allowed(asked, call.response(), outcome);
  request_operations_ = before;
  outcome = conclude_invalid(asked, status.error());
}

/// Answers about bodies are forgotten one after the other, and those about heads once who looks at frames is shown a
/// head again; what they want changed of heads is not.
base::Status Conclusions::add(Operations& operations, const Asked& asked, base::HeaderOps ops) {
  const bool is_forgotten = is_of_body(asked.question.kind) || asked.participant.filter.events.websocket_frame;
  if (operations.has(ops)) return {};
  if (!is_forgotten) return operations.add(ops);
  for (const auto& op : ops) kept_ += sizeof op + op.name.size() + op.value.size();
  if (kept_ > most_kept_bytes)
    return base::fail(
        base::ErrorKind::invalid_message,
        fmt::format("the operations in answers about one exchange's bodies have more than {} bytes", most_kept_bytes));
  const auto copies = arena_.copy(std::span<const base::HeaderOp>{ops});
  for (auto& op : copies) op = {op.kind, arena_.copy(op.name), arena_.copy(op.value)};
  return operations.add(copies);
}

/// What stops a message of which bytes have left cuts it, whatever it is.
std::string_view Conclusions::stops(const Asked& asked, std::string_view decision) {
  if (!asked.question.has_left) return decision;
  asked.participant.filter.counters->cut.add();
  return "cut";
}

Outcome Conclusions::conclude_invalid(const Asked& asked, const base::Error& why) {
  asked.participant.filter.counters->invalid_responses.add();
  if (audit_ != nullptr) audit_->on_invalid_answer(subject(asked), why);
  return conclude_failure(asked, failure_of(why.kind()), false);
}

Outcome Conclusions::conclude_failure(const Asked& asked, Failure failure, bool goes_on_despite) {
  if (is_cancelled_)  // not the agent's failure; the client is gone, so that nobody reads an answer
    return {{Opinion::State::failed, FailureMode::closed},
            {.failure = Failure::unavailable, .decision = "cancelled", .agent = {}}};
  const bool fails_closed = asked.participant.filter.failure_mode == FailureMode::closed;
  return fails_closed && !goes_on_despite ? refuse(asked, failure) : fail_open(asked);
}

Outcome Conclusions::fail_open(const Asked& asked) {
  asked.participant.failed_open = true;
  asked.participant.filter.counters->failed_open.add();
  audit(asked, {.decision = "failed_open"});
  return {{Opinion::State::failed, FailureMode::open}, {}};
}

Outcome Conclusions::refuse(const Asked& asked, Failure failure, std::string_view cause) {
  const Filter& filter = asked.participant.filter;
  const bool fails_closed = filter.failure_mode == FailureMode::closed;
  if (fails_closed) filter.counters->failed_closed.add();
  const std::string_view told = stops(asked, fails_closed ? "failed_closed" : "refused");
  audit(asked, {.decision = told, .status = status_of(failure), .cause = cause});
  return {{Opinion::State::failed, FailureMode::closed},
          {.failure = failure, .decision = told, .agent = filter.agent->id(), .cause = cause}};
}

void Conclusions::go_past(const Asked& asked, std::string_view cause) {
  asked.participant.filter.counters->bodies_uninspected.add();
  audit(asked, {.decision = "uninspected", .cause = cause});
}

void Conclusions::audit(const Asked& asked, const AuditOutcome& outcome) {
  if (audit_ != nullptr) audit_->on_outcome(subject(asked), outcome);
}

AuditSubject Conclusions::subject(const Asked& asked) const {
  return {.exchange = id_.text(),
          .agent = asked.participant.filter.agent->id(),
          .event = asked.question.kind,
          .asked_at = asked.at};
}

}  // namespace picket::inspection

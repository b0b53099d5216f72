#include "picket/inspection/guardrail_inspection.hpp"

#include <algorithm>
#include <utility>

#include "picket/inspection/counters.hpp"
#include "picket/inspection/finding.hpp"

namespace picket::inspection {
namespace {

constexpr std::size_t questions_at_once = body::chunks_at_once;

guardrail::Policy policy_of(const GuardrailInspection::Terms& terms, const Filter& filter) noexcept {
  const bool is_of_request = terms.direction == body::Direction::request;
  const bool fails_closed = filter.failure_mode == FailureMode::closed;
  return {.direction = terms.direction,
          .window = terms.guardrail.window,
          .holds = (is_of_request ? filter.request_body : filter.response_body).holds,
          .refuses_larger = fails_closed,
          .refuses_unread = fails_closed,
          .expects_texts = terms.expects_texts};
}

/// Why it was not understood; a size says enough by itself.
std::string_view cause_of(const guardrail::TextStage& stage) noexcept {
  return stage.unread() != guardrail::Unread::none ? words_of(stage.unread()) : std::string_view{};
}

/// What a text is looked at for: who may only be redacted is no injection.
wire::InspectionType type_of(body::Direction direction, Action action) noexcept {
  const bool is_for_injection = direction == body::Direction::request && action != Action::redact;
  return is_for_injection ? wire::InspectionType::prompt_injection : wire::InspectionType::pii_detection;
}

}  // namespace

GuardrailInspection::Underway::Underway(GuardrailInspection& of, guardrail::Question asked, base::Deadline deadline)
    : began(base::Clock::now()),
      question(std::move(asked)),
      number(std::to_string(question.number)),
      model(of.stage_.model()),
      metadata{{{"index", number},
                {"direction", of.terms_.direction == body::Direction::request ? "request" : "response"},
                {"text", question.name}}},
      event{.inspection_type = type_of(of.terms_.direction, of.action()),
            .content = question.content,
            .model = model.empty() ? std::nullopt : std::optional<wire::Text>{model},
            .route_id = of.terms_.guardrail.route,
            .metadata = metadata},
      call(of.participant_.exchange.guardrail(event, deadline)) {}

GuardrailInspection::GuardrailInspection(const Terms& terms, Participant& participant, Conclusions& conclusions,
                                         transport::Worker& worker)
    : terms_(terms),
      participant_(participant),
      conclusions_(conclusions),
      worker_(worker),
      stage_(policy_of(terms, participant.filter), worker.blocks()) {}

Action GuardrailInspection::action() const noexcept {
  return terms_.direction == body::Direction::request ? terms_.guardrail.prompt : terms_.guardrail.response;
}

void GuardrailInspection::send(pool::CallSet& answers) {
  const pool::Exchange& exchange = participant_.exchange;
  while (asked_.size() < questions_at_once && (asked_.empty() || exchange.can_pipeline())) {
    auto question = stage_.next();
    if (!question) return;
    const auto deadline = base::Deadline::after(worker_.now(), participant_.filter.timeout);
    asked_.emplace_back(*this, std::move(*question), deadline);
    answers.add(asked_.back().call);
  }
}

bool GuardrailInspection::is_awaited() const noexcept {
  const auto is_pending = [](const Underway& each) { return !each.call.done(); };
  return std::ranges::any_of(asked_, is_pending) || std::ranges::any_of(dropped_, is_pending);
}

bool GuardrailInspection::hear(Verdict& verdict, bool has_left) {
  bool heard = false;
  while (verdict.goes_on() && is_asking() && asked_.front().call.done()) {
    heard = true;
    verdict = conclude(has_left);
  }
  return heard;
}

Verdict GuardrailInspection::conclude(bool has_left) {
  const Underway& asked = asked_.front();
  Finding found;
  const Asked subject = about(asked.began, has_left);
  auto outcome = conclusions_.conclude_text(subject, asked.call, {action(), asked.question.content}, found);
  conclusions_.collect_operations(subject, asked.call, outcome);
  if (outcome.opinion.state == Opinion::State::decides) {
    withdraw(wire::CancelReason::blocked_by_agent);
    stage_.refuse();
  } else if (outcome.opinion.state == Opinion::State::failed || asked.call.skipped()) {
    withdraw(wire::CancelReason::manual);
    outcome.verdict.goes_on() ? stage_.open() : stage_.refuse();
  } else {
    stage_.answer(asked.question, found.redactions);
    asked_.pop_front();
    if (asked_.empty()) participant_.exchange.forget_answers(wire::EventKind::guardrail_inspect);
  }
  return std::move(outcome.verdict);
}

Asked GuardrailInspection::about(base::TimePoint began, bool has_left) const {
  return {participant_,
          {.kind = wire::EventKind::guardrail_inspect,
           .has_left = has_left,
           .is_of_answer = terms_.direction == body::Direction::response},
          began};
}

void GuardrailInspection::withdraw(wire::CancelReason reason) {
  if (std::ranges::any_of(asked_, [](const Underway& each) { return !each.call.done(); }))
    participant_.exchange.cancel(reason);
  asked_.clear();
}

void GuardrailInspection::open() {
  withdraw(wire::CancelReason::manual);
  stage_.open();
}

Verdict GuardrailInspection::refusal(bool has_left) {
  const bool is_of_request = terms_.direction == body::Direction::request;
  const bool is_too_large = stage_.stopped() == body::Stop::too_large;
  withdraw(wire::CancelReason::manual);
  const Failure failure = is_too_large ? (is_of_request ? Failure::body_too_large : Failure::answer_too_large)
                                       : (is_of_request ? Failure::body_undecodable : Failure::answer_undecodable);
  return conclusions_.refuse(about(base::Clock::now(), has_left), failure, cause_of(stage_)).verdict;
}

void GuardrailInspection::go_past() {
  stage_.open();
  has_told_ = true;
  drop();
}

void GuardrailInspection::tell_what_goes_past() {
  if (stage_.is_watching() || stage_.stopped() != body::Stop::none || has_told_) return;
  if (!stage_.outgrew() && stage_.unread() == guardrail::Unread::none) return;
  has_told_ = true;
  drop();
  conclusions_.go_past(about(base::Clock::now(), false), cause_of(stage_));
}

}  // namespace picket::inspection

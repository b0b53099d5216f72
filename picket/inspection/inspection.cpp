#include "picket/inspection/inspection.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "picket/inspection/chunks.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/session/body_event.hpp"

namespace picket::inspection {
namespace {

std::string_view name_of(const wire::Decision& decision) {
  constexpr std::array<std::string_view, 4> names{"allow", "block", "redirect", "challenge"};
  return names[decision.index()];
}

void count(AgentCounters& counters, const wire::Decision& decision) {
  const std::array<metrics::Counter*, 4> by_kind{&counters.allowed, &counters.blocked, &counters.redirected,
                                                 &counters.challenged};
  by_kind[decision.index()]->add();
}

/// Allow, and nothing else to it; that more chunks are wanted says nothing of the request.
bool is_bare(const wire::AgentResponse& response) {
  const wire::Audit& audit = response.audit;
  return std::holds_alternative<wire::Allow>(response.decision) && response.request_headers.empty() &&
         response.response_headers.empty() && response.routing_metadata.empty() && audit.tags.empty() &&
         audit.rule_ids.empty() && audit.reason_codes.empty() && audit.custom.empty() && !audit.confidence &&
         !response.request_body_mutation && !response.response_body_mutation;
}

// Smaller chunks than this are not sent, whatever an agent prefers: it would make an event of every byte.
constexpr std::uint64_t smallest_chunk_limit = 1024;

constexpr std::uint64_t usual_chunk = 65'536;

Operations::Limits operation_limits(const Chain& chain) {
  return {.fields = chain.max_added_fields, .bytes = chain.max_added_bytes};
}

/// A filter that fails closed does not go past events that the agent would not take.
pool::Demand demand_of(const Filter& filter) {
  return filter.failure_mode == FailureMode::closed ? pool::Demand::every_kind : pool::Demand::declared;
}

}  // namespace

Inspection::Inspection(transport::Worker& worker, const Chain& chain, AuditSink* audit, const base::CorrelationId& id,
                       base::Arena& arena)
    : worker_(worker),
      chain_(chain),
      audit_(audit),
      id_(id),
      arena_(arena),
      request_operations_(operation_limits(chain), arena),
      response_operations_(operation_limits(chain), arena) {
  participants_.reserve(chain.filters.size());
  for (const auto& filter : chain.filters)
    participants_.push_back({.filter = filter, .exchange = pool::Exchange{*filter.agent, id_, demand_of(filter)}});
}

base::Deadline Inspection::deadline(const Participant& participant) const {
  return base::Deadline::after(worker_.now(), participant.filter.timeout);
}

// ---- the request's head

transport::Task<Verdict> Inspection::request_headers(const wire::RequestHeaders& event,
                                                     const std::vector<base::ByteView>* body) {
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < participants_.size(); ++i)
    if (participants_[i].filter.events.request_headers) asked.push_back(i);
  if (asked.empty()) co_return Verdict{};
  if (asked.size() == 1) co_return co_await ask_one(participants_[asked.front()], event, body);
  co_return co_await ask_in_parallel(event, std::move(asked));
}

transport::Task<Verdict> Inspection::ask_one(Participant& participant, const wire::RequestHeaders& event,
                                             const std::vector<base::ByteView>* body) {
  const Asked asked{participant, {.kind = wire::EventKind::request_headers}, base::Clock::now()};
  const base::Deadline until = deadline(participant);
  pool::Call head = participant.exchange.request_headers(event, until);
  if (body != nullptr) send_body_along(participant, *body, until);
  co_await pool::Ended{head};
  auto outcome = conclude(asked, head);
  collect_operations(asked, head, outcome);
  if (outcome.opinion.state != Opinion::State::allows)
    withdraw_body(participant, outcome.opinion.state == Opinion::State::decides ? wire::CancelReason::blocked_by_agent
                                                                                : wire::CancelReason::manual);
  co_return std::move(outcome.verdict);
}

/// Saves the round trip between the head's answer and the body's first chunk (ADR 0010).
void Inspection::send_body_along(Participant& participant, const std::vector<base::ByteView>& body,
                                 base::Deadline of_head) {
  const auto first =
      std::ranges::find_if(participants_, [](const Participant& other) { return other.filter.events.request_body; });
  const std::uint64_t size = size_of(body);
  if (first == participants_.end() || &*first != &participant || size > body_limit(participant)) return;
  body_calls_.emplace(participant.exchange, chunks_for(participant, body), size);
  // The agent may take all of the head's time before it comes to the body, which has as much of its own.
  body_calls_->send_ahead(base::Deadline::after(of_head.at(), participant.filter.timeout));
  if (!body_calls_->begun()) body_calls_.reset();  // later, as the agent is then
}

/// Nobody asks about the body any more. The agent is told where it has not answered all that it was sent.
void Inspection::withdraw_body(Participant& participant, wire::CancelReason reason) {
  if (!body_calls_) return;
  if (body_calls_->pending()) participant.exchange.cancel(reason);
  body_calls_.reset();
}

transport::Task<Verdict> Inspection::ask_in_parallel(const wire::RequestHeaders& event,
                                                     std::vector<std::size_t> asked) {
  const base::TimePoint now = base::Clock::now();
  const auto about = [&](std::size_t i) {
    return Asked{participants_[asked[i]], {.kind = wire::EventKind::request_headers}, now};
  };
  pool::CallSet set;
  std::vector<std::optional<pool::Call>> calls(asked.size());
  std::vector<Opinion> opinions(asked.size());
  std::vector<Outcome> outcomes(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Participant& participant = participants_[asked[i]];
    opinions[i].failure_mode = participant.filter.failure_mode;
    calls[i].emplace(participant.exchange, &event, wire::EventKind::request_headers, deadline(participant));
    set.add(*calls[i]);
  }
  Merged merged;
  while (true) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (opinions[i].state != Opinion::State::pending || !calls[i]->done()) continue;
      outcomes[i] = conclude(about(i), *calls[i]);
      opinions[i] = outcomes[i].opinion;
    }
    merged = merge(opinions);
    if (merged.kind != Merged::Kind::undecided) break;
    co_await set.next();
  }
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (!calls[i]->done()) participants_[asked[i]].exchange.cancel(wire::CancelReason::blocked_by_agent);
  if (merged.kind != Merged::Kind::allow) co_return std::move(outcomes[merged.index].verdict);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    collect_operations(about(i), *calls[i], outcomes[i]);
    if (!outcomes[i].verdict.goes_on()) co_return std::move(outcomes[i].verdict);
  }
  co_return Verdict{};
}

// ---- the request's body

std::uint64_t Inspection::body_limit(const Participant& participant) const {
  const auto* const info = participant.exchange.agent_info();
  const std::uint64_t agents_own = info != nullptr && info->limits.max_body_size != 0
                                       ? info->limits.max_body_size
                                       : std::numeric_limits<std::uint64_t>::max();
  return std::min(participant.filter.max_request_body, agents_own);
}

bool Inspection::wants_request_body() const {
  return std::ranges::any_of(participants_, [](const Participant& participant) {
    return participant.filter.events.request_body && !participant.failed_open;
  });
}

std::optional<std::uint64_t> Inspection::refuse_body_above() const {
  std::optional<std::uint64_t> smallest;
  for (const auto& participant : participants_)
    if (participant.filter.events.request_body && !participant.failed_open &&
        participant.filter.failure_mode == FailureMode::closed)
      smallest = std::min(smallest.value_or(std::numeric_limits<std::uint64_t>::max()), body_limit(participant));
  return smallest;
}

std::uint64_t Inspection::inspect_body_up_to() const {
  std::uint64_t largest = 0;
  for (const auto& participant : participants_)
    if (participant.filter.events.request_body && !participant.failed_open)
      largest = std::max(largest, body_limit(participant));
  return largest;
}

transport::Task<Verdict> Inspection::pass_request_body(std::uint64_t size) {
  for (auto& participant : participants_) {
    if (!participant.filter.events.request_body || participant.failed_open) continue;
    auto verdict = co_await ask_without_body(participant, size);
    if (!verdict.goes_on()) co_return verdict;
  }
  co_return Verdict{};
}

transport::Task<Verdict> Inspection::request_body(std::vector<base::ByteView>& pieces) {
  for (auto& participant : participants_) {
    if (!participant.filter.events.request_body || participant.failed_open) continue;
    const std::uint64_t size = size_of(pieces);
    const bool fits = size <= body_limit(participant);
    auto asked = fits ? ask_about_body(participant, pieces, size, false) : ask_without_body(participant, size);
    auto verdict = co_await asked;
    if (!verdict.goes_on()) co_return verdict;
  }
  co_return Verdict{};
}

/// The body is too large for this agent. Fail-closed, it lets no such body pass. Fail-open, the body goes past it, seen
/// in metrics and audit log and in the chunk itself, whose total_size is more than it received. Rules about the head
/// may wait for a last chunk, and are not to be avoided by a large body.
transport::Task<Verdict> Inspection::ask_without_body(Participant& participant, std::uint64_t size) {
  const Asked asked{participant, {.kind = wire::EventKind::request_body_chunk}, base::Clock::now()};
  if (participant.filter.failure_mode == FailureMode::closed)
    co_return fail_closed(asked, Failure::body_too_large).verdict;
  participant.filter.counters->bodies_uninspected.add();
  audit(asked, {.decision = "uninspected"});
  std::vector<base::ByteView> nothing;
  co_return co_await ask_about_body(participant, nothing, size, true);
}

std::vector<base::ByteView> Inspection::chunks_for(const Participant& participant,
                                                   std::span<const base::ByteView> pieces) {
  const auto* const info = participant.exchange.agent_info();
  const auto& configured = participant.filter.chunk_size;
  if (info != nullptr && session::judges_events_alone(*info) && !configured)
    return join(pieces, session::largest_body_event, copies_);
  std::uint64_t size = configured.value_or(usual_chunk);
  if (info != nullptr && info->limits.preferred_chunk_size != 0)
    size = std::min(size, std::max(info->limits.preferred_chunk_size, smallest_chunk_limit));
  return split(pieces, static_cast<std::size_t>(size));
}

Question Inspection::about_chunk(const BodyCalls::Chunk& chunk, const RewrittenBody* body) const {
  return {.kind = wire::EventKind::request_body_chunk,
          .body = body,
          .chunk = chunk.event.chunk_index,
          .is_last = chunk.event.is_last,
          .max_body_size = chain_.max_body_size};
}

transport::Task<Verdict> Inspection::ask_about_body(Participant& participant, std::vector<base::ByteView>& pieces,
                                                    std::uint64_t size, bool uninspected) {
  // Those of this agent that went along with the head, or else new ones.
  if (!body_calls_) body_calls_.emplace(participant.exchange, chunks_for(participant, pieces), size);
  RewrittenBody body{body_calls_->chunks()};
  for (; !body_calls_->done(); body_calls_->pop()) {
    body_calls_->send(deadline(participant));
    BodyCalls::Chunk& chunk = body_calls_->oldest();
    co_await pool::Ended{chunk.call};
    const Asked asked{participant, about_chunk(chunk, uninspected ? nullptr : &body), chunk.began};
    auto outcome = conclude(asked, chunk.call);
    collect_operations(asked, chunk.call, outcome);
    if (outcome.opinion.state != Opinion::State::allows) {
      // A decision ends the body, and so does a failure: where it is an open one the body goes on as this agent got it.
      const bool decided = outcome.opinion.state == Opinion::State::decides;
      withdraw_body(participant, decided ? wire::CancelReason::blocked_by_agent : wire::CancelReason::manual);
      co_return std::move(outcome.verdict);
    }
    if (chunk.call.skipped()) break;
    if (const auto& mutation = chunk.call.result()->request_body_mutation; mutation && mutation->data)
      body.replace(mutation->chunk_index, *mutation->data);
  }
  if (body.is_changed()) {
    pieces = body.pieces();
  } else {
    copies_.clear();
  }
  body_calls_.reset();
  co_return Verdict{};
}

// ---- the response's head

bool Inspection::wants_response_headers() const {
  return std::ranges::any_of(participants_, [](const Participant& participant) {
    return participant.filter.events.response_headers && !participant.failed_open;
  });
}

transport::Task<Verdict> Inspection::response_headers(const wire::ResponseHeaders& event) {
  http::FieldList fields{arena_};
  for (const auto& field : event.headers) fields.push_back(field);
  http::apply(response_operations_.all(), fields, arena_);
  for (auto& participant : participants_) {
    if (!participant.filter.events.response_headers || participant.failed_open) continue;
    const wire::ResponseHeaders seen{
        .correlation_id = id_.text(), .status = event.status, .headers = std::span<const base::Header>{fields.items()}};
    const Asked asked{participant, {.kind = wire::EventKind::response_headers}, base::Clock::now()};
    const base::Deadline until = deadline(participant);
    pool::Call call = participant.exchange.response_headers(seen, until);
    co_await pool::Ended{call};
    auto outcome = conclude(asked, call);
    collect_operations(asked, call, outcome);
    if (!outcome.verdict.goes_on()) co_return std::move(outcome.verdict);
    if (outcome.opinion.state == Opinion::State::allows) http::apply(call.result()->response_headers, fields, arena_);
  }
  co_return Verdict{};
}

// ---- what an answer means

Inspection::Outcome Inspection::conclude(const Asked& asked, const pool::Call& call) {
  const Participant& participant = asked.participant;
  if (call.skipped()) return conclude_skipped(asked);
  if (!call.result()) {
    const base::Error& error = call.result().error();
    return conclude_failure(asked, call.overloaded() ? Failure::overloaded : failure_of(error.kind()),
                            pool::AgentPool::goes_on_despite(participant.exchange.agent(), error));
  }
  const wire::AgentResponse& response = *call.result();
  if (const auto applicable = check(response, asked.question); !applicable)
    return conclude_invalid(asked, applicable.error());
  count(*participant.filter.counters, response.decision);
  const std::string_view decision = name_of(response.decision);
  if (auto answer = answer_for(response, arena_)) {
    audit(asked, {.decision = decision, .status = answer->status, .response = &response});
    return {{Opinion::State::decides, participant.filter.failure_mode},
            {.answer = std::move(answer), .decision = decision, .agent = participant.filter.agent->id()}};
  }
  if (!is_bare(response)) audit(asked, {.decision = decision, .response = &response});
  return {{Opinion::State::allows, participant.filter.failure_mode}, {}};
}

/// An agent that fails open and takes no such events: what it would be asked goes past it, and nobody allowed it.
Inspection::Outcome Inspection::conclude_skipped(const Asked& asked) {
  const Filter& filter = asked.participant.filter;
  if (asked.question.kind == wire::EventKind::request_body_chunk) filter.counters->bodies_uninspected.add();
  audit(asked, {.decision = "uninspected"});
  return {{Opinion::State::allows, filter.failure_mode}, {}};
}

void Inspection::collect_operations(const Asked& asked, const pool::Call& call, Outcome& outcome) {
  if (outcome.opinion.state != Opinion::State::allows || call.skipped()) return;
  const Operations before = request_operations_;
  auto status = request_operations_.add(call.result()->request_headers);
  if (status) status = response_operations_.add(call.result()->response_headers);
  if (status) return;
  request_operations_ = before;
  outcome = conclude_invalid(asked, status.error());
}

Inspection::Outcome Inspection::conclude_invalid(const Asked& asked, const base::Error& why) {
  asked.participant.filter.counters->invalid_responses.add();
  if (audit_ != nullptr) audit_->on_invalid_answer(subject(asked), why);
  return conclude_failure(asked, failure_of(why.kind()), false);
}

Inspection::Outcome Inspection::conclude_failure(const Asked& asked, Failure failure, bool goes_on_despite) {
  if (cancelled_)  // not the agent's failure; the client is gone, so that nobody reads an answer
    return {{Opinion::State::failed, FailureMode::closed},
            {.failure = Failure::unavailable, .decision = "cancelled", .agent = {}}};
  Participant& participant = asked.participant;
  if (!goes_on_despite && participant.filter.failure_mode == FailureMode::closed) return fail_closed(asked, failure);
  participant.failed_open = true;
  participant.filter.counters->failed_open.add();
  audit(asked, {.decision = "failed_open"});
  return {{Opinion::State::failed, FailureMode::open}, {}};
}

Inspection::Outcome Inspection::fail_closed(const Asked& asked, Failure failure) {
  const Filter& filter = asked.participant.filter;
  filter.counters->failed_closed.add();
  audit(asked, {.decision = "failed_closed", .status = status_of(failure)});
  return {{Opinion::State::failed, FailureMode::closed},
          {.failure = failure, .decision = "failed_closed", .agent = filter.agent->id()}};
}

void Inspection::audit(const Asked& asked, const AuditOutcome& outcome) {
  if (audit_ != nullptr) audit_->on_outcome(subject(asked), outcome);
}

AuditSubject Inspection::subject(const Asked& asked) const {
  return {.exchange = id_.text(),
          .agent = asked.participant.filter.agent->id(),
          .event = asked.question.kind,
          .asked_at = asked.at};
}

void Inspection::cancel(wire::CancelReason reason) {
  cancelled_ = true;
  for (auto& participant : participants_) participant.exchange.cancel(reason);
}

void Inspection::complete(const wire::RequestComplete& summary) {
  for (auto& participant : participants_) participant.exchange.complete(summary);
}

}  // namespace picket::inspection

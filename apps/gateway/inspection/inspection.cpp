#include "apps/gateway/inspection/inspection.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <spdlog/spdlog.h>

#include "apps/gateway/inspection/chunks.hpp"
#include "picket/session/body_event.hpp"

namespace picket::apps::gateway::inspection {
namespace {

constexpr std::string_view phase_request_headers = "request_headers";
constexpr std::string_view phase_request_body = "request_body";
constexpr std::string_view phase_response_headers = "response_headers";

/// As the audit log calls it.
std::string_view phase_of(const Question& question) {
  switch (question.kind) {
    case wire::EventKind::request_body_chunk: return phase_request_body;
    case wire::EventKind::response_headers: return phase_response_headers;
    default: return phase_request_headers;
  }
}

constexpr Failure body_too_large{Reason::body_too_large, 413};
constexpr Failure too_many_wait{Reason::overloaded, 503};

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

Operations::Limits operation_limits(const config::Limits& limits) {
  return {.fields = limits.max_header_count, .bytes = limits.max_header_size};
}

/// A filter that fails closed does not go past events that the agent would not take.
pool::Demand demand_of(const config::Filter& filter) {
  return filter.failure_mode == config::FailureMode::closed ? pool::Demand::every_kind : pool::Demand::declared;
}

}  // namespace

Inspection::Inspection(Environment& environment, const config::Route& route, const base::CorrelationId& id,
                       base::Arena& arena)
    : environment_(environment),
      id_(id),
      arena_(arena),
      request_operations_(operation_limits(environment.config.limits), arena),
      response_operations_(operation_limits(environment.config.limits), arena) {
  participants_.reserve(route.filters.size());
  for (const std::size_t index : route.filters) {
    const auto& filter = environment.config.filters[index];
    participants_.push_back({.filter = filter,
                             .agent = environment.config.agents[filter.agent],
                             .counters = *environment.counters[filter.agent],
                             .exchange = pool::Exchange{*environment.agents[filter.agent], id_, demand_of(filter)}});
  }
}

Inspection::~Inspection() {
  if (gone_ != nullptr) *gone_ = true;
}

base::Deadline Inspection::deadline(const Participant& participant) const {
  return base::Deadline::after(environment_.worker.now(), participant.filter.timeout);
}

// ---- the request's head

transport::Task<Verdict> Inspection::request_headers(const wire::RequestHeaders& event,
                                                     const std::vector<base::ByteView>* body) {
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < participants_.size(); ++i)
    if (participants_[i].agent.events.request_headers) asked.push_back(i);
  if (asked.empty()) co_return Verdict{};
  if (asked.size() == 1) co_return co_await ask_one(participants_[asked.front()], event, body);
  co_return co_await ask_in_parallel(event, std::move(asked));
}

transport::Task<Verdict> Inspection::ask_one(Participant& participant, const wire::RequestHeaders& event,
                                             const std::vector<base::ByteView>* body) {
  const base::TimePoint began = base::Clock::now();
  const base::Deadline until = deadline(participant);
  pool::Call head = participant.exchange.request_headers(event, until);
  if (body != nullptr) send_along(participant, *body, until);
  co_await pool::Ended{head};
  auto noted = note(participant, head, {.kind = wire::EventKind::request_headers}, began);
  collect_operations(participant, noted, head, phase_request_headers, began);
  if (noted.opinion.state != Opinion::State::allows)
    withdraw_body(participant, noted.opinion.state == Opinion::State::decides ? wire::CancelReason::blocked_by_agent
                                                                              : wire::CancelReason::manual);
  co_return std::move(noted.verdict);
}

/// Saves the round trip between the head's answer and the body's first chunk (ADR 0010).
void Inspection::send_along(Participant& participant, const std::vector<base::ByteView>& body, base::Deadline of_head) {
  const auto first =
      std::ranges::find_if(participants_, [](const Participant& other) { return other.agent.events.request_body; });
  const std::uint64_t size = size_of(body);
  if (first == participants_.end() || &*first != &participant || size > body_limit(participant)) return;
  body_calls_.emplace(participant.exchange, chunks_for(participant, body), size);
  // The agent may take all of the head's time before it comes to the body, which has as much of its own.
  body_calls_->send_beside(base::Deadline::after(of_head.at(), participant.filter.timeout));
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
  const base::TimePoint began = base::Clock::now();
  pool::CallSet set;
  std::vector<std::optional<pool::Call>> calls(asked.size());
  std::vector<Opinion> opinions(asked.size());
  std::vector<Noted> notes(asked.size());
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
      notes[i] = note(participants_[asked[i]], *calls[i], {.kind = wire::EventKind::request_headers}, began);
      opinions[i] = notes[i].opinion;
    }
    merged = merge(opinions);
    if (merged.kind != Merged::Kind::undecided) break;
    co_await set.next();
  }
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (!calls[i]->done()) participants_[asked[i]].exchange.cancel(wire::CancelReason::blocked_by_agent);
  if (merged.kind != Merged::Kind::allow) co_return std::move(notes[merged.index].verdict);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    collect_operations(participants_[asked[i]], notes[i], *calls[i], phase_request_headers, began);
    if (notes[i].verdict.answer) co_return std::move(notes[i].verdict);
  }
  co_return Verdict{};
}

// ---- the request's body

std::uint64_t Inspection::body_limit(const Participant& participant) const {
  const auto* const info = participant.exchange.agent_info();
  const std::uint64_t agents_own = info != nullptr && info->limits.max_body_size != 0
                                       ? info->limits.max_body_size
                                       : std::numeric_limits<std::uint64_t>::max();
  return std::min(participant.agent.max_request_body_bytes, agents_own);
}

bool Inspection::wants_request_body() const {
  return std::ranges::any_of(participants_, [](const Participant& participant) {
    return participant.agent.events.request_body && !participant.out;
  });
}

std::optional<std::uint64_t> Inspection::refuse_body_above() const {
  std::optional<std::uint64_t> smallest;
  for (const auto& participant : participants_)
    if (participant.agent.events.request_body && !participant.out &&
        participant.filter.failure_mode == config::FailureMode::closed)
      smallest = std::min(smallest.value_or(std::numeric_limits<std::uint64_t>::max()), body_limit(participant));
  return smallest;
}

std::uint64_t Inspection::inspect_body_up_to() const {
  std::uint64_t largest = 0;
  for (const auto& participant : participants_)
    if (participant.agent.events.request_body && !participant.out) largest = std::max(largest, body_limit(participant));
  return largest;
}

transport::Task<Verdict> Inspection::pass_request_body(std::uint64_t size) {
  for (auto& participant : participants_) {
    if (!participant.agent.events.request_body || participant.out) continue;
    auto verdict = co_await ask_without_body(participant, size);
    if (verdict.answer) co_return verdict;
  }
  co_return Verdict{};
}

transport::Task<Verdict> Inspection::request_body(std::vector<base::ByteView>& pieces) {
  for (auto& participant : participants_) {
    if (!participant.agent.events.request_body || participant.out) continue;
    const std::uint64_t size = size_of(pieces);
    const bool fits = size <= body_limit(participant);
    auto asked = fits ? ask_about_body(participant, pieces, size, false) : ask_without_body(participant, size);
    auto verdict = co_await asked;
    if (verdict.answer) co_return verdict;
  }
  co_return Verdict{};
}

/// The body is too large for this agent. Fail-closed, it lets no such body pass. Fail-open, the body goes past it, seen
/// in metrics and audit log and in the chunk itself, whose total_size is more than it received. Rules about the head
/// may wait for a last chunk, and are not to be avoided by a large body.
transport::Task<Verdict> Inspection::ask_without_body(Participant& participant, std::uint64_t size) {
  if (participant.filter.failure_mode == config::FailureMode::closed)
    co_return fail_closed(participant, body_too_large, phase_request_body, base::Clock::now()).verdict;
  participant.counters.bodies_uninspected.add();
  audit(participant, phase_request_body, "uninspected", std::nullopt, nullptr, base::Clock::now());
  std::vector<base::ByteView> nothing;
  co_return co_await ask_about_body(participant, nothing, size, true);
}

std::vector<base::ByteView> Inspection::chunks_for(const Participant& participant,
                                                   std::span<const base::ByteView> pieces) {
  const auto* const info = participant.exchange.agent_info();
  const auto& configured = participant.agent.buffer_size;
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
          .max_body_size = environment_.config.limits.max_body_size};
}

transport::Task<Verdict> Inspection::ask_about_body(Participant& participant, std::vector<base::ByteView>& pieces,
                                                    std::uint64_t size, bool passes) {
  // Those of this agent that went along with the head, or else new ones.
  if (!body_calls_) body_calls_.emplace(participant.exchange, chunks_for(participant, pieces), size);
  RewrittenBody body{body_calls_->chunks()};
  for (; !body_calls_->done(); body_calls_->pop()) {
    body_calls_->send(deadline(participant));
    BodyCalls::Chunk& chunk = body_calls_->oldest();
    co_await pool::Ended{chunk.call};
    auto noted = note(participant, chunk.call, about_chunk(chunk, passes ? nullptr : &body), chunk.began);
    collect_operations(participant, noted, chunk.call, phase_request_body, chunk.began);
    if (noted.opinion.state != Opinion::State::allows) {
      // A decision ends the body, and so does a failure: where it is an open one the body goes on as this agent got it.
      const bool decided = noted.opinion.state == Opinion::State::decides;
      withdraw_body(participant, decided ? wire::CancelReason::blocked_by_agent : wire::CancelReason::manual);
      co_return std::move(noted.verdict);
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
    return participant.agent.events.response_headers && !participant.out;
  });
}

transport::Task<Verdict> Inspection::response_headers(const wire::ResponseHeaders& event) {
  http::FieldList fields{arena_};
  for (const auto& field : event.headers) fields.push_back(field);
  http::apply(response_operations_.all(), fields, arena_);
  for (auto& participant : participants_) {
    if (!participant.agent.events.response_headers || participant.out) continue;
    const wire::ResponseHeaders seen{
        .correlation_id = id_.text(), .status = event.status, .headers = std::span<const base::Header>{fields.items()}};
    const base::TimePoint began = base::Clock::now();
    const base::Deadline until = deadline(participant);
    pool::Call call = participant.exchange.response_headers(seen, until);
    co_await pool::Ended{call};
    auto noted = note(participant, call, {.kind = wire::EventKind::response_headers}, began);
    collect_operations(participant, noted, call, phase_response_headers, began);
    if (noted.verdict.answer) co_return std::move(noted.verdict);
    if (noted.opinion.state == Opinion::State::allows) http::apply(call.result()->response_headers, fields, arena_);
  }
  co_return Verdict{};
}

// ---- what an answer means

Inspection::Noted Inspection::note(Participant& participant, const pool::Call& call, const Question& question,
                                   base::TimePoint began) {
  const std::string_view phase = phase_of(question);
  if (call.skipped()) return note_skipped(participant, question, began);
  if (!call.result()) {
    const base::Error& error = call.result().error();
    return note_failure(participant, call.overloaded() ? too_many_wait : failure_of(error.kind()),
                        pool::AgentPool::passes(participant.exchange.agent(), error), phase, began);
  }
  const wire::AgentResponse& response = *call.result();
  if (const auto applicable = check(response, question); !applicable)
    return note_invalid(participant, applicable.error(), phase, began);
  count(participant.counters, response.decision);
  if (auto answer = answer_for(response, arena_)) {
    audit(participant, phase, name_of(response.decision), answer->status, &response, began);
    return {{Opinion::State::decides, participant.filter.failure_mode},
            {.answer = std::move(answer), .decision = name_of(response.decision), .agent = participant.agent.id}};
  }
  if (!is_bare(response)) audit(participant, phase, "allow", std::nullopt, &response, began);
  return {{Opinion::State::allows, participant.filter.failure_mode}, {}};
}

/// An agent that fails open and takes no such events: what it would be asked goes past it, and nobody allowed it.
Inspection::Noted Inspection::note_skipped(Participant& participant, const Question& question, base::TimePoint began) {
  if (question.kind == wire::EventKind::request_body_chunk) participant.counters.bodies_uninspected.add();
  audit(participant, phase_of(question), "uninspected", std::nullopt, nullptr, began);
  return {{Opinion::State::allows, participant.filter.failure_mode}, {}};
}

void Inspection::collect_operations(Participant& participant, Noted& noted, const pool::Call& call,
                                    std::string_view phase, base::TimePoint began) {
  if (noted.opinion.state != Opinion::State::allows || call.skipped()) return;
  const Operations before = request_operations_;
  auto status = request_operations_.add(call.result()->request_headers);
  if (status) status = response_operations_.add(call.result()->response_headers);
  if (status) return;
  request_operations_ = before;
  noted = note_invalid(participant, status.error(), phase, began);
}

/// What stands in brackets does not make another kind of line (picket/log): agents choose those words.
Inspection::Noted Inspection::note_invalid(Participant& participant, const base::Error& error, std::string_view phase,
                                           base::TimePoint began) {
  participant.counters.invalid_responses.add();
  spdlog::warn("agent '{}': its answer to {} cannot be honoured ({}; request {})", participant.agent.id, phase,
               error.detail(), id_.text());
  return note_failure(participant, failure_of(error.kind()), false, phase, began);
}

Inspection::Noted Inspection::note_failure(Participant& participant, const Failure& failure, bool passes,
                                           std::string_view phase, base::TimePoint began) {
  if (cancelled_)  // not the agent's failure; the client is gone, so that nobody reads this answer
    return {{Opinion::State::failed, config::FailureMode::closed},
            {.answer = answer_for(Reason::agent_unavailable, 503, arena_), .decision = "cancelled", .agent = {}}};
  if (passes || participant.filter.failure_mode == config::FailureMode::open) {
    participant.out = true;
    participant.counters.failed_open.add();
    audit(participant, phase, "failed_open", std::nullopt, nullptr, began);
    return {{Opinion::State::failed, config::FailureMode::open}, {}};
  }
  return fail_closed(participant, failure, phase, began);
}

Inspection::Noted Inspection::fail_closed(const Participant& participant, const Failure& failure,
                                          std::string_view phase, base::TimePoint began) {
  participant.counters.failed_closed.add();
  audit(participant, phase, "failed_closed", failure.status, nullptr, began);
  return {{Opinion::State::failed, config::FailureMode::closed},
          {.answer = answer_for(failure.reason, failure.status, arena_),
           .decision = "failed_closed",
           .agent = participant.agent.id}};
}

void Inspection::audit(const Participant& participant, std::string_view phase, std::string_view decision,
                       std::optional<std::uint16_t> status, const wire::AgentResponse* response,
                       base::TimePoint began) {
  if (environment_.audit == nullptr) return;
  thread_local logs::JsonLine line;
  thread_local std::string time;
  line.begin();
  line.text("ts", logs::rfc3339_now(time));
  line.text("id", id_.text());
  line.text("agent", participant.agent.id);
  line.text("phase", phase);
  line.text("decision", decision);
  status ? line.number("status", *status) : line.null("status");
  line.texts("rule_ids", response != nullptr ? response->audit.rule_ids : wire::TextList{});
  line.texts("tags", response != nullptr ? response->audit.tags : wire::TextList{});
  line.number("duration_us",
              static_cast<std::uint64_t>(
                  std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now() - began).count()));
  environment_.audit->push(line.end());
}

void Inspection::cancel(wire::CancelReason reason) {
  cancelled_ = true;
  bool gone = false;  // an ended call resumes whoever awaits it, and that may be the end of this inspection
  gone_ = &gone;
  for (std::size_t i = 0; !gone && i < participants_.size(); ++i) participants_[i].exchange.cancel(reason);
  if (!gone) gone_ = nullptr;
}

void Inspection::complete(const wire::RequestComplete& summary) {
  for (auto& participant : participants_) participant.exchange.complete(summary);
}

}  // namespace picket::apps::gateway::inspection

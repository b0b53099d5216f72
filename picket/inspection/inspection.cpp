#include "picket/inspection/inspection.hpp"

#include <algorithm>
#include <optional>

namespace picket::inspection {
namespace {

/// A filter that fails closed does not go past events that the agent would not take.
pool::Demand demand_of(const Filter& filter) {
  return filter.failure_mode == FailureMode::closed ? pool::Demand::every_kind : pool::Demand::declared;
}

base::RecycledVector<Participant> participants_of(const Chain& chain, const base::CorrelationId& id) {
  base::RecycledVector<Participant> participants;
  participants.reserve(chain.filters.size());
  for (const auto& filter : chain.filters)
    participants.push_back({.filter = filter, .exchange = pool::Exchange{*filter.agent, id, demand_of(filter)}});
  return participants;
}

}  // namespace

Inspection::Inspection(transport::Worker& worker, const Chain& chain, AuditSink* audit, const base::CorrelationId& id,
                       base::Arena& arena)
    : worker_(worker),
      id_(id),
      arena_(arena),
      conclusions_(chain, audit, id, arena),
      participants_(participants_of(chain, id_)),
      request_body_(body::Direction::request, chain, participants_, conclusions_, worker, arena),
      response_body_(body::Direction::response, chain, participants_, conclusions_, worker, arena),
      frames_(participants_, conclusions_, worker, arena) {}

base::Deadline Inspection::deadline(const Participant& participant) const {
  return base::Deadline::after(worker_.now(), participant.filter.timeout);
}

// ---- the request's head

transport::Task<Verdict> Inspection::request_headers(wire::RequestHeaders& event) {
  for (Participant& participant : participants_)
    participant.exchange.stick_to(session_of(participant.filter.stickiness, event));
  frames_.set_head(event);
  base::ArenaList<std::size_t> wanting{arena_};
  for (std::size_t i = 0; i < participants_.size(); ++i)
    if (participants_[i].filter.events.request_headers) wanting.push_back(i);
  const std::span<const std::size_t> asked = wanting.items();
  if (asked.empty()) co_return Verdict{};
  if (asked.size() == 1) co_return co_await ask_one(participants_[asked.front()], event);
  co_return co_await ask_in_parallel(event, asked);
}

transport::Task<Verdict> Inspection::ask_one(Participant& participant, wire::RequestHeaders& event) {
  const Asked asked{participant, {.kind = wire::EventKind::request_headers}, base::Clock::now()};
  const base::Deadline until = deadline(participant);
  pool::Call head = participant.exchange.request_headers(event, until);
  request_body_.send_along(participant, until);
  co_await pool::Ended{head};
  participant.head_ended(head);
  auto outcome = conclusions_.conclude(asked, head);
  conclusions_.collect_operations(asked, head, outcome);
  if (outcome.opinion.state != Opinion::State::allows) {
    const bool decided = outcome.opinion.state == Opinion::State::decides;
    request_body_.withdraw(participant, decided ? wire::CancelReason::blocked_by_agent : wire::CancelReason::manual);
  }
  co_return std::move(outcome.verdict);
}

transport::Task<Verdict> Inspection::ask_in_parallel(wire::RequestHeaders& event, std::span<const std::size_t> asked) {
  const base::TimePoint now = base::Clock::now();
  const auto about = [&](std::size_t i) {
    return Asked{participants_[asked[i]], {.kind = wire::EventKind::request_headers}, now};
  };
  pool::CallSet set;
  base::RecycledVector<std::optional<pool::Call>> calls(asked.size());
  base::RecycledVector<Opinion> opinions(asked.size());
  base::RecycledVector<Outcome> outcomes(asked.size());
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
      participants_[asked[i]].head_ended(*calls[i]);
      outcomes[i] = conclusions_.conclude(about(i), *calls[i]);
      opinions[i] = outcomes[i].opinion;
    }
    merged = merge(opinions);
    if (merged.kind != Merged::Kind::undecided) break;
    co_await set.next();
  }
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (!calls[i]->done()) participants_[asked[i]].exchange.cancel(wire::CancelReason::blocked_by_agent);
  Verdict verdict;
  if (merged.kind != Merged::Kind::allow) verdict = std::move(outcomes[merged.index].verdict);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!verdict.goes_on()) {
      conclusions_.pass_over(about(i), *calls[i], outcomes[i]);
      continue;
    }
    conclusions_.collect_operations(about(i), *calls[i], outcomes[i]);
    verdict = std::move(outcomes[i].verdict);
  }
  co_return verdict;
}

// ---- the response's head

bool Inspection::wants_response_headers() const {
  return std::ranges::any_of(participants_, [](const Participant& participant) {
    return participant.filter.events.response_headers && !participant.failed_open;
  });
}

transport::Task<Verdict> Inspection::response_headers(const wire::ResponseHeaders& event, bool has_body) {
  http::FieldList fields{arena_};
  for (const auto& field : event.headers) fields.push_back(field);
  http::apply(response_operations(), fields, arena_);
  for (auto& participant : participants_) {
    if (!participant.filter.events.response_headers || participant.failed_open) continue;
    wire::ResponseHeaders seen{.status = event.status, .headers = std::span<const base::Header>{fields.items()}};
    const Asked asked{
        participant, {.kind = wire::EventKind::response_headers, .is_last = !has_body}, base::Clock::now()};
    const base::Deadline until = deadline(participant);
    pool::Call call = participant.exchange.response_headers(seen, until);
    co_await pool::Ended{call};
    auto outcome = conclusions_.conclude(asked, call);
    conclusions_.collect_operations(asked, call, outcome);
    if (!outcome.verdict.goes_on()) co_return std::move(outcome.verdict);
    if (outcome.opinion.state != Opinion::State::allows) continue;
    http::apply(call.response().response_headers, fields, arena_);
    participant.holds_answer = call.response().needs_more;
  }
  co_return Verdict{};
}

void Inspection::cancel(wire::CancelReason reason) {
  conclusions_.cancel();
  for (auto& participant : participants_) participant.exchange.cancel(reason);
}

void Inspection::complete(const wire::RequestComplete& summary) {
  for (auto& participant : participants_) participant.exchange.complete(summary);
}

}  // namespace picket::inspection

#include "picket/inspection/body_inspection.hpp"

#include <algorithm>
#include <cstring>

/// A body on its way: who is asked when, and what comes of what they say.
namespace picket::inspection {

BodyInspection::Chunk::Chunk(pool::Exchange& exchange, body::Direction direction, body::Chunk cut,
                             base::Deadline deadline)
    : began(base::Clock::now()),
      bytes(std::move(cut.bytes)),
      number(cut.number),
      is_last(cut.is_last),
      goes_past(cut.goes_past),
      event(direction == body::Direction::request ? Event{wire::RequestBodyChunk{.data = bytes.view(),
                                                                                 .is_last = cut.is_last,
                                                                                 .total_size = cut.body_size,
                                                                                 .chunk_index = cut.number,
                                                                                 .bytes_received = cut.received}}
                                                  : Event{wire::ResponseBodyChunk{.data = bytes.view(),
                                                                                  .is_last = cut.is_last,
                                                                                  .total_size = cut.body_size,
                                                                                  .chunk_index = cut.number,
                                                                                  .bytes_sent = cut.received}}),
      call(direction == body::Direction::request
               ? exchange.request_body(std::get<wire::RequestBodyChunk>(event), deadline)
               : exchange.response_body(std::get<wire::ResponseBodyChunk>(event), deadline)) {}

// ---- the body

void BodyInspection::feed(base::SharedBytes bytes, bool is_last) {
  fed_ += bytes.size();
  has_ended_ = has_ended_ || is_last;
  if (packed_) packed_->push(bytes);
  pipeline_->feed({std::move(bytes), is_last});
  if (guardrail_) guardrail_->tell_what_goes_past();
}

/// Who lets something out has not paused it for good.
body::Part BodyInspection::take() {
  body::Part part = pipeline_->take();
  if (part.bytes.empty()) return part;
  pauses_end_ = base::Deadline::after(worker_.now(), most_paused);
  packed_.reset();
  return part;
}

/// What was stopped takes no more bytes, so that nobody may wait for them: the next step is to hear why.
bool BodyInspection::has_to_ask() const noexcept {
  const bool guardrail_has = guardrail_ && guardrail_->has_to_ask();
  return pipeline_->is_stopped() || guardrail_has || std::ranges::any_of(judges_, [](const Judge& judge) {
           return !judge.asked.empty() || judge.stage.has_next();
         });
}

transport::Task<Verdict> BodyInspection::judge() {
  begin(0);
  while (true) {
    pipeline_->pump();
    Verdict verdict = refusal();
    if (guardrail_) guardrail_->tell_what_goes_past();
    const bool heard = verdict.goes_on() && ask_and_hear(verdict);
    if (!verdict.goes_on()) {
      for (auto& judge : judges_) withdraw(judge, wire::CancelReason::blocked_by_agent);
      if (guardrail_) guardrail_->withdraw(wire::CancelReason::blocked_by_agent);
      co_return verdict;
    }
    if (heard) continue;
    if (lets_out()) co_return verdict;
    if (is_asking()) {
      co_await answers_.next();
      continue;
    }
    Judge* const waiting = held_up();
    if (waiting == nullptr) co_return verdict;
    Participant& who = waiting->participant;
    co_await who.exchange.more_wanted(pauses_end_);
    if (holds_up(who)) co_return verdict;  // it was stopped
  }
}

/// Asks what may be asked now, and takes the answers that have come. Whether there were any.
bool BodyInspection::ask_and_hear(Verdict& verdict) {
  for (auto& judge : judges_)
    if (may_ask(judge)) send(judge);
  if (guardrail_ && may_ask_texts()) guardrail_->send(answers_);
  return hear(verdict);
}

// ---- who is asked first

/// An agent that is asked about chunks and about texts, and does not tell answers apart, is asked one by one.
bool BodyInspection::takes_turns(const Judge& judge) const noexcept {
  return guardrail_ && &judge.participant == &guardrail_->participant() &&
         !judge.participant.exchange.tells_answers_apart();
}

bool BodyInspection::may_ask(const Judge& judge) const noexcept {
  return !takes_turns(judge) || !guardrail_->is_awaited();
}

bool BodyInspection::may_ask_texts() const noexcept {
  return std::ranges::none_of(judges_,
                              [this](const Judge& judge) { return takes_turns(judge) && !judge.asked.empty(); });
}

// ---- pauses

bool BodyInspection::holds_up(const Participant& participant) const noexcept {
  return participant.exchange.is_paused() && !pauses_end_.passed(worker_.now());
}

BodyInspection::Judge* BodyInspection::held_up() noexcept {
  const auto found = std::ranges::find_if(judges_, [this](const Judge& judge) {
    return judge.asked.empty() && judge.stage.has_next() && holds_up(judge.participant);
  });
  return found != judges_.end() ? &*found : nullptr;
}

bool BodyInspection::may_go_beside() const noexcept {
  return std::ranges::all_of(judges_, [](const Judge& judge) {
    const Events& asked = judge.participant.filter.events;
    const bool is_asked_once = !asked.response_headers && !asked.response_body;
    return judge.stage.state() == body::AgentStage::State::passes || is_asked_once ||
           judge.participant.exchange.tells_answers_apart();
  });
}

bool BodyInspection::pauses(const Judge& judge) const noexcept {
  return judge.stage.state() != body::AgentStage::State::passes && holds_up(judge.participant);
}

bool BodyInspection::is_paused() const noexcept {
  return !pipeline_->is_stopped() && std::ranges::any_of(judges_, [this](const Judge& judge) { return pauses(judge); });
}

transport::Task<void> BodyInspection::more_wanted(base::Deadline deadline) {
  const base::Deadline until = std::min(deadline, pauses_end_);
  const auto paused = std::ranges::find_if(judges_, [this](const Judge& judge) { return pauses(judge); });
  if (paused != judges_.end()) co_await paused->participant.exchange.more_wanted(until);
}

void BodyInspection::stop_waiting() noexcept {
  for (const Judge& judge : judges_) judge.participant.exchange.stop_waiting();
}

bool BodyInspection::is_asking() const noexcept {
  if (guardrail_ && guardrail_->is_asking()) return true;
  // Who waits for its turn hears of the answer that comes first.
  return std::ranges::any_of(judges_, [this](const Judge& judge) {
    return !judge.asked.empty() || (judge.stage.has_next() && !may_ask(judge));
  });
}

// ---- to the agents

void BodyInspection::send(Judge& judge) {
  const Filter& filter = judge.participant.filter;
  const base::Deadline deadline = base::Deadline::after(worker_.now(), filter.chunk_timeout.value_or(filter.timeout));
  if (judge.asked.empty() && (holds_up(judge.participant) || !send_one(judge, deadline))) return;
  send_ahead(judge, deadline);
}

/// Beside each other and beside what else of the exchange is in flight, as many as may be: perhaps none.
void BodyInspection::send_ahead(Judge& judge, base::Deadline deadline) {
  const pool::Exchange& exchange = judge.participant.exchange;
  while (judge.asked.size() < body::chunks_at_once && exchange.can_pipeline() && !exchange.is_paused())
    if (!send_one(judge, deadline)) return;
}

/// What goes past an agent is seen in metrics and audit log, and in the chunk itself, whose body is larger than what it
/// received. Rules about the head may wait for a last chunk, and are not to be avoided by a large body.
bool BodyInspection::send_one(Judge& judge, base::Deadline deadline) {
  const std::uint64_t room = judge.participant.exchange.body_room();
  auto cut = judge.stage.next(room != 0 ? room : body::whole);
  if (!cut) return false;
  if (cut->goes_past) conclusions_.go_past({judge.participant, {.kind = kind()}, base::Clock::now()}, judge.why_past);
  judge.asked.add(judge.participant.exchange, direction_, std::move(*cut), deadline);
  answers_.add(judge.asked.back().call);
  return true;
}

void BodyInspection::send_along(const Participant& participant, base::Deadline of_head) {
  const auto first = std::ranges::find_if(participants_, [&](const Participant& other) { return wants(other); });
  if (!has_ended_ || has_begun_ || !coding_.is_none() || first == participants_.end() || &*first != &participant)
    return;
  if (fed_ > limit(participant) || !participant.exchange.can_pipeline()) return;
  begin(fed_);
  // The agent may take all of the head's time before it comes to the body, which has as much of its own.
  send_ahead(judges_.front(), base::Deadline::after(
                                  of_head.at(), participant.filter.chunk_timeout.value_or(participant.filter.timeout)));
}

void BodyInspection::withdraw(const Participant& participant, wire::CancelReason reason) {
  if (Judge* const judge = judge_of(participant)) {
    withdraw(*judge, reason);
    if (participant.failed_open) judge->stage.fail_open();
  }
  if (guardrail_ && &guardrail_->participant() == &participant && participant.failed_open) guardrail_->open();
  pipeline_->pump();
}

void BodyInspection::withdraw(Judge& judge, wire::CancelReason reason) {
  if (judge.asked.awaits_any()) judge.participant.exchange.cancel(reason);
  judge.asked.clear();
}

// ---- what they say

bool BodyInspection::hear(Verdict& verdict) {
  bool heard = false;
  for (auto& judge : judges_)
    while (verdict.goes_on() && !judge.asked.empty() && judge.asked.front().call.done()) {
      heard = true;
      verdict = conclude(judge);
    }
  if (guardrail_) heard = guardrail_->hear(verdict, has_left_) || heard;
  return heard;
}

Verdict BodyInspection::conclude(Judge& judge) {
  const Chunk& chunk = judge.asked.front();
  const Asked asked = about(judge, chunk);
  auto outcome = conclusions_.conclude(asked, chunk.call);
  conclusions_.collect_operations(asked, chunk.call, outcome);
  if (outcome.opinion.state == Opinion::State::decides) {
    withdraw(judge, wire::CancelReason::blocked_by_agent);
    judge.stage.refuse();
  } else if (outcome.opinion.state == Opinion::State::failed) {
    withdraw(judge, wire::CancelReason::manual);
    outcome.verdict.goes_on() ? judge.stage.fail_open() : judge.stage.refuse();
  } else if (chunk.call.skipped()) {
    withdraw(judge, wire::CancelReason::manual);
    judge.stage.skip();
  } else if (!apply(judge, chunk.call.response())) {
    withdraw(judge, wire::CancelReason::manual);
    judge.stage.refuse();
    outcome.verdict = {.failure = Failure::overloaded};
  } else {
    judge.asked.pop_front();
    if (judge.asked.empty()) judge.participant.exchange.forget_answers(kind());
  }
  return std::move(outcome.verdict);
}

/// Whether there was room for it.
bool BodyInspection::apply(Judge& judge, const wire::AgentResponse& response) {
  const auto& mutation =
      direction_ == body::Direction::request ? response.request_body_mutation : response.response_body_mutation;
  if (mutation && mutation->data) {
    auto kept = keep(*mutation->data);
    if (!kept) return false;
    judge.stage.replace(mutation->chunk_index, std::move(*kept));
  }
  judge.stage.allow(response.needs_more);
  return true;
}

/// In one piece, and as long as it is held: the answer is forgotten before. Nothing where it may not be held.
std::optional<base::SharedBytes> BodyInspection::keep(base::ByteView bytes) {
  if (bytes.empty()) return base::SharedBytes{};
  base::SharedBytes kept;
  if (bytes.size() > base::block_size) {
    base::Block block = worker_.blocks().take(bytes.size());
    std::memcpy(block.bytes().data(), bytes.data(), bytes.size());
    const base::ByteView copied = base::as_bytes({block.bytes().data(), bytes.size()});
    kept = {std::move(block), copied};
  } else {
    if (replacements_.space().size() < bytes.size()) replacements_.clear();
    std::memcpy(replacements_.space().data(), bytes.data(), bytes.size());
    kept = replacements_.commit(bytes.size());
  }
  if (!kept.block().count(bytes.size())) return std::nullopt;
  return kept;
}

}  // namespace picket::inspection

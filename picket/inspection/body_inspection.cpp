#include "picket/inspection/body_inspection.hpp"

#include <algorithm>
#include <cstring>

#include "picket/session/body_event.hpp"

namespace picket::inspection {
namespace {

// Smaller chunks than this are not sent, whatever an agent prefers: it would make an event of every byte.
constexpr std::uint64_t smallest_chunk_limit = 1024;

constexpr std::uint64_t usual_chunk = 65'536;

const BodyTerms& terms_of(const Filter& filter, body::Direction direction) noexcept {
  return direction == body::Direction::request ? filter.request_body : filter.response_body;
}

/// What a route takes of clients says nothing of answers.
std::uint64_t most_of(const Chain& chain, body::Direction direction) noexcept {
  return direction == body::Direction::request ? chain.max_body_size : body::Pipeline::unlimited;
}

/// None: the agent has not said.
std::uint64_t largest_body(const session::AgentInfo* info) noexcept {
  return info != nullptr && info->limits.max_body_size != 0 ? info->limits.max_body_size : body::whole;
}

}  // namespace

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

BodyInspection::BodyInspection(body::Direction direction, const Chain& chain, std::span<Participant> participants,
                               Conclusions& conclusions, transport::Worker& worker, base::Arena& arena)
    : direction_(direction),
      chain_(chain),
      participants_(participants),
      conclusions_(conclusions),
      worker_(worker),
      arena_(arena),
      pipeline_(most_of(chain, direction)),
      replacements_(worker.blocks()) {}

// ---- what is known beforehand

bool BodyInspection::begin(std::uint64_t size) {
  if (!std::exchange(has_begun_, true)) {
    pauses_end_ = base::Deadline::after(worker_.now(), most_paused);
    for (auto& participant : participants_)
      if (wants(participant) && !participant.failed_open && can_show(participant))
        judges_.emplace_back(participant, policy(participant));
    add_guardrail();
    add_stages();
    if (guardrail_) guardrail_->tell_what_goes_past();
  }
  pipeline_.expect(size);
  return is_watched();
}

void BodyInspection::set_coding(const base::Headers& head) noexcept {
  if (chain_.decompress) coding_ = ContentCoding{head};
}

bool BodyInspection::wants_unpacked() const noexcept {
  return chain_.decompress && std::ranges::any_of(participants_, [this](const Participant& participant) {
           return participant.filter.decompress && (wants(participant) || has_guardrail(participant)) &&
                  !participant.failed_open;
         });
}

/// A body whose coding cannot be undone is a failure of who wants to see what is in it.
bool BodyInspection::can_show(Participant& participant) {
  if (!participant.filter.decompress || coding_.is_none() || coding_.undoable()) return true;
  if (participant.filter.failure_mode == FailureMode::closed) {
    unshown_ = &participant;
    return true;
  }
  conclusions_.go_past({participant, {.kind = kind()}, base::Clock::now()});
  return false;
}

bool BodyInspection::has_guardrail(const Participant& participant) const noexcept {
  if (!chain_.guardrail || &participant != &participants_[chain_.guardrail->filter]) return false;
  const bool is_of_request = direction_ == body::Direction::request;
  return (is_of_request ? chain_.guardrail->prompt : chain_.guardrail->response) != Action::off;
}

void BodyInspection::add_guardrail() {
  if (!chain_.guardrail) return;
  Participant& participant = participants_[chain_.guardrail->filter];
  if (!has_guardrail(participant) || participant.failed_open) return;
  // A filter of this body was told before that it goes past.
  const bool is_shown = wants(participant) ? judge_of(participant) != nullptr : can_show(participant);
  if (!is_shown) return;
  const GuardrailInspection::Terms terms{
      .guardrail = *chain_.guardrail, .direction = direction_, .refuses_unread = expects_texts_};
  guardrail_.emplace(terms, participant, conclusions_, worker_);
}

BodyInspection::Judge* BodyInspection::judge_of(const Participant& participant) noexcept {
  const auto found =
      std::ranges::find_if(judges_, [&](const Judge& judge) { return &judge.participant == &participant; });
  return found != judges_.end() ? &*found : nullptr;
}

/// What is unpacked is unpacked for all of them.
void BodyInspection::add_stages() {
  const bool unpacks = guardrail_ || std::ranges::any_of(judges_, [](const Judge& judge) {
                         return judge.participant.filter.decompress;
                       });
  const auto coding = unpacks ? coding_.undoable() : std::nullopt;
  if (coding) {
    const bool is_of_request = direction_ == body::Direction::request;
    unpacking_.emplace(*coding, worker_.blocks(), body::UnpackLimits{.size = is_of_request ? chain_.max_body_size : 0});
  }
  const auto stages = arena_.allocate_array<body::Stage*>((unpacking_ ? 1 : 0) + judges_.size() + (guardrail_ ? 1 : 0));
  auto to = stages.begin();
  if (unpacking_) *to++ = &*unpacking_;
  for (Judge& judge : judges_) *to++ = &judge.stage;
  if (guardrail_) *to = &guardrail_->stage();
  pipeline_.set_stages(stages);
}

bool BodyInspection::is_watched() const noexcept {
  if (guardrail_ && !guardrail_->stage().passes()) return true;
  return std::ranges::any_of(judges_,
                             [](const Judge& judge) { return judge.stage.state() != body::AgentStage::State::passes; });
}

bool BodyInspection::may_change() const noexcept {
  return unpacking_ || guardrail_ ||
         std::ranges::any_of(judges_, [](const Judge& judge) { return judge.stage.may_change(); });
}

bool BodyInspection::holds_any() const noexcept {
  if (guardrail_ && guardrail_->stage().holds_any()) return true;
  return std::ranges::any_of(judges_, [](const Judge& judge) {
    return judge.stage.holds_any() || (judge.participant.holds_answer && judge.stage.is_at_start());
  });
}

bool BodyInspection::wants(const Participant& participant) const noexcept {
  const Events& events = participant.filter.events;
  return direction_ == body::Direction::request ? events.request_body : events.response_body;
}

/// Bytes of a body that are held for this agent.
std::uint64_t BodyInspection::limit(const Participant& participant) const {
  const BodyTerms& terms = terms_of(participant.filter, direction_);
  const bool holds_all = terms.gathers == body::whole;
  return holds_all ? std::min(terms.holds, largest_body(participant.exchange.agent_info())) : terms.holds;
}

body::AgentPolicy BodyInspection::policy(const Participant& participant) const {
  const auto* const info = participant.exchange.agent_info();
  const auto& configured = participant.filter.chunk_size;
  body::AgentPolicy policy{.gathers = terms_of(participant.filter, direction_).gathers,
                           .holds = limit(participant),
                           .holds_back = terms_of(participant.filter, direction_).holds_back,
                           .refuses_larger = participant.filter.failure_mode == FailureMode::closed,
                           .largest_chunk = std::max<std::uint64_t>(configured.value_or(usual_chunk), 1)};
  if (info != nullptr && session::judges_events_alone(*info) && !configured) {
    // What lies across a cut would be seen by nobody.
    policy.largest_chunk = session::largest_body_event;
    policy.joins_in = &worker_.blocks();
  } else if (info != nullptr && info->limits.preferred_chunk_size != 0) {
    const std::uint64_t preferred = std::max(info->limits.preferred_chunk_size, smallest_chunk_limit);
    policy.largest_chunk = std::min(policy.largest_chunk, preferred);
  }
  if (policy.gathers != body::whole) policy.largest_chunk = std::min(policy.largest_chunk, largest_body(info));
  return policy;
}

/// An agent's limit is its failure, the chain's is nobody's; nor is a body that is not what it says.
Verdict BodyInspection::refusal() {
  const bool is_of_request = direction_ == body::Direction::request;
  const Question about_it{.kind = kind(), .has_left = has_left_};
  const Failure undecodable = is_of_request ? Failure::body_undecodable : Failure::answer_undecodable;
  if (unshown_ != nullptr)
    return conclusions_.fail_closed({*std::exchange(unshown_, nullptr), about_it, base::Clock::now()}, undecodable)
        .verdict;
  if (guardrail_ && pipeline_.stopper() == &guardrail_->stage() && guardrail_->has_failed())
    return guardrail_->refusal(has_left_);
  if (pipeline_.stopped() == body::Stop::undecodable) return {.failure = undecodable};
  if (pipeline_.stopped() == body::Stop::overloaded) return {.failure = Failure::overloaded};
  if (pipeline_.stopped() != body::Stop::too_large) return {};
  const Failure failure = is_of_request ? Failure::body_too_large : Failure::answer_too_large;
  for (auto& judge : judges_) {
    if (&judge.stage != pipeline_.stopper()) continue;
    withdraw(judge, wire::CancelReason::manual);
    return conclusions_.fail_closed({judge.participant, about_it, base::Clock::now()}, failure).verdict;
  }
  return {.failure = failure};
}

// ---- the body

void BodyInspection::feed(base::SharedBytes bytes, bool is_last) {
  fed_ += bytes.size();
  has_ended_ = has_ended_ || is_last;
  pipeline_.feed({std::move(bytes), is_last});
  if (guardrail_) guardrail_->tell_what_goes_past();
}

/// Who lets something out has not paused it for good.
body::Part BodyInspection::take() {
  body::Part part = pipeline_.take();
  if (!part.bytes.empty()) pauses_end_ = base::Deadline::after(worker_.now(), most_paused);
  return part;
}

/// What was stopped takes no more bytes, so that nobody may wait for them: the next step is to hear why.
bool BodyInspection::has_to_ask() const noexcept {
  const bool guardrail_has = guardrail_ && guardrail_->has_to_ask();
  return pipeline_.is_stopped() || guardrail_has || std::ranges::any_of(judges_, [](const Judge& judge) {
           return !judge.asked.empty() || judge.stage.has_next();
         });
}

transport::Task<Verdict> BodyInspection::judge() {
  begin(0);
  if (unshown_ != nullptr || pipeline_.is_stopped()) co_return refusal();
  while (true) {
    for (auto& judge : judges_)
      if (may_ask(judge)) send(judge);
    if (guardrail_ && may_ask_texts()) guardrail_->send(answers_);
    Verdict verdict;
    const bool heard = hear(verdict);
    pipeline_.pump();
    if (verdict.goes_on()) verdict = refusal();
    if (guardrail_) guardrail_->tell_what_goes_past();
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
    co_await waiting->participant.exchange.more_wanted(pauses_end_);
    if (holds_up(*waiting)) co_return verdict;  // it was stopped
  }
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

bool BodyInspection::holds_up(const Judge& judge) const noexcept {
  return judge.participant.exchange.is_paused() && !pauses_end_.passed(worker_.now());
}

BodyInspection::Judge* BodyInspection::held_up() noexcept {
  const auto found = std::ranges::find_if(
      judges_, [this](const Judge& judge) { return judge.asked.empty() && judge.stage.has_next() && holds_up(judge); });
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
  return judge.stage.state() != body::AgentStage::State::passes && holds_up(judge);
}

bool BodyInspection::is_paused() const noexcept {
  return !pipeline_.is_stopped() && std::ranges::any_of(judges_, [this](const Judge& judge) { return pauses(judge); });
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
  if (judge.asked.empty() && (holds_up(judge) || !send_one(judge, deadline))) return;
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
  if (cut->goes_past) conclusions_.go_past({judge.participant, {.kind = kind()}, base::Clock::now()});
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
  pipeline_.pump();
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

Asked BodyInspection::about(Judge& judge, const Chunk& chunk) const {
  return {judge.participant,
          {.kind = kind(),
           .body = chunk.goes_past ? nullptr : &judge.stage,
           .chunk = chunk.number,
           .is_last = chunk.is_last,
           .has_left = has_left_,
           .max_body_size = most_of(chain_, direction_)},
          chunk.began};
}

wire::EventKind BodyInspection::kind() const noexcept {
  return direction_ == body::Direction::request ? wire::EventKind::request_body_chunk
                                                : wire::EventKind::response_body_chunk;
}

}  // namespace picket::inspection

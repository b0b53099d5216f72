#include "picket/inspection/frame_inspection.hpp"

#include <algorithm>

#include "picket/pool/agent.hpp"
#include "picket/websocket/close.hpp"

namespace picket::inspection {
namespace {

FrameVerdict closing(const Outcome& outcome) noexcept {
  const Verdict& verdict = outcome.verdict;
  const bool has_failed = verdict.failure != Failure::none;
  return {.kind = FrameVerdict::Kind::closes,
          .code = has_failed ? websocket::close_codes::internal_error : websocket::close_codes::policy,
          .failure = verdict.failure,
          .decision = verdict.decision,
          .agent = verdict.agent};
}

}  // namespace

bool FrameInspection::is_watched() const noexcept { return std::ranges::any_of(participants_, wants); }

void FrameInspection::set_head(const wire::RequestHeaders& head) {
  const auto may_see_it_again = [](const Participant& participant) {
    const Filter& filter = participant.filter;
    return wants(participant) && filter.events.request_headers && filter.failure_mode == FailureMode::open;
  };
  if (std::ranges::any_of(participants_, may_see_it_again)) head_ = arena_.copy(std::span{&head, 1}).data();
}

void FrameInspection::stop() {
  is_stopped_ = true;
  for (auto& participant : participants_) {
    participant.exchange.stop_waiting();
    if (participant.exchange.has_pending_calls()) participant.exchange.cancel(wire::CancelReason::manual);
  }
}

transport::Task<FrameVerdict> FrameInspection::judge(wire::WebSocketFrame& frame) {
  FrameVerdict verdict;
  for (auto& participant : participants_) {
    if (!wants(participant)) continue;
    if (must_begin_again(participant)) {
      const bool may_be_asked = co_await begin_again(participant, verdict);
      if (is_stopped_ || verdict.kind == FrameVerdict::Kind::closes) break;
      if (!may_be_asked) continue;
    }
    const base::Deadline pause_ends = base::Deadline::after(worker_.now(), most_paused);
    co_await participant.exchange.more_wanted(pause_ends);
    if (is_stopped_) break;
    const Asked asked{participant, {.kind = wire::EventKind::websocket_frame, .has_left = true}, base::Clock::now()};
    const base::Deadline until = base::Deadline::after(worker_.now(), participant.filter.timeout);
    pool::Call call = participant.exchange.websocket_frame(frame, until);
    co_await pool::Ended{call};
    if (is_stopped_) break;
    conclude(asked, call, verdict);
    participant.exchange.forget_frame_answers(frame.client_to_server);
    if (verdict.kind == FrameVerdict::Kind::closes) break;
  }
  co_return verdict;
}

void FrameInspection::conclude(const Asked& asked, const pool::Call& call, FrameVerdict& verdict) {
  const Outcome outcome = conclusions_.conclude(asked, call);
  Participant& participant = asked.participant;
  participant.skips_frames = call.skipped();
  call.result() ? participant.asking_again.answered() : note_failure(participant, call);
  if (!outcome.verdict.goes_on()) {
    verdict = closing(outcome);
  } else if (outcome.opinion.state == Opinion::State::allows && !call.skipped()) {
    if (passes_frame(call.response())) return conclusions_.pass_over(asked, call, outcome);
    const auto* const close = std::get_if<wire::WebSocketClose>(&*call.response().websocket_decision);
    verdict.kind = close != nullptr ? FrameVerdict::Kind::closes : FrameVerdict::Kind::drops;
    if (close == nullptr) return;
    verdict.code = close->code;
    verdict.reason = arena_.copy(close->reason);
    verdict.decision = "close";
    verdict.agent = participant.filter.agent->id();
  }
}

// ---- agents that come back

/// A tunnel may last for days: an agent that fails open about one frame, and be it that it dies, leaves no other
/// uninspected. Who fails closed has ended it.
bool FrameInspection::must_begin_again(const Participant& participant) const noexcept {
  using enum Participant::Head;
  const pool::Exchange& exchange = participant.exchange;
  if (participant.filter.failure_mode != FailureMode::open || participant.head == underway ||
      exchange.has_pending_calls())
    return false;
  return exchange.is_lost() || !exchange.has_begun() || (shows_head(participant) && participant.head == unknown);
}

/// An agent that lets each frame wait for its time-out would hold up all of them, and be asked twice as much for it.
bool FrameInspection::is_left_alone(Participant& participant) {
  if (participant.asking_again.may_begin(worker_.now())) return false;
  conclusions_.fail_open(
      {participant, {.kind = wire::EventKind::websocket_frame, .has_left = true}, base::Clock::now()});
  return true;
}

/// Who is not there is told of at once, and may be there with the next frame: only what was waited for counts.
void FrameInspection::note_failure(Participant& participant, const pool::Call& call) {
  if (call.result().error().kind() == base::ErrorKind::timeout || participant.exchange.is_lost())
    participant.asking_again.failed(worker_.now());
}

/// To the agent it is another exchange, under an id of its own: an answer that still comes about the one before is
/// nobody's, wherever it comes. What the agent kept of that one it may forget.
transport::Task<bool> FrameInspection::begin_again(Participant& participant, FrameVerdict& verdict) {
  if (is_left_alone(participant)) co_return false;
  participant.asking_again.begin();
  pool::Exchange& exchange = participant.exchange;
  if (exchange.has_begun()) {
    exchange.complete({.status = 101, .error = "it goes on as another exchange"});
    base::MintedId id = worker_.ids().mint();
    exchange.begin_again(participant.new_id.emplace(std::move(id)));
  }
  if (!shows_head(participant) || participant.head == Participant::Head::skipped) co_return true;
  participant.head = Participant::Head::underway;
  co_return co_await introduce(participant, verdict);
}

/// Its word on the head counts as one on a frame does. Operations on what has left are of no use, and no mistake.
transport::Task<bool> FrameInspection::introduce(Participant& participant, FrameVerdict& verdict) {
  const Asked asked{participant, {.kind = wire::EventKind::request_headers, .has_left = true}, base::Clock::now()};
  const base::Deadline until = base::Deadline::after(worker_.now(), participant.filter.timeout);
  wire::RequestHeaders head = *head_;
  pool::Call call = participant.exchange.request_headers(head, until);
  co_await pool::Ended{call};
  if (is_stopped_) co_return false;
  participant.head_ended(call);
  if (!call.result()) note_failure(participant, call);
  const Outcome outcome = conclusions_.conclude(asked, call);
  conclusions_.pass_over(asked, call, outcome);
  participant.exchange.forget_answers(wire::EventKind::request_headers);
  if (!outcome.verdict.goes_on()) verdict = closing(outcome);
  co_return outcome.opinion.state == Opinion::State::allows;
}

}  // namespace picket::inspection

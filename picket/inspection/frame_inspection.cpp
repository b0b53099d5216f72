#include "picket/inspection/frame_inspection.hpp"

#include <algorithm>

#include "picket/pool/agent_pool.hpp"
#include "picket/websocket/close.hpp"

namespace picket::inspection {

bool FrameInspection::is_watched() const noexcept { return std::ranges::any_of(participants_, wants); }

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
  // A tunnel may last for days: one frame that fails leaves no other uninspected. What it never takes is told once.
  participant.failed_open = call.skipped();
  if (!outcome.verdict.goes_on()) {
    const bool has_failed = outcome.verdict.failure != Failure::none;
    verdict = {.kind = FrameVerdict::Kind::closes,
               .code = has_failed ? websocket::close_codes::internal_error : websocket::close_codes::policy,
               .failure = outcome.verdict.failure,
               .decision = outcome.verdict.decision,
               .agent = outcome.verdict.agent};
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

}  // namespace picket::inspection

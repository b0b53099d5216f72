#pragma once

#include <cstddef>
#include <span>

#include "picket/base/recycled_containers.hpp"
#include "picket/inspection/body_inspection.hpp"
#include "picket/inspection/chain.hpp"
#include "picket/inspection/conclusions.hpp"
#include "picket/inspection/frame_inspection.hpp"
#include "picket/inspection/participant.hpp"
#include "picket/inspection/verdict.hpp"
#include "picket/transport/task.hpp"

namespace picket::inspection {

/// Asks a chain's agents about one request and its response, and keeps what they want changed.
///
/// Heads of requests go to all agents in parallel; bodies and response heads in filter order, each agent seeing what
/// the one before made of it. Only an agent that is asked alone may get a body before it has answered the head: with
/// several, none looks at the body of a request that another refuses. An agent that failed open is not asked again.
///
///   Inspection inspection{worker, chain, nullptr, id, arena};
///   const Verdict verdict = co_await inspection.request_headers(event);
///   if (!verdict.goes_on()) return refuse(verdict);
///
/// Thread safety: its worker's thread. Lifetime: the events' views must live until complete(); the arena outlives it.
/// Errors: none of its own; a failure of an agent is in the verdict, or counted where the exchange goes on without it.
class Inspection {
 public:
  /// `worker`: the agents'. `audit` may be null. `id`: minted by the worker, and outlives this, as all else does.
  Inspection(transport::Worker& worker, const Chain& chain, AuditSink* audit, const base::CorrelationId& id,
             base::Arena& arena);
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;

  /// Takes a body along that has come already, where it may: one that request_body() was fed.
  [[nodiscard]] transport::Task<Verdict> request_headers(wire::RequestHeaders& event);
  /// The request's body. Nothing of it goes on before the verdict on the head: that is for who takes it.
  [[nodiscard]] BodyInspection& request_body() noexcept { return request_body_; }
  [[nodiscard]] bool wants_response_headers() const;
  /// `has_body`: one may follow, so that who needs more of it can be waited for.
  [[nodiscard]] transport::Task<Verdict> response_headers(const wire::ResponseHeaders& event, bool has_body);
  [[nodiscard]] BodyInspection& response_body() noexcept { return response_body_; }

  /// The frames behind an answer that switches to WebSocket.
  [[nodiscard]] FrameInspection& frames() noexcept { return frames_; }

  /// What agents want changed, in the order in which it applies.
  [[nodiscard]] base::HeaderOps request_operations() const noexcept { return conclusions_.request_operations(); }
  [[nodiscard]] base::HeaderOps response_operations() const noexcept { return conclusions_.response_operations(); }

  /// The client went away: whatever is pending ends, with a verdict that lets nothing go on. Counted as nobody's
  /// failure.
  void cancel(wire::CancelReason reason);
  /// Tells every agent that saw anything. Nothing may be asked afterwards.
  void complete(const wire::RequestComplete& summary);

 private:
  [[nodiscard]] base::Deadline deadline(const Participant& participant) const;
  [[nodiscard]] transport::Task<Verdict> ask_one(Participant& participant, wire::RequestHeaders& event);
  [[nodiscard]] transport::Task<Verdict> ask_in_parallel(wire::RequestHeaders& event,
                                                         std::span<const std::size_t> asked);

  transport::Worker& worker_;
  const base::CorrelationId& id_;
  base::Arena& arena_;
  Conclusions conclusions_;
  base::RecycledVector<Participant> participants_;
  BodyInspection request_body_;
  BodyInspection response_body_;
  FrameInspection frames_;
};

}  // namespace picket::inspection

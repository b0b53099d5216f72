#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "picket/inspection/answer.hpp"
#include "picket/inspection/audit_sink.hpp"
#include "picket/inspection/body_calls.hpp"
#include "picket/inspection/chain.hpp"
#include "picket/inspection/failure.hpp"
#include "picket/inspection/merge.hpp"
#include "picket/inspection/operations.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/task.hpp"

namespace picket::inspection {

/// What a phase came to: the exchange goes on, or ends with an answer or a failure.
struct Verdict {
  std::optional<Answer> answer;         ///< The client's, where an agent decided.
  Failure failure = Failure::none;      ///< Of an agent that fails closed.
  std::string_view decision = "allow";  ///< For a log.
  std::string_view agent;               ///< Who decided or failed; empty for allow.

  [[nodiscard]] bool goes_on() const noexcept { return !answer && failure == Failure::none; }
};

/// Asks a chain's agents about one request and its response, and keeps what they want changed.
///
/// Heads of requests go to all agents in parallel; bodies and response heads in filter order, each agent seeing what
/// the one before made of it. Only an agent that is asked alone may get a body before it has answered the head: with
/// several, none looks at the body of a request that another refuses. An agent that failed open is not asked again.
/// Failures are decided by each filter's failure mode, the same in every phase. Thread safety: its worker's thread.
/// Lifetime: the events' views must live until complete(); the arena outlives it.
class Inspection {
 public:
  /// `worker`: the agents'. `audit` may be null. `id`: minted by the worker, and outlives this, as all else does.
  Inspection(transport::Worker& worker, const Chain& chain, AuditSink* audit, const base::CorrelationId& id,
             base::Arena& arena);
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;

  /// `body`: all of it, where it has come already. An agent that is asked alone and wants it gets it along with the
  /// head; what it says of it counts in request_body(), which must follow with the same pieces unless this answers.
  [[nodiscard]] transport::Task<Verdict> request_headers(const wire::RequestHeaders& event,
                                                         const std::vector<base::ByteView>* body = nullptr);

  /// Whether anybody wants the request's body.
  [[nodiscard]] bool wants_request_body() const;
  /// A body with more bytes than this is refused with 413: the smallest limit of a fail-closed agent. This and the next
  /// change when an agent connects that has a limit of its own: who measures one body asks once.
  [[nodiscard]] std::optional<std::uint64_t> refuse_body_above() const;
  /// A body with more bytes than this is looked at by nobody: the largest limit.
  [[nodiscard]] std::uint64_t inspect_body_up_to() const;
  /// The whole body, in pieces; mutations change the pieces. Agents whose limit is below the body's size are asked
  /// without it, as by pass_request_body().
  [[nodiscard]] transport::Task<Verdict> request_body(std::vector<base::ByteView>& pieces);
  /// The body is too large for every agent: it goes on uninspected, counted, unless one of them is fail-closed (413).
  /// Each agent gets one empty last chunk, so that it comes to its verdict on the head. `size`: the body's in bytes,
  /// or what of it was read where it does not declare its own.
  [[nodiscard]] transport::Task<Verdict> pass_request_body(std::uint64_t size);

  [[nodiscard]] bool wants_response_headers() const;
  [[nodiscard]] transport::Task<Verdict> response_headers(const wire::ResponseHeaders& event);

  /// What agents want changed, in the order in which it applies.
  [[nodiscard]] base::HeaderOps request_operations() const noexcept { return request_operations_.all(); }
  [[nodiscard]] base::HeaderOps response_operations() const noexcept { return response_operations_.all(); }

  /// The client went away: whatever is pending ends, with a verdict that lets nothing go on. Counted as nobody's
  /// failure.
  void cancel(wire::CancelReason reason);
  /// Tells every agent that saw anything. Nothing may be asked afterwards.
  void complete(const wire::RequestComplete& summary);

 private:
  struct Participant {
    const Filter& filter;
    pool::Exchange exchange;
    bool failed_open = false;  ///< Not asked again.
  };
  /// One event on its way.
  struct Asked {
    Participant& participant;
    Question question;
    base::TimePoint at;
  };
  /// What came of it.
  struct Outcome {
    Opinion opinion;
    Verdict verdict;
  };

  [[nodiscard]] base::Deadline deadline(const Participant& participant) const;
  [[nodiscard]] std::uint64_t body_limit(const Participant& participant) const;
  // Each counts what came of an event, and tells the sink.
  /// `call` is done.
  [[nodiscard]] Outcome conclude(const Asked& asked, const pool::Call& call);
  [[nodiscard]] Outcome conclude_skipped(const Asked& asked);
  [[nodiscard]] Outcome conclude_failure(const Asked& asked, Failure failure, bool goes_on_despite);
  [[nodiscard]] Outcome conclude_invalid(const Asked& asked, const base::Error& why);
  [[nodiscard]] Outcome fail_closed(const Asked& asked, Failure failure);
  /// Keeps the header operations of an answer that allows; the agent has failed where they are too much. Called in
  /// the chain's order: that is the order in which they apply.
  void collect_operations(const Asked& asked, const pool::Call& call, Outcome& outcome);
  [[nodiscard]] transport::Task<Verdict> ask_in_parallel(const wire::RequestHeaders& event,
                                                         std::vector<std::size_t> asked);
  [[nodiscard]] transport::Task<Verdict> ask_one(Participant& participant, const wire::RequestHeaders& event,
                                                 const std::vector<base::ByteView>* body);
  void send_body_along(Participant& participant, const std::vector<base::ByteView>& body, base::Deadline of_head);
  void withdraw_body(Participant& participant, wire::CancelReason reason);
  /// `size`: what the agent is told of the whole body. `uninspected`: it goes past the agent, which can change nothing
  /// of it and gets an empty chunk; `pieces` are nothing then.
  [[nodiscard]] transport::Task<Verdict> ask_about_body(Participant& participant, std::vector<base::ByteView>& pieces,
                                                        std::uint64_t size, bool uninspected);
  [[nodiscard]] transport::Task<Verdict> ask_without_body(Participant& participant, std::uint64_t size);
  /// The body as this agent gets it.
  [[nodiscard]] std::vector<base::ByteView> chunks_for(const Participant& participant,
                                                       std::span<const base::ByteView> pieces);
  [[nodiscard]] Question about_chunk(const BodyCalls::Chunk& chunk, const RewrittenBody* body) const;
  void audit(const Asked& asked, const AuditOutcome& outcome);
  [[nodiscard]] AuditSubject subject(const Asked& asked) const;

  transport::Worker& worker_;
  const Chain& chain_;
  AuditSink* audit_;
  base::CorrelationId id_;
  base::Arena& arena_;
  std::vector<Participant> participants_;
  std::optional<BodyCalls> body_calls_;               // of the participant that is asked
  std::vector<std::unique_ptr<std::byte[]>> copies_;  // of what agents get in one event
  Operations request_operations_;
  Operations response_operations_;
  bool cancelled_ = false;  // what ends now is nobody's failure
};

}  // namespace picket::inspection

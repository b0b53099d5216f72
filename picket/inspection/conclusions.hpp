#pragma once

#include <optional>
#include <string_view>

#include "picket/inspection/audit_sink.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/inspection/finding.hpp"
#include "picket/inspection/merge.hpp"
#include "picket/inspection/operations.hpp"
#include "picket/inspection/participant.hpp"
#include "picket/inspection/verdict.hpp"

namespace picket::inspection {

/// One event on its way. Thread safety: a value, on the worker's thread. Lifetime: the participant outlives it.
struct Asked {
  Participant& participant;
  Question question;
  base::TimePoint at;
};

/// What came of it. Thread safety: a value. Lifetime: its verdict's.
struct Outcome {
  Opinion opinion;
  Verdict verdict;
  /// Of an answer that allows: the word for it in what the sink is told; empty where there is nothing to tell.
  std::string_view told = {};
  /// Where what such an answer has found counts; null where it has found nothing.
  metrics::Counter AgentCounters::* found = nullptr;
};

/// What a text was asked about for. Thread safety: a value. Lifetime: the content's.
struct TextTerms {
  Action action = Action::block;
  std::string_view content;
};

/// What the answers of one exchange's agents mean: each is checked, counted and told to the sink, and its failure
/// decided by the filter's failure mode, the same in every phase. Keeps what agents want changed of heads.
///
/// Thread safety: its worker's thread. Lifetime: what it is given outlives it. Errors: none of its own; an answer that
/// cannot be honoured becomes a failure of its agent.
///
/// For each event, and each agent: conclude() when its call is done, in whatever order; then, when all answers are
/// there, collect_operations() in the chain's, or pass_over() once an agent has stopped the exchange. An answer that
/// allows is counted and told by one of these two.
class Conclusions {
 public:
  /// `audit` may be null.
  Conclusions(const Chain& chain, AuditSink* audit, const base::CorrelationId& id, base::Arena& arena);
  Conclusions(const Conclusions&) = delete;
  Conclusions& operator=(const Conclusions&) = delete;

  /// `call` is done.
  [[nodiscard]] Outcome conclude(const Asked& asked, const pool::Call& call);
  /// The same of an answer about a text: what was found in it without a decision is decided by the action. `found`:
  /// what is to be redacted.
  [[nodiscard]] Outcome conclude_text(const Asked& asked, const pool::Call& call, const TextTerms& terms,
                                      Finding& found);
  /// Keeps the header operations of an answer that allows; the agent has failed where they are too much. Called in
  /// the chain's order: that is the order in which they apply. Nothing of an answer that does not allow.
  void collect_operations(const Asked& asked, const pool::Call& call, Outcome& outcome);
  /// The same where operations are of no use any more.
  void pass_over(const Asked& asked, const pool::Call& call, const Outcome& outcome);
  /// The body goes past an agent that fails open. Counted, and told to the sink: nobody has looked at it. `cause`: in
  /// words, for the log.
  void go_past(const Asked& asked, std::string_view cause = {});
  /// The agent fails open: it goes on without its word. Counted, and told to the sink.
  Outcome fail_open(const Asked& asked);
  /// It may not. A failure of an agent that fails closed, and told as one; where the agent fails open the body is
  /// refused since nothing is left that could go on without it, which is told and no failure that is counted. `cause`
  /// outlives the verdict.
  [[nodiscard]] Outcome refuse(const Asked& asked, Failure failure, std::string_view cause = {});
  /// What ends from now on is nobody's failure. The client has left: such ends are neither counted nor told to the
  /// sink.
  void cancel() noexcept { is_cancelled_ = true; }

  /// In the order in which they apply. Lifetime: until the next that is collected.
  [[nodiscard]] base::HeaderOps request_operations() const noexcept { return request_operations_.all(); }
  [[nodiscard]] base::HeaderOps response_operations() const noexcept { return response_operations_.all(); }

 private:
  [[nodiscard]] static bool is_allow(const pool::Call& call, const Outcome& outcome);
  void allowed(const Asked& asked, const wire::AgentResponse& response, const Outcome& outcome);
  /// Nothing: the agent allows.
  [[nodiscard]] std::optional<Outcome> conclude_unless_allowed(const Asked& asked, const pool::Call& call);
  [[nodiscard]] static Outcome allow(const Asked& asked, std::string_view told);
  [[nodiscard]] Outcome block_found(const Asked& asked, const wire::AgentResponse& response);
  [[nodiscard]] Outcome conclude_skipped(const Asked& asked);
  [[nodiscard]] Outcome conclude_failure(const Asked& asked, Failure failure, bool goes_on_despite);
  [[nodiscard]] Outcome conclude_invalid(const Asked& asked, const base::Error& why);
  [[nodiscard]] base::Status add(Operations& operations, const Asked& asked, base::HeaderOps ops);
  [[nodiscard]] static std::string_view stops(const Asked& asked, std::string_view decision);
  void audit(const Asked& asked, const AuditOutcome& outcome);
  [[nodiscard]] AuditSubject subject(const Asked& asked) const;

  AuditSink* audit_;
  base::CorrelationId id_;
  base::Arena& arena_;
  Operations request_operations_;
  Operations response_operations_;
  std::size_t kept_ = 0;  // bytes of operations that were copied
  bool is_cancelled_ = false;
};

}  // namespace picket::inspection

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "apps/waf/response_body.hpp"
#include "apps/waf/rule_log.hpp"
#include "apps/waf/rule_set.hpp"
#include "apps/waf/verdict.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/messages.hpp"

namespace modsecurity {
class Transaction;
}

namespace picket::apps::waf {

class MatchBudget;

/// Whether the head announces a body (RFC 9112 §6.3): a transfer-encoding, or a content-length that is not zero.
[[nodiscard]] bool declares_body(const wire::Headers& headers) noexcept;

/// What the proxy does with a body, as far as it said.
enum class BodyPlan : std::uint8_t {
  sent,      ///< A body that the head declares will come, as chunks.
  withheld,  ///< Bodies do not come here.
  unknown,   ///< It did not say: a request is judged at once as if none came, and again if one comes; an answer waits.
};

/// How much of a path with an escaped question mark the rules see, see path_that_was_cut().
enum class PathReading : std::uint8_t {
  whole,  ///< All of it; and beside it the other reading, so that no rule sees less than the library shows it.
  cut,    ///< As the library reads it.
};

/// One HTTP exchange before the rules. Phase 1 runs on the request's headers; phase 2, most of CRS, as soon as the body
/// is whole: at once where none is announced, else on the last chunk; phase 3 on the response's headers, phase 4 at the
/// end of its body, or with them where none is waited for (ResponseBody); phase 5 at the end. After a verdict that does
/// not allow, every later event gets that verdict again, and no rule runs.
///
/// Thread safety: one call at a time, from any thread. An evaluation takes 0.6 to 200 ms and cannot be interrupted; the
/// patterns of one take no more than RuleSet::match_time(), or it blocks (MatchBudget).
/// Lifetime: keeps the rule set; `log` must outlive it. Messages are not kept beyond the call.
/// Errors: invalid_message for a body before its head or after its judgement, unavailable where the library failed:
/// there is no verdict then.
class Transaction {
 public:
  /// `log` may be null. `id` is UNIQUE_ID to the rules and unique_id in the log; what could forge a log line in it
  /// becomes an underscore.
  Transaction(std::shared_ptr<const RuleSet> rules, RuleLog* log, std::string_view id = {},
              PathReading reading = PathReading::whole);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// Phase 2 runs now unless the head declares a body and the plan is to send it.
  [[nodiscard]] base::Result<Verdict> on_request_headers(const wire::RequestHeaders& request, BodyPlan plan);
  /// Chunks in order. A body that nothing announced (HTTP/2 allows it) is inspected like any other.
  [[nodiscard]] base::Result<Verdict> on_request_body_chunk(const wire::RequestBodyChunk& chunk);
  [[nodiscard]] base::Result<Verdict> on_response_headers(const wire::ResponseHeaders& response,
                                                          BodyPlan plan = BodyPlan::unknown);
  /// Chunks in order.
  [[nodiscard]] base::Result<Verdict> on_response_body_chunk(const wire::ResponseBodyChunk& chunk);
  /// The end, however it came: runs the logging phase. Nothing can be blocked any more.
  base::Status on_complete();

 private:
  template <class Step>
  base::Result<Verdict> evaluate(const MatchBudget& budget, Step step);
  template <class Event>
  base::Result<Verdict> judge(Event event);
  base::Result<Verdict> judge_request_headers(const wire::RequestHeaders& request, BodyPlan plan,
                                              const MatchBudget& budget);
  base::Result<Verdict> judge_request_body_chunk(const wire::RequestBodyChunk& chunk, const MatchBudget& budget);
  base::Result<Verdict> judge_response_headers(const wire::ResponseHeaders& response, BodyPlan plan,
                                               const MatchBudget& budget);
  base::Result<Verdict> judge_response_body_chunk(const wire::ResponseBodyChunk& chunk, const MatchBudget& budget);
  void conclude(Verdict& verdict);
  void take_intervention(Verdict& verdict);
  void take_matches(Verdict& verdict);
  void refuse(Verdict& verdict, const Note& note) const;
  void keep_head(const wire::RequestHeaders& request);
  void run_headers_phase(const wire::RequestHeaders& head);
  void show_whole_path(std::string_view target);
  void start_over();
  void append(base::ByteView data, Verdict& verdict);
  void run_body_phase(Verdict& verdict);

  std::shared_ptr<const RuleSet> rules_;
  RuleLog* log_;
  std::string id_;
  std::unique_ptr<modsecurity::Transaction> engine_;
  PathReading reading_;
  std::unique_ptr<Transaction> other_;  // the exchange in the other reading, where that makes a difference
  base::Arena arena_;
  std::optional<wire::RequestHeaders> head_;  // kept while an unannounced body may still come
  Verdict decided_;                           // the verdict that does not allow, without its matches
  std::size_t seen_ = 0;                      // matches that were taken from the engine
  std::size_t body_size_ = 0;
  ResponseBody response_body_;
  bool begun_ = false;
  bool is_head_ = false;   // HEAD: no body answers it
  bool has_type_ = false;  // the head says what the body is
  bool body_phase_ran_ = false;
  bool body_cut_ = false;
  bool completed_ = false;
};

}  // namespace picket::apps::waf

#pragma once

#include <cstdint>

#include "picket/base/time.hpp"

struct pcre2_real_match_context_8;

namespace picket::apps::waf {

/// Bounds what one evaluation may cost on this thread, as long as it lives: its patterns each, and all of it in time.
///
/// libmodsecurity 3.0.9 gives PCRE2 no limit, and takes its own ("no match") in silence: 64 KiB of quotes cost seconds
/// of a thread and then pass a rule that could not be evaluated. So this program defines pcre2_match_8,
/// pcre2_jit_match_8 and pcre2_compile_8 itself, ahead of the library's (see match_budget.cpp), and counts there. Once
/// a limit is reached every further match on this thread fails at once, and exceeded() says so: whoever evaluates must
/// not take that for a verdict. Between two rules CompiledRules asks spent(), and leaves out the rest of the phase:
/// what rules do besides matching patterns (transformations, libinjection, word lists) costs time as well.
///
/// Two limits, because PCRE2 counts backtracking from each starting position anew, which bounds a pattern that is
/// exponential, not one that is quadratic: backtracks from one position, and processor time of the thread in all. Time
/// of the processor, so that a busy machine refuses nobody. Thread safety: the thread that made it; one at a time.
class MatchBudget {
 public:
  explicit MatchBudget(base::Duration processor_time) noexcept;
  MatchBudget(const MatchBudget&) = delete;
  MatchBudget& operator=(const MatchBudget&) = delete;
  ~MatchBudget();

  /// Whether a pattern was given up on.
  [[nodiscard]] bool exceeded() const noexcept { return exceeded_; }
  /// Whether this thread's budget, if it has one, is spent by now.
  [[nodiscard]] static bool spent() noexcept;
  /// Matches that were made under it.
  [[nodiscard]] std::uint64_t matches() const noexcept { return matches_; }

  // ---- for the functions that stand in for PCRE2's
  void note_match() noexcept { ++matches_; }
  void exceed() noexcept { exceeded_ = true; }
  [[nodiscard]] base::Duration used_until() const noexcept { return used_until_; }
  /// PCRE2's context of this thread, in which a match is given its limits; null where there was no memory for it.
  [[nodiscard]] pcre2_real_match_context_8* context() const noexcept { return context_; }
  /// Looks at the processor's time, though not more often than it can have changed much.
  void look() noexcept;

 private:
  pcre2_real_match_context_8* context_;
  bool exceeded_ = false;
  std::uint64_t matches_ = 0;
  base::Duration used_until_;   // by this thread, when the budget is spent
  base::Duration next_look_{};  // of the coarse clock
};

}  // namespace picket::apps::waf

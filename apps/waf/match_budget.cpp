#include "apps/waf/match_budget.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include <dlfcn.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace picket::apps::waf {
namespace {

using std::chrono::milliseconds;

/// Backtracks from one starting position. A value of 64 KiB needs up to one for each of its bytes in `[\s\S]*`.
constexpr std::uint32_t most_backtracks = 250'000;

/// How many are tried first. One backtrack may walk over the whole value (`\W*` does, uncounted): 250,000 of them over
/// 64 KiB of "<!--" are 4 s, in which nothing can stop PCRE2. What these took tells what all would.
constexpr std::uint32_t first_backtracks = most_backtracks / 16;

/// From this size in bytes a subject is matched in steps.
constexpr std::size_t long_subject = 512;

/// Matches of short subjects, each of which may take a millisecond, between two looks at the clock.
constexpr std::uint64_t short_matches_per_look = 16;

/// Starting positions of the first step, and how long a step may take before the next one is smaller.
constexpr std::size_t first_step = 4;
constexpr base::Duration short_step = milliseconds{1};
constexpr base::Duration long_step = milliseconds{4};

/// Between two looks at the processor's time, which costs a system call. It is asked for between any two rules and
/// after each match, so the clock is the kernel's coarse one: a tick of 1 to 10 ms, and a fifth of the cost.
constexpr base::Duration look_interval = milliseconds{1};

base::Duration coarse_time() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

thread_local MatchBudget* current = nullptr;

base::Duration processor_time_of_this_thread() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

struct FreeContext {
  void operator()(pcre2_match_context* context) const noexcept { pcre2_match_context_free(context); }
};
using Context = std::unique_ptr<pcre2_match_context, FreeContext>;

pcre2_match_context* context_of_this_thread() {
  thread_local const Context context(pcre2_match_context_create(nullptr));
  return context.get();
}

/// The function of that name behind this program's own: PCRE2's.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

using Match = decltype(pcre2_match_8);

struct Question {
  Match* match;
  const pcre2_code* code;
  PCRE2_SPTR subject;
  PCRE2_SIZE length;
  PCRE2_SIZE start;
  std::uint32_t options;
  pcre2_match_data* data;
};

bool gave_up(int outcome) noexcept {
  return outcome == PCRE2_ERROR_MATCHLIMIT || outcome == PCRE2_ERROR_DEPTHLIMIT || outcome == PCRE2_ERROR_HEAPLIMIT;
}

bool can_be_stepped(const Question& ask) {
  std::uint32_t compiled_with = 0;
  pcre2_pattern_info(ask.code, PCRE2_INFO_ARGOPTIONS, &compiled_with);
  return (compiled_with & PCRE2_USE_OFFSET_LIMIT) != 0 && (ask.options & PCRE2_ANCHORED) == 0;
}

/// The last position at which a match can begin: not behind the last byte that every match contains somewhere. PCRE2
/// itself looks for that byte in short subjects only.
std::ptrdiff_t last_start(const Question& ask) {
  const auto length = static_cast<std::ptrdiff_t>(ask.length);
  std::uint32_t has_byte = 0;
  std::uint32_t byte = 0;
  if (pcre2_pattern_info(ask.code, PCRE2_INFO_LASTCODETYPE, &has_byte) != 0 || has_byte == 0) return length;
  if (pcre2_pattern_info(ask.code, PCRE2_INFO_LASTCODEUNIT, &byte) != 0) return length;
  const std::string_view subject(reinterpret_cast<const char*>(ask.subject), ask.length);
  const char either[] = {static_cast<char>(std::tolower(static_cast<int>(byte))),
                         static_cast<char>(std::toupper(static_cast<int>(byte)))};
  const auto found = subject.find_last_of(std::string_view(either, 2));
  return found == std::string_view::npos ? -1 : static_cast<std::ptrdiff_t>(found);
}

int match_once(const Question& ask, pcre2_match_context* context, std::uint32_t backtracks) {
  pcre2_set_match_limit(context, backtracks);
  return ask.match(ask.code, ask.subject, ask.length, ask.start, ask.options, ask.data, context);
}

/// Gives a match all of its backtracks only where there is time for them.
int match_in_time(const Question& ask, const MatchBudget& budget, pcre2_match_context* context) {
  const base::Duration before = processor_time_of_this_thread();
  const int outcome = match_once(ask, context, first_backtracks);
  if (!gave_up(outcome)) return outcome;
  const base::Duration now = processor_time_of_this_thread();
  const bool in_time = now + (now - before) * (most_backtracks / first_backtracks) < budget.used_until();
  return in_time ? match_once(ask, context, most_backtracks) : outcome;
}

/// Matches from a few starting positions at a time, so that it can stop between them. The outcome is that of one match.
int match_in_steps(Question ask, MatchBudget& budget, pcre2_match_context* context) {
  const std::ptrdiff_t last = last_start(ask);
  std::size_t step = first_step;
  int outcome = PCRE2_ERROR_NOMATCH;
  base::TimePoint before = base::Clock::now();
  while (outcome == PCRE2_ERROR_NOMATCH && static_cast<std::ptrdiff_t>(ask.start) <= last && !budget.exceeded()) {
    const PCRE2_SIZE until = std::min(ask.start + step - 1, static_cast<PCRE2_SIZE>(last));
    pcre2_set_offset_limit(context, until);
    outcome = match_in_time(ask, budget, context);
    ask.start = until + 1;
    ask.options &= ~static_cast<std::uint32_t>(PCRE2_NOTEMPTY_ATSTART);  // that was the first one
    budget.look();
    const base::TimePoint now = base::Clock::now();
    const base::Duration took = now - std::exchange(before, now);
    if (took < short_step) step *= 2;
    if (took > long_step) step = std::max(step / 2, std::size_t{1});
  }
  pcre2_set_offset_limit(context, PCRE2_UNSET);
  return outcome == PCRE2_ERROR_NOMATCH && budget.exceeded() ? PCRE2_ERROR_MATCHLIMIT : outcome;
}

int match_within_budget(const Question& ask, pcre2_match_context* context) {
  MatchBudget* const budget = current;
  pcre2_match_context* const limits = budget != nullptr ? budget->context() : nullptr;
  if (limits == nullptr) return ask.match(ask.code, ask.subject, ask.length, ask.start, ask.options, ask.data, context);
  if (budget->exceeded()) return PCRE2_ERROR_MATCHLIMIT;
  budget->note_match();
  int outcome = 0;
  const bool is_short = ask.length < ask.start + long_subject;
  if (is_short)
    outcome = match_once(ask, limits, most_backtracks);
  else
    outcome = can_be_stepped(ask) ? match_in_steps(ask, *budget, limits) : match_in_time(ask, *budget, limits);
  if (!is_short || budget->matches() % short_matches_per_look == 0) budget->look();
  if (gave_up(outcome)) budget->exceed();
  return outcome;
}

/// What depends on where a match was begun, or on its not being begun again, cannot be asked in steps.
bool depends_on_its_start(std::string_view pattern) noexcept {
  return pattern.find("\\G") != std::string_view::npos || pattern.find("(*") != std::string_view::npos;
}

}  // namespace

MatchBudget::MatchBudget(base::Duration processor_time) noexcept
    : context_(context_of_this_thread()), used_until_(processor_time_of_this_thread() + processor_time) {
  current = this;
}

MatchBudget::~MatchBudget() { current = nullptr; }

bool MatchBudget::spent() noexcept {
  if (current == nullptr) return false;
  current->look();
  return current->exceeded();
}

void MatchBudget::look() noexcept {
  const base::Duration now = coarse_time();
  if (now < next_look_) return;
  next_look_ = now + look_interval;
  if (processor_time_of_this_thread() >= used_until_) exceeded_ = true;
}

}  // namespace picket::apps::waf

// ---- what libmodsecurity calls in place of PCRE2: the dynamic linker finds a program's symbols before a library's.

extern "C" {

[[gnu::visibility("default"), gnu::used]] pcre2_code* pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE length,
                                                                      std::uint32_t options, int* error,
                                                                      PCRE2_SIZE* error_at,
                                                                      pcre2_compile_context* context) {
  using namespace picket::apps::waf;
  static auto* const compile = next<decltype(pcre2_compile_8)>("pcre2_compile_8");
  const char* const text = reinterpret_cast<const char*>(pattern);
  const std::string_view whole(text, length == PCRE2_ZERO_TERMINATED ? std::strlen(text) : length);
  if (!depends_on_its_start(whole)) options |= PCRE2_USE_OFFSET_LIMIT;
  return compile(pattern, length, options, error, error_at, context);
}

[[gnu::visibility("default"), gnu::used]] int pcre2_match_8(const pcre2_code* code, PCRE2_SPTR subject,
                                                            PCRE2_SIZE length, PCRE2_SIZE start, std::uint32_t options,
                                                            pcre2_match_data* data, pcre2_match_context* context) {
  using namespace picket::apps::waf;
  static Match* const match = next<Match>("pcre2_match_8");
  return match_within_budget({match, code, subject, length, start, options, data}, context);
}

[[gnu::visibility("default"), gnu::used]] int pcre2_jit_match_8(const pcre2_code* code, PCRE2_SPTR subject,
                                                                PCRE2_SIZE length, PCRE2_SIZE start,
                                                                std::uint32_t options, pcre2_match_data* data,
                                                                pcre2_match_context* context) {
  using namespace picket::apps::waf;
  static Match* const match = next<Match>("pcre2_jit_match_8");
  return match_within_budget({match, code, subject, length, start, options, data}, context);
}

}  // extern "C"

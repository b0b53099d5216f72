#include "apps/waf/match_budget.hpp"

#include <ctime>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/testing/exchange.hpp"

namespace picket::apps::waf {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using testing::form;
using testing::inspect;
using testing::Request;

base::Duration processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

/// A pattern as libmodsecurity uses it.
class Pattern {
 public:
  explicit Pattern(const std::string& text) {
    int error = 0;
    PCRE2_SIZE at = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), PCRE2_DOTALL | PCRE2_MULTILINE,
                          &error, &at, nullptr);
    EXPECT_NE(code_, nullptr) << text;
    pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE);
    data_ = pcre2_match_data_create_from_pattern(code_, nullptr);
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() {
    pcre2_match_data_free(data_);
    pcre2_code_free(code_);
  }

  /// The outcome and, of a match, where it is.
  std::vector<std::int64_t> match(const std::string& subject, std::size_t start = 0, std::uint32_t options = 0) {
    const int outcome = pcre2_jit_match(code_, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), start,
                                        options, data_, nullptr);
    std::vector<std::int64_t> result{outcome};
    const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(data_);
    for (int i = 0; i < 2 * outcome; ++i) result.push_back(static_cast<std::int64_t>(ends[i]));
    return result;
  }

 private:
  pcre2_code* code_ = nullptr;
  pcre2_match_data* data_ = nullptr;
};

TEST(MatchBudget, LibmodsecuritysMatchesGoThroughIt) { EXPECT_TRUE(patterns_are_bounded(testing::engine()->get())); }

TEST(MatchBudget, AMatchInStepsIsTheMatchItself) {
  std::mt19937 random(11);
  const char* const patterns[] = {"a+b",
                                  "['\"](?:[\\s\\S]*[\\s/])?on\\w+=",
                                  "(?i)x(y|z)*=[^=]",
                                  "^b.*$",
                                  "\\bab\\b",
                                  "(?<=a)b",
                                  "(a|b)(c|d)?\\2",
                                  "b\\z",
                                  "\\Ga",
                                  "a*",
                                  "(*COMMIT)ba",
                                  "(?:^|=)\\s*x",
                                  "[^a-z]=",
                                  "=$",
                                  "(?<!a)="};
  for (const char* const text : patterns) {
    Pattern pattern(text);
    for (int round = 0; round < 60; ++round) {
      std::string subject(600 + random() % 1500, ' ');
      for (char& c : subject) c = "aabbc\n'=o xyz"[random() % 13];
      if (round % 3 == 0) std::replace(subject.begin(), subject.end(), '=', '-');
      const std::size_t start = random() % 50;
      for (const std::uint32_t options : {0U, PCRE2_NOTEMPTY_ATSTART, PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED}) {
        const auto expected = pattern.match(subject, start, options);
        const MatchBudget budget(10s);
        EXPECT_EQ(pattern.match(subject, start, options), expected) << text << " in " << subject << " at " << start;
        EXPECT_FALSE(budget.exceeded());
      }
    }
  }
}

TEST(MatchBudget, ExponentialAndQuadraticPatternsAreGivenUpOn) {
  const struct {
    const char* pattern;
    std::string subject;
  } cases[] = {{"(?:a+)+b$", std::string(300, 'a') + "bc"},
               {"(?:(?:a+)+)+b$", std::string(5000, 'a') + "bc"},
               {"a[\\s\\S]*\\s(?:b|c)x", std::string(400'000, 'a') + " x"}};
  for (const auto& test : cases) {
    Pattern pattern(test.pattern);
    const MatchBudget budget(50ms);
    const auto before = processor_time();
    EXPECT_LT(pattern.match(test.subject)[0], PCRE2_ERROR_NOMATCH) << test.pattern;
    EXPECT_TRUE(budget.exceeded()) << test.pattern;
    EXPECT_LT(processor_time() - before, 2s) << test.pattern;
    EXPECT_EQ(Pattern("x").match("x")[0], PCRE2_ERROR_MATCHLIMIT) << "what follows is not judged";
  }
}

TEST(MatchBudget, AThreadWithoutOneIsNotLimited) { EXPECT_EQ(Pattern("a").match(std::string(1000, 'b') + "a")[0], 1); }

TEST(MatchBudget, ALimitThatWasReachedBlocksAtTheEndOfThePhase) {
  const auto rules = testing::rules_of(R"(
SecRule ARGS:a "@rx (?:x+)+y$" "id:1,phase:1,deny,log"
SecRule ARGS_POST:b "@rx (?:x+)+y$" "id:2,phase:2,deny,log")");
  const std::string slow = std::string(200, 'x') + "yz";
  const Request requests[] = {
      {.uri = "/?a=" + slow},
      {.method = "POST", .headers = {{"Content-Type", form}}, .body = "b=" + slow},
  };
  for (const Request& request : requests) {
    const Verdict verdict = inspect(rules, request);
    EXPECT_EQ(verdict.status, 403);
    EXPECT_THAT(verdict.notes, Contains(note_match_limit));
  }
  const auto reporting = testing::rules_of(R"(SecRule ARGS:a "@rx (?:x+)+y$" "id:1,phase:1,deny,log")", true);
  const Verdict verdict = inspect(reporting, requests[0]);
  EXPECT_TRUE(verdict.allows());
  EXPECT_THAT(verdict.notes, Contains(note_match_limit));
}

std::string repeated(std::string_view unit, std::size_t size) {
  std::string text;
  while (text.size() < size) text += unit;
  text.resize(size);
  return text;
}

TEST(MatchBudget, FormsThatCrsCannotJudgeInTimeAreBlocked) {
  for (const std::string& value : {repeated("'", 65'000) + "=", repeated("'on/ ", 65'000) + "=", repeated("=(", 65'000),
                                   repeated("<!--", 65'000), repeated("<!", 65'000)}) {
    const auto before = processor_time();
    const Verdict verdict =
        inspect(testing::crs(), {.method = "POST", .headers = {{"Content-Type", form}}, .body = "q=" + value});
    EXPECT_FALSE(verdict.allows()) << value.substr(0, 10);
    EXPECT_LT(processor_time() - before, 5s) << value.substr(0, 10);
  }
}

TEST(MatchBudget, WhatIsSpentEndsThePhase) {
  for (const bool detection_only : {false, true}) {
    const auto rules = testing::rules_of(R"(
SecRule ARGS:a "@rx (?:x+)+y$" "id:1,phase:1,pass,nolog"
SecRule REQUEST_METHOD "@streq GET" "id:2,phase:1,pass,log,skip:1"
SecRule REQUEST_METHOD "@streq GET" "id:3,phase:2,pass,log"
SecRule RESPONSE_STATUS "@eq 200" "id:4,phase:3,pass,log")",
                                         detection_only);
    Transaction transaction(rules, nullptr);
    const testing::RequestEvent head({.uri = "/?a=" + std::string(200, 'x') + "yz"});
    const Verdict verdict = testing::expect_value(transaction.on_request_headers(head.event, BodyPlan::sent));
    EXPECT_EQ(verdict.allows(), detection_only);
    EXPECT_TRUE(verdict.matches.empty());
    const Verdict later = testing::expect_value(transaction.on_response_headers({.status = 200}));
    EXPECT_EQ(testing::matched(later, "4"), detection_only) << "a phase of another event has a budget of its own";
  }
}

TEST(MatchBudget, CheckpointsChangeNothingElse) {
  const auto rules = testing::rules_of(R"(
SecRule REQUEST_METHOD "@streq GET" "id:1,phase:1,pass,log,skip:2"
SecRule REQUEST_METHOD "@streq GET" "id:2,phase:1,pass,log"
SecRule REQUEST_METHOD "@streq GET" "id:3,phase:1,pass,log"
SecRule REQUEST_METHOD "@streq GET" "id:4,phase:1,pass,log,skipAfter:there"
SecRule REQUEST_METHOD "@streq GET" "id:5,phase:1,pass,log"
SecMarker there
SecRule REQUEST_METHOD "@streq GET" "id:6,phase:1,pass,log,chain"
SecRule REQUEST_URI "@streq /" "t:none"
SecRule REQUEST_METHOD "@streq GET" "id:7,phase:2,deny,log")");
  EXPECT_THAT(testing::ids(inspect(rules, {})), ::testing::ElementsAre("1", "4", "6", "7"));
}

TEST(MatchBudget, AFormOfOrdinaryTextIsJudged) {
  const std::string text = repeated(
      "The quick brown fox jumps over the lazy dog, and it's fine. Nobody worries, she said; they went on. ", 65'000);
  const Verdict verdict =
      inspect(testing::crs(), {.method = "POST", .headers = {{"Content-Type", form}}, .body = "q=" + text});
  EXPECT_TRUE(verdict.allows());
  EXPECT_TRUE(verdict.notes.empty());
}

TEST(MatchBudget, AValueOverItsSizeIsRefused) {
  for (const std::size_t over : {0U, 1U}) {
    const std::string value(max_value_size + over, 'a');
    const Request requests[] = {
        {.method = "POST", .headers = {{"Content-Type", form}}, .body = "q=" + value},
        {.method = "POST", .headers = {{"Content-Type", form}}, .body = value + "=1"},
        {.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = "{\"a\":\"" + value + "\"}"},
        {.method = "POST", .headers = {{"Content-Type", "text/xml"}}, .body = "<a>" + value + "</a>"},
    };
    for (const Request& request : requests)
      EXPECT_EQ(inspect(testing::rules_of(""), request).status, over * 413) << request.body.substr(0, 10);
  }
}

}  // namespace
}  // namespace picket::apps::waf

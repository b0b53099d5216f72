#include "apps/gateway/logs/agent_log.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include "apps/gateway/logs/audit_log.hpp"
#include "picket/log/repeat_limit.hpp"

namespace picket::apps::gateway::logs {
namespace {

/// The process log of one moment: repeats are limited as they are there, at debug level nothing is.
class Lines final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  [[nodiscard]] const std::vector<std::string>& debug() const { return debug_; }
  [[nodiscard]] std::size_t written() const { return written_; }
  /// Lines that say how many were not written.
  [[nodiscard]] std::size_t counts() { return limit_.take_due(base::TimePoint{} + log::RepeatLimit::window).size(); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string text{message.payload.data(), message.payload.size()};
    if (message.level < spdlog::level::info) return debug_.push_back(std::move(text));
    if (limit_.admits(message.level, text, base::TimePoint{})) ++written_;
  }
  void flush_() override {}

 private:
  log::RepeatLimit limit_;
  std::size_t written_ = 0;
  std::vector<std::string> debug_;
};

/// Another word for each number, of a form that ends lines, brackets and quotes, or looks like what we write.
std::string hostile(std::size_t i) {
  static constexpr std::string_view forms[] = {
      "){}(",
      "({})",
      "]{}[",
      "\"{}\"",
      "'{}'",
      "{}\n2026-01-01T00:00:00.000Z error forged",
      "\xc3\xa9{}\xf0\x9f\x98\x80\x80\xff",
      "{}",
      ": {} (worker 0)",
      "\x1b[2J{}",
      "((((({}",
      ")))))){}",
  };
  return fmt::format(fmt::runtime(forms[i % std::size(forms)]), i);
}

class AgentLogTest : public ::testing::Test {
 protected:
  AgentLogTest() { process_.set_level(spdlog::level::debug); }

  /// Everything that an agent has a word in, with these words.
  void say_all(std::size_t i) {
    const std::string words = hostile(i);
    const base::Error reason{static_cast<base::ErrorKind>(i % 12), words};
    log_.on_disconnected("a", reason, 3, i % 5 == 0);
    log_.on_disconnected("a", base::Error{reason.kind(), words + words}, 4, i % 3 == 0);
    log_.on_connected("a", {.agent_id = words, .name = words, .version = words});
    std::vector<wire::EventKind> kinds;
    for (std::size_t bit = 0; bit < 5; ++bit)
      if ((i >> bit) % 2 != 0) kinds.push_back(static_cast<wire::EventKind>(bit + 1));
    log_.on_undeclared("a", kinds, i % 2 == 0);
    log_.on_unmatched_answer("a", static_cast<session::Misfit>(i % session::misfit_count), words);
    const std::array<wire::ConfigUpdate, 5> updates{
        wire::RequestReload{}, wire::RuleUpdate{.rule_set = words, .rules = {}, .remove_rules = {}},
        wire::ListUpdate{.list_id = words, .add = {}, .remove = {}}, wire::RestartRequired{.reason = words},
        wire::ConfigError{.error = words, .field = words}};
    for (const auto& update : updates) (void)log_.on_config_update("a", {.update = update, .request_id = words});
    log_.on_log("a", {.level = static_cast<wire::LogLevel>(i % 4), .message = words, .correlation_id = words});
    log_.on_health("a", {.agent_id = words, .state = static_cast<wire::HealthState>(i % 4), .message = words});
    log_.on_breaker("a", static_cast<pool::Breaker::State>(i % 3));
    audit_.on_invalid_answer({.exchange = words, .agent = "a", .event = wire::EventKind::request_headers}, reason);
  }

  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
  spdlog::logger process_{"test", lines_};
  AgentLog log_{0, process_};
  AuditLog audit_{nullptr, process_};
};

TEST_F(AgentLogTest, NoWordsOfAnAgentMakeANewKindOfLine) {
  for (std::size_t i = 0; i < 5000; ++i) say_all(i);
  constexpr std::size_t kinds = 22;  // of ours
  EXPECT_EQ(lines_->written(), kinds * log::RepeatLimit::burst);
  EXPECT_EQ(lines_->counts(), kinds);
}

TEST_F(AgentLogTest, OneAgentsWordsTakeNoLineFromAnother) {
  for (std::size_t i = 0; i < 5000; ++i) say_all(i);
  const std::size_t before = lines_->written();
  log_.on_connected("b", {.name = "quiet", .version = "1"});
  EXPECT_EQ(lines_->written(), before + 1);
}

TEST_F(AgentLogTest, ALineOfAnAgentStandsAtItsLevelWithItsNameAndFewOfThemDo) {
  log_.on_log("a", {.level = wire::LogLevel::error, .message = "no\nrules", .correlation_id = "c1"});
  EXPECT_EQ(lines_->written(), 1U);
  for (std::size_t i = 0; i < 1000; ++i) log_.on_log("a", {.level = wire::LogLevel::debug, .message = "look"});
  ASSERT_EQ(lines_->debug().size(), LineBudget::lines - 1);
  EXPECT_EQ(lines_->debug().front(), "agent 'a': says (worker 0): look");
}

TEST(LineBudgetTest, WhatWasNotWrittenIsCountedForTheNextThatIs) {
  LineBudget budget;
  const base::TimePoint now = base::TimePoint{} + std::chrono::hours{1};
  std::uint64_t lost = 0;
  for (std::uint64_t i = 0; i < LineBudget::lines; ++i) EXPECT_TRUE(budget.admits(now, lost));
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(budget.admits(now, lost));
  EXPECT_TRUE(budget.admits(now + LineBudget::window, lost));
  EXPECT_EQ(lost, 7U);
}

TEST_F(AgentLogTest, AtDebugLevelWhereNothingLimitsHowOftenALineIsShort) {
  for (std::size_t i = 0; i < 20; ++i)
    log_.on_disconnected("a", base::Error{base::ErrorKind::invalid_message, std::string(1024 * 1024, '\xff')}, 1,
                         false);
  ASSERT_GT(lines_->debug().size(), 10U);
  for (const std::string& line : lines_->debug()) EXPECT_LE(line.size(), 350U);
}

}  // namespace
}  // namespace picket::apps::gateway::logs

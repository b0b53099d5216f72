#include "apps/gateway/logs/name_log.hpp"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

namespace picket::apps::gateway::logs {
namespace {

using base::ErrorKind;
using base::fail;

class Names : public ::testing::Test {
 protected:
  Names() { logger_.set_pattern("%l %v"); }
  /// What was said since the last call.
  std::string said() {
    logger_.flush();
    return std::exchange(stream_, std::ostringstream{}).str();
  }

  std::ostringstream stream_;
  spdlog::logger logger_{"names", std::make_shared<spdlog::sinks::ostream_sink_st>(stream_)};
  NameLog log_{3, logger_};
};

TEST_F(Names, SayATroubleOnceUntilAllIsWellAgain) {
  const auto trouble = fail(ErrorKind::unavailable, "nobody knows it");
  log_.on_trouble("agent 'waf'", trouble, 0);
  EXPECT_EQ(said(),
            "warning agent 'waf': it is unavailable until that goes well; tried on (worker 3): nobody knows it\n");
  log_.on_trouble("agent 'waf'", trouble, 0);
  EXPECT_EQ(said(), "");
  log_.on_well_again("agent 'waf'");
  EXPECT_EQ(said(), "info agent 'waf': its name is looked up again without trouble (worker 3)\n");
  log_.on_well_again("agent 'waf'");
  EXPECT_EQ(said(), "");
  log_.on_trouble("agent 'waf'", trouble, 2);
  EXPECT_EQ(said(), "warning agent 'waf': the addresses that are known are used on (worker 3): nobody knows it\n");
}

TEST_F(Names, HaveTroublesOfTheirOwn) {
  const auto trouble = fail(ErrorKind::unavailable, "nobody knows it");
  log_.on_trouble("agent 'waf'", trouble, 0);
  log_.on_trouble("upstream 'app'", trouble, 0);
  EXPECT_THAT(said(), ::testing::HasSubstr("upstream 'app'"));
}

TEST_F(Names, WhoseTroublesAreAlwaysOthersAreHeardAFewTimesOnly) {
  for (int i = 0; i < 100; ++i) log_.on_trouble("agent 'waf'", fail(ErrorKind::unavailable, std::to_string(i)), 0);
  const std::string all = said();
  EXPECT_EQ(std::ranges::count(all, '\n'), 8);
}

}  // namespace
}  // namespace picket::apps::gateway::logs

#include "apps/waf/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::waf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::variant<Options, int> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "picket-waf");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, EveryOptionIsRead) {
  const auto parsed =
      parse({"--listen",         "unix:/run/w.sock", "--rules",     "a.conf",    "b/*.conf", "--paranoia",      "2",
             "--detection-only", "--rule-log",       "w.log",       "--threads", "3",        "--socket-mode",   "660",
             "--socket-group",   "www-data",         "--allow-uid", "33",        "1000",     "--match-time-ms", "200"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.server.listen, std::vector<std::string>{"unix:/run/w.sock"});
  EXPECT_THAT(options.rules.rules, ElementsAre("a.conf", "b/*.conf"));
  EXPECT_EQ(options.rules.paranoia, 2);
  EXPECT_EQ(options.rules.detection_only, true);
  EXPECT_EQ(options.rule_log, "w.log");
  EXPECT_EQ(options.rules.match_time, std::chrono::milliseconds{200});
  EXPECT_EQ(options.server.threads, 3U);
  EXPECT_EQ(options.server.socket.socket_mode, 0660U);
  EXPECT_EQ(options.server.socket.socket_group, "www-data");
  EXPECT_THAT(options.server.socket.allowed_uids, ElementsAre(33U, 1000U));
}

TEST(Options, ClearTextOverANetworkHasToBeSaid) {
  for (const auto& arguments : {std::vector<const char*>{"--listen", "tcp:1.2.3.4:5", "--insecure"},
                                std::vector<const char*>{"--insecure", "--listen", "tcp:1.2.3.4:5"}})
    EXPECT_TRUE(std::holds_alternative<Options>(parse(arguments)));
}

TEST(Options, WhatIsLeftOutIsLeftToTheRules) {
  const auto parsed = parse({"--listen", "unix:w"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.server.socket.socket_mode, 0600U);
  EXPECT_EQ(options.server.threads, 0U);
  EXPECT_TRUE(options.rules.rules.empty());
  EXPECT_FALSE(options.rules.paranoia);
  EXPECT_FALSE(options.rules.detection_only);
}

TEST(Options, WhatCannotBeMeantEndsWithTwo) {
  const std::vector<const char*> wrong[] = {
      {},
      {"--listen", "tcp:1.2.3.4:5"},
      {"--listen", "unix:"},
      {"--listen", "tls:a:5"},
      {"--listen", "1.2.3.4:5", "--insecure"},
      {"--listen", "unix:w", "--paranoia", "5"},
      {"--listen", "unix:w", "--socket-mode", "0888"},
      {"--listen", "unix:w", "--socket-mode", "7777"},
      {"--listen", "unix:w", "--allow-uid", "root"},
      {"--listen", "unix:w", "--unknown"},
      {"--listen", "unix:w", "--rules"},
      {"--listen", "unix:w", "--match-time-ms", "0"},
  };
  for (const auto& arguments : wrong) {
    SCOPED_TRACE(arguments.empty() ? "nothing" : arguments.back());
    ::testing::internal::CaptureStderr();
    const auto parsed = parse(arguments);
    EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
    ASSERT_TRUE(std::holds_alternative<int>(parsed));
    EXPECT_EQ(std::get<int>(parsed), exit_wrong);
  }
}

TEST(Options, HelpSaysWhatThereIsAndEndsWithZero) {
  ::testing::internal::CaptureStdout();
  const auto parsed = parse({"--help"});
  const std::string help = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::get<int>(parsed), exit_ok);
  for (const char* word :
       {"--listen", "--insecure", "--rules", "--paranoia", "--detection-only", "--rule-log", "--threads",
        "--match-time-ms", "--socket-mode", "--socket-group", "--allow-uid", "Exit codes"})
    EXPECT_THAT(help, HasSubstr(word));
}

}  // namespace
}  // namespace picket::apps::waf

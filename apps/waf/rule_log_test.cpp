#include "apps/waf/rule_log.hpp"

#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/testing/exchange.hpp"

namespace picket::apps::waf {
namespace {

void nobody(std::string_view) {}

TEST(RuleLog, LinesAreAppendedToWhatIsThere) {
  const testing::Folder folder;
  folder.write("log", "old\n");
  auto log = RuleLog::open(folder.path("log"), nobody);
  ASSERT_TRUE(log);
  log->write("new\n");
  EXPECT_EQ(folder.read("log"), "old\nnew\n");
}

TEST(RuleLog, LinesOfOneCallStayTogether) {
  const testing::Folder folder;
  auto log = RuleLog::open(folder.path("log"), nobody);
  ASSERT_TRUE(log);
  {
    std::vector<std::jthread> writers;
    for (const char name : {'a', 'b', 'c', 'd'}) {
      writers.emplace_back([&log, name] {
        const std::string pair = std::string(300, name) + "\n" + std::string(300, name) + "\n";
        for (int i = 0; i < 50; ++i) log->write(pair);
      });
    }
  }
  std::istringstream lines(folder.read("log"));
  std::string first;
  std::string second;
  int pairs = 0;
  while (std::getline(lines, first) && std::getline(lines, second)) {
    ++pairs;
    EXPECT_EQ(first, std::string(300, first[0]));
    EXPECT_EQ(first, second);
  }
  EXPECT_EQ(pairs, 200);
}

TEST(RuleLog, AFileThatCannotBeOpenedIsNamed) {
  const auto log = RuleLog::open("/nonexistent/rules.log", nobody);
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().detail(), ::testing::HasSubstr("/nonexistent/rules.log"));
}

TEST(RuleLog, AFullDiskIsSaidOnceAndStopsNobody) {
  std::vector<std::string> said;
  auto log = RuleLog::open("/dev/full", [&](std::string_view line) { said.emplace_back(line); });
  ASSERT_TRUE(log);
  log->write("one\n");
  log->write("two\n");
  EXPECT_THAT(said, ::testing::ElementsAre(::testing::HasSubstr("No space left")));
}

}  // namespace
}  // namespace picket::apps::waf

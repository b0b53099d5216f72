#include "apps/guard/options.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

std::variant<Options, int> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "picket-guard");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(GuardOptions, EachIsRead) {
  const auto parsed = parse({"--listen", "unix:/run/g.sock", "--prompt", "all", "--response", "pii,jwt",
                             "--min-confidence", "0.8", "--threads", "3"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.server.listen, std::vector<std::string>{"unix:/run/g.sock"});
  EXPECT_EQ(options.server.threads, 3U);
  EXPECT_EQ(options.policy.prompts, Categories::all());
  EXPECT_TRUE(options.policy.responses.has(Category::jwt));
  EXPECT_FALSE(options.policy.responses.has(Category::secret));
  EXPECT_EQ(options.policy.least_confidence, 0.8F);
}

TEST(GuardOptions, LeftOutTheyAreWhatPromptsAndAnswersNeed) {
  const auto parsed = parse({"--listen", "unix:/run/g.sock"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const Policy& policy = std::get<Options>(parsed).policy;
  EXPECT_EQ(policy.prompts, Categories{Category::prompt_injection});
  EXPECT_TRUE(policy.responses.has(Category::email) && policy.responses.has(Category::secret));
  EXPECT_FALSE(policy.responses.has(Category::prompt_injection));
}

TEST(GuardOptions, WrongOnesAreRefused) {
  for (const auto& wrong : {std::vector<const char*>{"--prompt", "emails"},
                            {"--min-confidence", "2"},
                            {"--min-confidence", "nan"},
                            {"--token-budget", "1", "--budget-file", ""},
                            {"--token-budget", "1", "--budget-file", "/tmp"},
                            {"--token-budget", "1", "--budget-file", "/nonexistent/"},
                            {"--prompt", "all,none"},
                            {"--threads", "99999999"},
                            {"--token-budget", "0"},
                            {"--token-budget", "18446744073709551615"},
                            {"--token-budget", "1", "--budget-header", ""},
                            {"--token-budget", "1", "--budget-header", "x y"},
                            {"--token-budget", "1", "--budget-header", "authorization:"},
                            {"--allow-file", "/nonexistent"},
                            {"--unknown"}}) {
    std::vector<const char*> arguments{"--listen", "unix:/run/g.sock"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const auto parsed = parse(arguments);
    ASSERT_TRUE(std::holds_alternative<int>(parsed)) << wrong[0];
    EXPECT_EQ(std::get<int>(parsed), exit_wrong);
  }
  EXPECT_EQ(std::get<int>(parse({"--help"})), exit_ok);
}

}  // namespace
}  // namespace picket::apps::guard

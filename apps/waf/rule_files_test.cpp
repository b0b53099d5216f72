#include "apps/waf/rule_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/testing/exchange.hpp"

namespace picket::apps::waf {
namespace {

using ::testing::ElementsAre;

TEST(RuleFiles, CrsIsSetupThenExclusionsThenRulesThenExclusions) {
  const testing::Folder folder;
  const CrsLocation location{.setup_directory = folder.path("etc"), .rules_directory = folder.path("rules")};
  std::filesystem::create_directory(location.setup_directory);
  std::filesystem::create_directory(location.rules_directory);
  const auto setup = folder.write("etc/crs-setup.conf", "");
  const auto rule_b = folder.write("rules/RESPONSE-980.conf", "");
  const auto rule_a = folder.write("rules/REQUEST-901.conf", "");
  folder.write("rules/words.data", "");
  EXPECT_THAT(*crs_files(location), ElementsAre(setup, rule_a, rule_b));

  const auto before = folder.write("etc/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf", "");
  const auto after = folder.write("etc/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf", "");
  EXPECT_THAT(*crs_files(location), ElementsAre(setup, before, rule_a, rule_b, after));
}

TEST(RuleFiles, AFileThatCannotBeReadIsNamed) {
  const testing::Folder folder;
  for (const std::string& path : {folder.path("absent.conf"), folder.path(".")}) {
    const auto text = read_file(path);
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error().detail(), ::testing::StartsWith(path + ": "));
  }
}

}  // namespace
}  // namespace picket::apps::waf

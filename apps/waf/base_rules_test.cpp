#include "apps/waf/base_rules.hpp"

#include <gtest/gtest.h>

namespace picket::apps::waf {
namespace {

TEST(BaseRules, ARuleAboutTheTextOfXmlIsAboutItsAttributesToo) {
  const struct {
    const char* rule;
    const char* expected;
  } cases[] = {
      {"SecRule ARGS|XML:/* \"@rx a\" \\\n  \"id:1\"", "SecRule ARGS|XML:/*|XML://@* \"@rx a\" \\\n  \"id:1\""},
      {"# c\n\n  SecRule XML:/*|ARGS b\n", "# c\n\n  SecRule XML:/*|XML://@*|ARGS b\n"},
      {"SecRule \"XML:/*\" a", "SecRule \"XML:/*|XML://@*\" a"},
      {"SecRule ARGS \"XML:/*\"", "SecRule ARGS \"XML:/*\""},
      {"SecRule ARGS|!XML:/* a", "SecRule ARGS|!XML:/* a"},
      {"SecRule &XML:/* a", "SecRule &XML:/* a"},
      {"SecRule XML:/*/b a", "SecRule XML:/*/b a"},
      {"SecRule XML:/*|XML://@* a", "SecRule XML:/*|XML://@* a"},
      {"#SecRule XML:/* a", "#SecRule XML:/* a"},
      {"SecRuleUpdateTargetById 1 \"!XML:/*\"", "SecRuleUpdateTargetById 1 \"!XML:/*\""},
      {"SecRule ", "SecRule "},
      {"", ""},
  };
  for (const auto& test : cases) EXPECT_EQ(with_xml_attributes(test.rule), test.expected);
}

}  // namespace
}  // namespace picket::apps::waf

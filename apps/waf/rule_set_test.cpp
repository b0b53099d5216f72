#include "apps/waf/rule_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/testing/exchange.hpp"

namespace picket::apps::waf {
namespace {

using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using testing::inspect;
using testing::load;
using testing::matched;
using ::testing::StartsWith;

std::string error_of(const RuleOptions& options) {
  auto rules = RuleSet::load(testing::engine(), options);
  return rules ? "it loaded" : rules.error().detail();
}

TEST(RuleSet, CrsLoadsWithItsSetup) {
  ASSERT_NE(testing::crs(), nullptr);
  EXPECT_GT(testing::crs()->rule_count(), 400U);
  EXPECT_GT(testing::crs()->file_count(), 25U);
}

TEST(RuleSet, CrsThatIsNotInstalledSaysWhatToInstall) {
  const std::string error = error_of({.crs = {.setup_directory = "/nonexistent", .rules_directory = "/nonexistent"}});
  EXPECT_THAT(error, HasSubstr("modsecurity-crs"));
}

TEST(RuleSet, GlobsLoadInTheOrderGivenAndEachSortedByName) {
  const Folder folder;
  folder.write("b2.conf", R"(SecRule REQUEST_URI "@unconditionalMatch" "id:2,phase:1,pass,log,msg:'b2'")");
  folder.write("b1.conf", R"(SecRule REQUEST_URI "@unconditionalMatch" "id:3,phase:1,pass,log,msg:'b1'")");
  folder.write("a.conf", R"(SecRule REQUEST_URI "@unconditionalMatch" "id:1,phase:1,pass,log,msg:'a'")");
  const auto rules = load({.rules = {folder.path("b*.conf"), folder.path("a.conf")}});
  EXPECT_THAT(testing::ids(inspect(rules, {})), ElementsAre("3", "2", "1"));
}

TEST(RuleSet, CustomRulesReplaceCrs) {
  const auto rules = testing::rules_of(R"(SecRule ARGS "@contains evil" "id:1,phase:2,deny,status:406")");
  EXPECT_EQ(inspect(rules, {.uri = "/?q=evil"}).status, 406);
  EXPECT_TRUE(inspect(rules, {.uri = "/?q=1'%20OR%20'1'='1"}).allows());
}

TEST(RuleSet, AGlobThatMatchesNothingIsAnError) {
  EXPECT_EQ(error_of({.rules = {"/nonexistent/*.conf"}}), "no rule file matches '/nonexistent/*.conf'");
}

TEST(RuleSet, ABrokenFileIsNamedWithItsLine) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"# one\n\nSecRuleFoo bar\n", "rules.conf:3: "},
      {"\nSecRule ARGS \"@rx a\" \"id:1,phase:1,pass,nonsense\"\n", "rules.conf:2: Expecting an action"},
      {"\n\nSecRule ARGS \"@pmFromFile absent.data\" \"id:1,phase:1,pass\"\n", "rules.conf:3: Failed to open file"},
      {"\nInclude /nonexistent.conf\n", "rules.conf:2: /nonexistent.conf: Not able to open file"},
      {"IncludeOptional x.conf\n", "rules.conf:1: Invalid input"},
      {"SecRule ARGS a \"id:1,phase:1,pass\"\n\n# two\nSecRule ARGS b \"id:1,phase:1,pass\"\n",
       "rules.conf:4: Rule id: 1 is duplicated"},
      {"SecRule ARGS a \"id:1,phase:1,pass\"\nSecRule ARGS b \"phase:1,pass\"\n",
       "rules.conf:2: Rules must have an ID"},
      {"SecRule ARGS a \"id:1,phase:1,pass,chain\"\nSecRule ARGS b \\\n  \"deny\"\n",
       "rules.conf:3: Disruptive actions can only be specified by chain starter rules."},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.text);
    const Folder folder;
    const std::string path = folder.write("rules.conf", test.text);
    EXPECT_THAT(error_of({.rules = {path}}), StartsWith(path.substr(0, path.size() - 10) + test.expected));
  }
}

TEST(RuleSet, AnIdThatAnotherFileUsesIsNamedWithBothPlaces) {
  const Folder folder;
  const auto first = folder.write("1.conf", "\nSecRule ARGS \"@rx a\" \"id:7,phase:1,pass\"\n");
  const auto second = folder.write("2.conf", "\n\nSecRule ARGS \"@rx b\" \"id:7,phase:2,pass\"\n");
  EXPECT_EQ(error_of({.rules = {folder.path("*.conf")}}), second + ":3: rule id 7 is already used at " + first + ":2");
}

TEST(RuleSet, TheOptionForDetectionWinsOverTheRules) {
  const auto rules = testing::rules_of("SecRuleEngine On\nSecRule ARGS \"@rx evil\" \"id:1,phase:2,deny,log\"\n", true);
  const Verdict verdict = inspect(rules, {.uri = "/?q=evil"});
  EXPECT_TRUE(verdict.allows());
  EXPECT_TRUE(matched(verdict, "1"));
  const auto on =
      testing::rules_of("SecRuleEngine DetectionOnly\nSecRule ARGS \"@rx evil\" \"id:1,phase:2,deny,log\"\n", false);
  EXPECT_FALSE(inspect(on, {.uri = "/?q=evil"}).allows());
}

TEST(RuleSet, ADirectiveOfTheRulesWinsOverOurDefaults) {
  const auto rules =
      testing::rules_of("SecRuleEngine DetectionOnly\nSecRule ARGS \"@rx evil\" \"id:1,phase:2,deny,log\"\n");
  EXPECT_TRUE(inspect(rules, {.uri = "/?q=evil"}).allows());
}

TEST(RuleSet, TheParanoiaLevelReachesCrsAndRulesOfTheOperator) {
  // 942432 is a rule of paranoia level 4: more than two special characters in an argument.
  const testing::Request request{.uri = "/?q=a-b-c-d"};
  EXPECT_TRUE(inspect(testing::crs(), request).allows());
  EXPECT_TRUE(matched(inspect(load({.paranoia = 4}), request), "942432"));

  const Folder folder;
  const auto level_rule = folder.write("level.conf", R"(SecRule TX:PARANOIA_LEVEL "@eq 3" "id:1,phase:1,deny,log")");
  EXPECT_FALSE(inspect(load({.rules = {level_rule}, .paranoia = 3}), {}).allows());
  EXPECT_TRUE(inspect(load({.rules = {level_rule}, .paranoia = 2}), {}).allows());
}

TEST(RuleSet, WhatCrsBlocksByDefaultIsAllowedInTheWayThatDocsWafSays) {
  const Folder folder;
  const auto before = folder.write("before.conf", R"(
SecAction "id:900200,phase:1,nolog,pass,t:none,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE'"
SecAction "id:900220,phase:1,nolog,pass,t:none,setvar:'tx.allowed_request_content_type=|application/json| |text/plain| |multipart/form-data|'"
SecRequestBodyNoFilesLimit 1048576)");
  const auto after = folder.write("after.conf", "SecRuleRemoveById 920120\n");
  const auto changed =
      load({.rules = {"/etc/modsecurity/crs/crs-setup.conf", before, "/usr/share/modsecurity-crs/rules/*.conf", after},
            .match_time = std::chrono::seconds{10}});
  const std::string file =
      "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"Ann's.txt\"\r\n\r\nx\r\n--b--\r\n";
  const std::string item = '"' + std::string(1000, 'a') + '"';
  std::string json = "[" + item;
  for (int i = 0; i < 150; ++i) json += "," + item;
  json += "]";
  const testing::Request requests[] = {
      {.method = "PUT"},
      {.method = "PATCH"},
      {.method = "DELETE"},
      {.method = "POST", .headers = {{"Content-Type", "text/plain"}}, .body = "hello"},
      {.method = "POST", .headers = {{"Content-Type", "multipart/form-data; boundary=b"}}, .body = file},
      {.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = json},
  };
  for (const testing::Request& request : requests) {
    SCOPED_TRACE(request.method + " " + request.body.substr(0, 60));
    EXPECT_FALSE(inspect(testing::crs(), request).allows());
    const Verdict verdict = inspect(changed, request);
    EXPECT_TRUE(verdict.allows()) << ::testing::PrintToString(testing::ids(verdict))
                                  << ::testing::PrintToString(verdict.notes);
  }
}

TEST(RuleSet, AnUnicodeEscapeIsFoldedToWhatAnApplicationMaySee) {
  const auto rules = testing::rules_of(R"(SecRule ARGS "@contains <script>/" "id:1,phase:2,deny,log,t:urlDecodeUni")");
  for (const char* attack : {"%25uff1cscript%25uff1e%25uff0f", "%25u2039s%25u0107ript%25u203a%25u2215"}) {
    SCOPED_TRACE(attack);
    EXPECT_FALSE(inspect(rules, {.uri = std::string("/?q=") + attack}).allows());
  }
}

}  // namespace
}  // namespace picket::apps::waf

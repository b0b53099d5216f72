#include <regex>

#include "apps/gateway/inspection/testing/inspected.hpp"

namespace picket::apps::gateway::inspection {
namespace {

using namespace testing;
using agent::Context;
using agent::Decision;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Audit : public InspectionTest {
 protected:
  static Script on_headers(std::function<Decision()> decide) {
    return {.request_headers = [decide](const auto&, Context&) { return agent::Reply{decide()}; }};
  }
  /// The lines so far without time, id and duration, which differ from run to run and are checked for their form.
  std::vector<std::string> lines(const Request& request) {
    static const std::regex form{R"re(\{"ts":"\d{4}-[-0-9T:.]+Z","id":"([0-9a-f]{32})",(.*),"duration_us":\d+\})re"};
    std::vector<std::string> result;
    for (const auto& line : audit_lines()) {
      std::smatch match;
      EXPECT_TRUE(std::regex_match(line, match, form)) << line;
      EXPECT_EQ(match.str(1), request.id());
      result.push_back(match.str(2));
    }
    return result;
  }
};

TEST_F(Audit, ABareAllowLeavesNoLine) {
  agent();
  agent({.request_body =
             [](const auto& event, Context&) {
               return agent::Reply{event.is_last ? Decision::allow() : Decision::allow().needs_more()};
             }},
        {.buffer_size = 2});
  Request request{*this};
  EXPECT_FALSE(request.headers().answer);
  EXPECT_FALSE(request.body({"body"}).answer);
  EXPECT_FALSE(request.response(200).answer);
  EXPECT_THAT(audit_lines(), IsEmpty());
}

TEST_F(Audit, ABlockIsALineWithItsRulesAndTags) {
  agent(on_headers([] { return Decision::block(403).rule("942100").rule("949110").tag("sqli").tag("a\"b"); }));
  Request request{*this};
  EXPECT_TRUE(request.headers().answer);
  EXPECT_THAT(lines(request),
              ElementsAre(R"("agent":"agent-0","phase":"request_headers","decision":"block","status":403,)"
                          R"("rule_ids":["942100","949110"],"tags":["sqli","a\"b"])"));
}

TEST_F(Audit, EveryAnswerThatIsMoreThanAllowIsALineInFilterOrder) {
  agent(on_headers([] { return Decision::allow().rule("1"); }));
  agent(on_headers([] { return Decision::allow().tag("bot"); }));
  agent(on_headers([] { return Decision::allow(); }));
  agent(on_headers([] { return Decision::allow().set_request_header("x", "y"); }));
  agent(on_headers([] { return Decision::allow().confidence(0.5F); }));
  agent(on_headers([] { return Decision::allow().route("pool", "b"); }));
  agent(on_headers([] { return Decision::allow().note("score", "3"); }));
  agent(on_headers([] { return Decision::allow().reason("R"); }));
  Request request{*this};
  EXPECT_FALSE(request.headers().answer);
  EXPECT_THAT(lines(request), SizeIs(7));
}

TEST_F(Audit, EveryPhaseNamesItself) {
  agent({.request_headers = [](const auto&, Context&) { return agent::Reply{Decision::allow().tag("h")}; },
         .request_body = [](const auto&, Context&) { return agent::Reply{Decision::allow().replace_body("x")}; },
         .response_headers = [](const auto&, Context&) { return agent::Reply{Decision::redirect("/away")}; }});
  Request request{*this};
  EXPECT_FALSE(request.headers().answer);
  EXPECT_FALSE(request.body({"body"}).answer);
  EXPECT_TRUE(request.response(200).answer);
  constexpr auto line = [](std::string_view phase, std::string_view decision, std::string_view status,
                           std::string_view tags) {
    return "\"agent\":\"agent-0\",\"phase\":\"" + std::string{phase} + "\",\"decision\":\"" + std::string{decision} +
           "\",\"status\":" + std::string{status} + ",\"rule_ids\":[],\"tags\":[" + std::string{tags} + "]";
  };
  EXPECT_THAT(lines(request),
              ElementsAre(line("request_headers", "allow", "null", "\"h\""), line("request_body", "allow", "null", ""),
                          line("response_headers", "redirect", "302", "")));
}

TEST_F(Audit, FailuresAreLinesToo) {
  absent_agent();
  absent_agent(fail_open);
  Request request{*this};
  EXPECT_TRUE(request.headers().answer);
  EXPECT_THAT(lines(request),
              ElementsAre(R"("agent":"agent-0","phase":"request_headers","decision":"failed_closed","status":503,)"
                          R"("rule_ids":[],"tags":[])",
                          R"("agent":"agent-1","phase":"request_headers","decision":"failed_open","status":null,)"
                          R"("rule_ids":[],"tags":[])"));
}

TEST_F(Audit, ABodyThatPassesUninspectedIsALine) {
  agent({}, {.failure_mode = config::FailureMode::open, .max_request_body_bytes = 3});
  Request request{*this};
  EXPECT_FALSE(request.body({"body"}).answer);
  EXPECT_THAT(lines(request),
              ElementsAre(R"("agent":"agent-0","phase":"request_body","decision":"uninspected","status":null,)"
                          R"("rule_ids":[],"tags":[])"));
}

}  // namespace
}  // namespace picket::apps::gateway::inspection

#include "apps/gateway/process/metrics_page.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/serving/testing/served.hpp"

namespace picket::apps::gateway::process {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The page of two shards, whose counters the test moves: nobody is served by them.
class Page : public ::testing::Test {
 protected:
  Page() {
    for (std::size_t i = 0; i < 2; ++i)
      shards_.push_back(std::make_unique<serving::Shard>(i, 2, false, admission_, log_.lines()));
  }
  void serve(config::Config config) {
    generation_ = serving::testing::generation_of(std::move(config));
    for (auto& shard : shards_) {
      ASSERT_TRUE(shard->prepare(generation_, {}, serving::testing::sockets_on));
      shard->commit(100);
    }
  }
  generation::ShardMetrics& metrics(std::size_t shard) { return shards_[shard]->state().metrics; }
  std::string page() { return metrics_page(shards_, *generation_, {reverse_, reports_}, {log_, reloads_}); }

  downstream::Admission admission_;
  ProcessLog log_{{}};
  reports::AgentReports reports_{.metrics = reports::AgentMetrics{log_.lines()}, .reloads = {}, .restart = {}};
  pool::reverse::RegistryMetrics reverse_;
  Reloads reloads_;
  std::shared_ptr<const generation::Generation> generation_;
  std::vector<std::unique_ptr<serving::Shard>> shards_;
};

TEST_F(Page, SumsWhatTheShardsCount) {
  serve(serving::testing::answering("one"));
  for (const std::size_t shard : {0U, 1U}) {
    auto& counted = metrics(shard);
    counted.connections.add(10 + shard);
    counted.connections_refused.add(2);
    counted.connections_open.add(3);
    counted.requests_by_class[0].add(1);
    counted.requests_by_class[5].add(4);
    counted.answers_by_reason[static_cast<std::size_t>(answers::Reason::overloaded)].add(5);
    counted.upstream_retries.add(6);
    counted.request_bytes.add(7);
    counted.response_bytes.add(8);
    counted.request_duration.record(std::chrono::milliseconds{1});
  }
  const std::string text = page();
  for (const std::string_view line :
       {"picket_client_connections_total 21\n", "picket_client_connections_refused_total 4\n",
        "picket_client_connections_open 6\n", "picket_requests_total{class=\"none\"} 2\n",
        "picket_requests_total{class=\"5xx\"} 8\n", "picket_requests_total{class=\"2xx\"} 0\n",
        "picket_gateway_answers_total{reason=\"overloaded\"} 10\n", "picket_upstream_retries_total 12\n",
        "picket_request_bytes_total 14\n", "picket_response_bytes_total 16\n",
        "picket_request_duration_seconds_count 2\n", "picket_held_bytes 0\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST_F(Page, HasEachUpstreamByItsNameInTheOrderOfTheConfiguration) {
  auto config = serving::testing::answering("one");
  config.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = 1}}});
  config.upstreams.push_back({.id = "a\"b", .targets = {{.host = "127.0.0.1", .port = 2}}});
  serve(std::move(config));
  for (const auto& shard : shards_) {
    shard->current()->upstreams[0]->connects.add(3);
    shard->current()->upstreams[1]->connect_failures.add(4);
  }
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("picket_upstream_connects_total{upstream=\"app\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("picket_upstream_connects_total{upstream=\"a\\\"b\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("picket_upstream_connect_failures_total{upstream=\"a\\\"b\"} 8\n"));
}

TEST_F(Page, HasEachAgentsDecisionsAndFailures) {
  auto config = serving::testing::answering("one");
  config.agents.push_back({.id = "a", .type = "waf", .path = "/nowhere/a"});
  config.agents.push_back({.id = "b", .type = "auth", .path = "/nowhere/b"});
  serve(std::move(config));
  for (const auto& shard : shards_) {
    inspection::AgentCounters& counted = *shard->current()->agent_counters[1];
    counted.allowed.add(1);
    counted.blocked.add(2);
    counted.redirected.add(3);
    counted.challenged.add(4);
    counted.failed_closed.add(5);
    counted.failed_open.add(6);
    counted.invalid_responses.add(7);
    counted.bodies_uninspected.add(8);
    counted.cut.add(9);
    counted.findings_redacted.add(10);
  }
  const std::string text = page();
  const auto line = [](std::string_view name, std::string_view more, int value) {
    return "picket_agent_" + std::string{name} + "{agent=\"b\",type=\"auth\"" + std::string{more} + "} " +
           std::to_string(value) + "\n";
  };
  for (const auto& expected :
       {line("decisions_total", ",decision=\"allow\"", 2), line("decisions_total", ",decision=\"block\"", 4),
        line("decisions_total", ",decision=\"redirect\"", 6), line("decisions_total", ",decision=\"challenge\"", 8),
        line("failures_total", ",mode=\"closed\"", 10), line("failures_total", ",mode=\"open\"", 12),
        line("invalid_responses_total", "", 14), line("bodies_uninspected_total", "", 16), line("cuts_total", "", 18),
        line("findings_total", ",action=\"redact\"", 20), line("connections_ready", "", 0),
        line("errors_total", ",kind=\"timeout\"", 0)})
    EXPECT_THAT(text, HasSubstr(expected));
  EXPECT_THAT(text, HasSubstr("picket_agent_decisions_total{agent=\"a\",type=\"waf\",decision=\"block\"} 0\n"));
}

TEST_F(Page, HasWhatBecameOfAgentsThatDialledWhereTheyMay) {
  serve(serving::testing::answering("one"));
  EXPECT_THAT(page(), Not(HasSubstr("picket_reverse_")));
  auto config = serving::testing::answering("one");
  config.reverse_listener.emplace();
  serve(std::move(config));
  reverse_.registered.add(3);
  reverse_.refused.add(2);
  reverse_.connections.add(1);
  for (const std::string_view line :
       {"picket_reverse_registrations_total 3\n", "picket_reverse_registrations_refused_total 2\n",
        "picket_reverse_connections_open 1\n"})
    EXPECT_THAT(page(), HasSubstr(line));
}

TEST_F(Page, SaysWhetherTheLastReloadIsServed) {
  serve(serving::testing::answering("one"));
  EXPECT_THAT(page(), HasSubstr("picket_config_last_reload_successful 1\n"));
  reloads_.count(true);
  reloads_.count(false);
  reloads_.count(false);
  for (const std::string_view line :
       {"picket_config_reloads_total{result=\"applied\"} 1\n", "picket_config_reloads_total{result=\"failed\"} 2\n",
        "picket_config_last_reload_successful 0\n"})
    EXPECT_THAT(page(), HasSubstr(line));
  reloads_.count(true);
  EXPECT_THAT(page(), HasSubstr("picket_config_last_reload_successful 1\n"));
}

TEST_F(Page, SaysNothingOfAgentsAndLogsThatThereAreNot) {
  serve(serving::testing::answering("one"));
  EXPECT_THAT(page(), Not(HasSubstr("picket_agent_")));
  EXPECT_THAT(page(), HasSubstr("picket_log_lines_lost_total{log=\"process\"} 0\n"));
  EXPECT_THAT(page(), Not(HasSubstr("log=\"access\"")));
}

}  // namespace
}  // namespace picket::apps::gateway::process

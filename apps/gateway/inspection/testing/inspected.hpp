#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/inspection/inspection.hpp"
#include "apps/gateway/inspection/testing/scripted_agent.hpp"
#include "apps/gateway/testing/loop.hpp"
#include "picket/pool/agent_pool.hpp"

/// A route with agents of a test's choice: real agents behind real sockets, one worker that the test drives.
namespace picket::apps::gateway::inspection::testing {

/// How the configuration speaks of one agent and its filter.
struct Terms {
  config::Events events{
      .request_headers = true, .request_body = true, .response_headers = true, .request_complete = true};
  config::FailureMode failure_mode = config::FailureMode::closed;
  std::chrono::milliseconds timeout{20'000};
  std::uint64_t buffer_size = 65'536;
  std::uint64_t max_request_body_bytes = 1'048'576;
};

class InspectionTest : public ::testing::Test {
 protected:
  static constexpr Terms fail_open{.failure_mode = config::FailureMode::open};

  /// A running agent of the route, behind those that there are. Before the first request.
  ScriptedAgent& agent(Script script = {}, const Terms& terms = {}) {
    add(terms);
    agents_.push_back(std::make_unique<ScriptedAgent>(config_.agents.back().path, std::move(script)));
    return *agents_.back();
  }
  /// An agent that is configured and does not run.
  void absent_agent(const Terms& terms = {}) { add(terms); }

  /// One request of the route.
  class Request {
   public:
    explicit Request(InspectionTest& test)
        : test_(test),
          id_(test.worker_.ids().mint()),
          inspection_(std::in_place, test.environment(), test.route_, id_, arena_) {}
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    ~Request() {
      inspection_.reset();
      test_.worker_.ids().release(id_);
    }

    [[nodiscard]] transport::Task<Verdict> headers_task(std::string_view uri = "/") {
      static constexpr base::Header host{"Host", "a.test"};
      head_ = {.metadata = {.correlation_id = id_.text(),
                            .request_id = id_.text(),
                            .client_ip = "192.0.2.1",
                            .client_port = 1,
                            .protocol = "HTTP/1.1",
                            .timestamp = "2026-01-01T00:00:00Z"},
               .method = "GET",
               .uri = uri,
               .headers = std::span{&host, 1}};
      return inspection_->request_headers(head_, body_came_ ? &pieces_ : nullptr);
    }
    /// The body of these pieces has come along with the head: headers() gives it, and body() asks about it.
    void comes_with(const std::vector<std::string>& pieces) {
      keep(pieces);
      body_came_ = true;
    }
    Verdict headers(std::string_view uri = "/") { return gateway::testing::run(test_.worker_, headers_task(uri)); }
    /// The verdict on a body of these pieces; what the agents made of it is body().
    Verdict body(const std::vector<std::string>& pieces) {
      keep(pieces);
      return gateway::testing::run(test_.worker_, body_task());
    }
    [[nodiscard]] transport::Task<Verdict> body_task() { return inspection_->request_body(pieces_); }
    /// The verdict without the body, which is too large for every agent.
    Verdict pass_body(std::uint64_t size) {
      return gateway::testing::run(test_.worker_, inspection_->pass_request_body(size));
    }
    [[nodiscard]] std::string body() const {
      std::string text;
      for (const auto piece : pieces_) text += base::as_text(piece);
      return text;
    }
    Verdict response(std::uint16_t status, std::vector<base::Header> fields = {}) {
      fields_ = std::move(fields);
      const wire::ResponseHeaders event{
          .correlation_id = id_.text(), .status = status, .headers = std::span<const base::Header>{fields_}};
      return gateway::testing::run(test_.worker_, inspection_->response_headers(event));
    }
    void complete(std::uint16_t status) {
      inspection_->complete({.correlation_id = id_.text(), .status = status});
      gateway::testing::turn_for(test_.worker_, std::chrono::milliseconds{1});  // it is written at a turn's end
    }
    Inspection& operator*() { return *inspection_; }
    Inspection* operator->() { return &*inspection_; }
    /// As a connection does when the request is over.
    void end() { inspection_.reset(); }
    [[nodiscard]] std::string_view id() const { return id_.text(); }

   private:
    void keep(const std::vector<std::string>& pieces) {
      for (const auto& piece : pieces) pieces_.push_back(base::as_bytes(kept_.emplace_back(piece)));
    }

    InspectionTest& test_;
    base::CorrelationId id_;
    base::Arena arena_;
    wire::RequestHeaders head_;
    std::vector<base::Header> fields_;
    std::deque<std::string> kept_;
    std::vector<base::ByteView> pieces_;
    bool body_came_ = false;
    std::optional<Inspection> inspection_;
  };

  /// Lets a phase begin; its verdict comes into `verdict`, which outlives it.
  static void begin(transport::Task<Verdict> phase, std::optional<Verdict>& verdict) {
    const auto keep = [](transport::Task<Verdict> task, std::optional<Verdict>& out) -> transport::Task<void> {
      auto value = co_await task;
      out.emplace(std::move(value));
    };
    transport::spawn(keep(std::move(phase), verdict));
  }
  template <class Predicate>
  bool until(Predicate&& holds) {
    return gateway::testing::turn_until(worker_, holds);
  }
  AgentCounters& counters(std::size_t agent) { return counters_[agent]; }
  const pool::AgentMetrics& metrics(std::size_t agent) { return environment().agents[agent]->metrics(); }
  /// The audit lines so far, oldest first.
  std::vector<std::string> audit_lines() {
    std::string text;
    audit_.drain(text);
    std::vector<std::string> lines;
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      lines.push_back(text.substr(0, end));
    return lines;
  }

  transport::testing::TemporaryFolder folder_;
  transport::Worker worker_;
  logs::LineQueue audit_;

 private:
  void add(const Terms& terms) {
    const std::size_t index = config_.agents.size();
    const std::string id = "agent-" + std::to_string(index);
    config_.agents.push_back({.id = id,
                              .path = (folder_.path() / id).string(),
                              .events = terms.events,
                              .buffer_size = terms.buffer_size,
                              .max_request_body_bytes = terms.max_request_body_bytes});
    config_.filters.push_back({.id = id, .agent = index, .failure_mode = terms.failure_mode, .timeout = terms.timeout});
    route_.filters.push_back(index);
  }

  /// Made with the first request: the agents that run are connected to then.
  Environment& environment() {
    if (environment_) return *environment_;
    counters_ = std::vector<AgentCounters>(config_.agents.size());
    environment_.emplace(worker_, config_, std::vector<pool::Agent*>{}, std::vector<AgentCounters*>{}, &audit_);
    for (std::size_t i = 0; i < config_.agents.size(); ++i) {
      environment_->agents.push_back(&pool_.add_agent(spec(i)).value().get());
      environment_->counters.push_back(&counters_[i]);
    }
    EXPECT_TRUE(until([&] {
      return std::ranges::all_of(environment_->agents, [&](const pool::Agent* agent) {
        return agent->ready_connections() != 0 || !std::filesystem::exists(agent->spec().endpoint.substr(5));
      });
    })) << "an agent is not ready";
    return *environment_;
  }
  pool::AgentSpec spec(std::size_t index) const {
    const config::Agent& from = config_.agents[index];
    pool::AgentSpec spec{.id = from.id, .endpoint = "unix:" + from.path, .events = {}};
    if (from.events.request_headers) spec.events.push_back(wire::EventKind::request_headers);
    if (from.events.request_body) spec.events.push_back(wire::EventKind::request_body_chunk);
    if (from.events.response_headers) spec.events.push_back(wire::EventKind::response_headers);
    if (from.events.request_complete) spec.events.push_back(wire::EventKind::request_complete);
    return spec;
  }

  config::Config config_;
  config::Route route_;
  std::vector<std::unique_ptr<ScriptedAgent>> agents_;
  std::vector<AgentCounters> counters_;
  pool::AgentPool pool_{worker_, {.connections_per_agent = 1}};
  std::optional<Environment> environment_;
};

/// The value of the first field of that name, or "-".
inline std::string_view field(const Answer& answer, std::string_view name) {
  const auto* const found = http::find(answer.fields, name);
  return found != nullptr ? found->value : "-";
}

}  // namespace picket::apps::gateway::inspection::testing

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

#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/inspection/testing/scripted_agent.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"

/// A chain with agents of a test's choice: real agents behind real sockets, one worker that the test drives.
namespace picket::inspection::testing {

/// How a test speaks of one agent of the chain.
struct Terms {
  Events events{.request_headers = true, .request_body = true, .response_headers = true, .request_complete = true};
  FailureMode failure_mode = FailureMode::closed;
  std::chrono::milliseconds timeout{20'000};
  std::uint64_t chunk_size = 65'536;
  std::uint64_t max_body = 1'048'576;
  std::uint64_t gathers = body::whole;
  bool decompress = false;
};

/// Keeps what it is told: for outcomes "agent event decision status [rules] [tags]", for invalid answers "agent event:
/// why".
class AuditNotes final : public AuditSink {
 public:
  void on_outcome(const AuditSubject& subject, const AuditOutcome& outcome) override {
    const std::string status = outcome.status ? std::to_string(*outcome.status) : "-";
    const auto* const response = outcome.response;
    outcomes.push_back(about(subject) + " " + std::string{outcome.decision} + " " + status + " " +
                       list(response != nullptr ? response->audit.rule_ids : wire::TextList{}) + " " +
                       list(response != nullptr ? response->audit.tags : wire::TextList{}));
  }
  void on_invalid_answer(const AuditSubject& subject, const base::Error& why) override {
    invalid_answers.push_back(about(subject) + ": " + why.detail());
  }

  std::vector<std::string> outcomes;
  std::vector<std::string> invalid_answers;
  std::vector<std::string> exchanges;  ///< Of each.

 private:
  std::string about(const AuditSubject& subject) {
    EXPECT_LE(subject.asked_at, base::Clock::now());
    exchanges.emplace_back(subject.exchange);
    return std::string{subject.agent} + " " + name(subject.event);
  }
  static std::string name(wire::EventKind event) {
    if (event == wire::EventKind::request_headers) return "request_headers";
    if (event == wire::EventKind::response_headers) return "response_headers";
    if (event == wire::EventKind::websocket_frame) return "websocket_frame";
    if (event == wire::EventKind::guardrail_inspect) return "guardrail";
    return event == wire::EventKind::request_body_chunk ? "request_body" : "response_body";
  }
  static std::string list(wire::TextList texts) {
    std::string all;
    for (const auto text : texts) all += (all.empty() ? "" : ",") + std::string{text};
    return "[" + all + "]";
  }
};

class InspectionTest : public ::testing::Test {
 protected:
  InspectionTest() { worker_.blocks().set_budget(1U << 30); }
  /// The last one first: an agent's script may hold answers at one before it.
  ~InspectionTest() override {
    while (!agents_.empty()) agents_.pop_back();
  }
  static constexpr Terms fail_open{.failure_mode = FailureMode::open};

  /// A running agent of the chain, behind those that there are. Before the first request.
  ScriptedAgent& agent(Script script = {}, const Terms& terms = {}) {
    terms_.push_back(terms);
    agents_.push_back(std::make_unique<ScriptedAgent>(path_of(terms_.size() - 1), std::move(script)));
    return *agents_.back();
  }
  /// An agent of the chain that does not run.
  void absent_agent(const Terms& terms = {}) { terms_.push_back(terms); }

  /// An agent of the chain looks at texts, too. Before the first request.
  void guardrail(const Guardrail& of) { chain_.guardrail = of; }

  /// One request that the chain is asked about.
  class Request {
   public:
    explicit Request(InspectionTest& test)
        : test_(test),
          id_(test.worker_.ids().mint()),
          inspection_(std::in_place, test.worker_, test.chain(), &test.audit_, id_, arena_) {}
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    ~Request() = default;

    [[nodiscard]] transport::Task<Verdict> headers_task(std::string_view uri = "/") {
      static constexpr base::Header host{"Host", "a.test"};
      head_ = {.metadata = {.request_id = id_.text(),
                            .client_ip = "192.0.2.1",
                            .client_port = 1,
                            .protocol = "HTTP/1.1",
                            .timestamp = "2026-01-01T00:00:00Z"},
               .method = "GET",
               .uri = uri,
               .headers = std::span{&host, 1}};
      return inspection_->request_headers(head_);
    }
    /// The body of these pieces has come along with the head.
    void comes_with(const std::vector<std::string>& pieces) {
      for (std::size_t i = 0; i < pieces.size(); ++i) feed(pieces[i], i + 1 == pieces.size());
    }
    Verdict headers(std::string_view uri = "/") { return transport::testing::run(test_.worker_, headers_task(uri)); }
    /// The verdict on a body of these pieces; what the agents made of it is body().
    Verdict body(const std::vector<std::string>& pieces) {
      inspection_->request_body().begin(0);
      comes_with(pieces);
      if (pieces.empty()) feed("", true);
      return judged_body();
    }
    /// The verdict on what has come of it.
    Verdict judged_body() { return transport::testing::run(test_.worker_, body_task()); }
    [[nodiscard]] transport::Task<Verdict> body_task() { return inspection_->request_body().judge(); }
    /// The verdict before any of the body has come, which says that it has so many bytes.
    Verdict declared_body(std::uint64_t size) {
      inspection_->request_body().begin(size);
      return judged_body();
    }
    /// More of the body.
    void feed(const std::string& bytes, bool is_last = false) {
      inspection_->request_body().feed(base::SharedBytes::borrowed(base::as_bytes(kept_.emplace_back(bytes))), is_last);
    }
    /// What has been let out of it.
    [[nodiscard]] std::string body() {
      BodyInspection& inspected = inspection_->request_body();
      while (inspected.lets_out()) out_ += base::as_text(inspected.take().bytes.view());
      return out_;
    }
    Verdict response(std::uint16_t status, std::vector<base::Header> fields = {}, bool has_body = true) {
      fields_ = std::move(fields);
      const wire::ResponseHeaders event{.status = status, .headers = std::span<const base::Header>{fields_}};
      return transport::testing::run(test_.worker_, inspection_->response_headers(event, has_body));
    }
    /// The verdict on one frame.
    FrameVerdict frame(wire::WebSocketFrame event) {
      return transport::testing::run(test_.worker_, inspection_->frames().judge(event));
    }
    void complete(std::uint16_t status) {
      inspection_->complete({.status = status});
      transport::testing::turn_for(test_.worker_, std::chrono::milliseconds{1});  // it is written at a turn's end
    }
    Inspection& operator*() { return *inspection_; }
    Inspection* operator->() { return &*inspection_; }
    /// As a connection does when the request is over.
    void end() { inspection_.reset(); }
    [[nodiscard]] std::string_view id() const { return id_.text(); }

   private:
    InspectionTest& test_;
    base::MintedId id_;
    base::Arena arena_;
    wire::RequestHeaders head_;
    std::vector<base::Header> fields_;
    std::deque<std::string> kept_;
    std::string out_;
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
    return transport::testing::turn_until(worker_, holds);
  }
  AgentCounters& counters(std::size_t agent) { return counters_[agent]; }
  pool::Agent& asked(std::size_t agent) { return *chain().filters[agent].agent; }
  const pool::AgentMetrics& metrics(std::size_t agent) { return asked(agent).metrics(); }

  transport::testing::TemporaryFolder folder_;
  transport::Worker worker_;
  AuditNotes audit_;

 private:
  static std::string id_of(std::size_t index) { return "agent-" + std::to_string(index); }
  [[nodiscard]] std::string path_of(std::size_t index) const { return (folder_.path() / id_of(index)).string(); }

  /// Made with the first request: the agents that run are connected to then.
  const Chain& chain() {
    if (!chain_.filters.empty() || terms_.empty()) return chain_;
    chain_.decompress = std::ranges::any_of(terms_, &Terms::decompress);
    counters_ = std::vector<AgentCounters>(terms_.size());
    for (std::size_t i = 0; i < terms_.size(); ++i)
      chain_.filters.push_back({.agent = &pool_.add_agent(spec(i)).value().get(),
                                .counters = &counters_[i],
                                .events = terms_[i].events,
                                .failure_mode = terms_[i].failure_mode,
                                .timeout = terms_[i].timeout,
                                .request_body = {.holds = terms_[i].max_body, .gathers = terms_[i].gathers},
                                .response_body = {.holds = terms_[i].max_body, .gathers = terms_[i].gathers},
                                .chunk_size = terms_[i].chunk_size,
                                .decompress = terms_[i].decompress});
    EXPECT_TRUE(until([&] {
      return std::ranges::all_of(pool_.agents(), [&](const auto& agent) {
        return agent->ready_connections() != 0 || !std::filesystem::exists(agent->spec().endpoint.substr(5));
      });
    })) << "an agent is not ready";
    return chain_;
  }
  [[nodiscard]] pool::AgentSpec spec(std::size_t index) const {
    const Events& events = terms_[index].events;
    pool::AgentSpec spec{.id = id_of(index), .endpoint = "unix:" + path_of(index), .events = {}};
    if (events.request_headers) spec.events.push_back(wire::EventKind::request_headers);
    if (events.request_body) spec.events.push_back(wire::EventKind::request_body_chunk);
    if (events.response_headers) spec.events.push_back(wire::EventKind::response_headers);
    if (events.response_body) spec.events.push_back(wire::EventKind::response_body_chunk);
    if (events.websocket_frame) spec.events.push_back(wire::EventKind::websocket_frame);
    if (events.guardrail) spec.events.push_back(wire::EventKind::guardrail_inspect);
    if (events.request_complete) spec.events.push_back(wire::EventKind::request_complete);
    return spec;
  }

  std::vector<Terms> terms_;
  std::vector<std::unique_ptr<ScriptedAgent>> agents_;
  std::vector<AgentCounters> counters_;
  pool::AgentPool pool_{worker_, {.connections_per_agent = 1}};
  Chain chain_;
};

/// The value of the first field of that name, or "-".
inline std::string_view field(const Answer& answer, std::string_view name) {
  const auto* const found = http::find(answer.fields, name);
  return found != nullptr ? found->value : "-";
}

}  // namespace picket::inspection::testing

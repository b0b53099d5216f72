// Asks an agent about one request, as a proxy would that is no gateway, and prints its verdict.
// Run it: ask_chain unix:/tmp/denylist.sock 192.0.2.1 GET /login
#include <array>
#include <cstring>
#include <iostream>
#include <span>
#include <vector>

#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/pool/agent_pool.hpp"

using namespace picket;

/// Prints what the chain's agents said, but for a bare allow.
class Printer final : public inspection::AuditSink {
  void on_outcome(const inspection::AuditSubject& subject, const inspection::AuditOutcome& outcome) override {
    std::cout << "audit: " << subject.agent << " " << outcome.decision << '\n';
  }
};

/// `request`: client address, method, URI, and perhaps a body.
transport::Task<void> ask(pool::AgentPool& pool, const inspection::Chain& chain, std::span<char*> request) {
  transport::Worker& worker = pool.worker();
  const base::Deadline patience = base::Deadline::after(worker.now(), std::chrono::seconds{5});
  const auto ready = co_await pool.ready(*chain.filters.front().agent, patience);
  if (!ready) std::cout << ready.error().message() << '\n';  // asked all the same: the filter fails closed

  base::Arena memory;
  Printer audit;
  {
    const base::MintedId id = worker.ids().mint();  // until nothing has it any more
    inspection::Inspection inspection{worker, chain, &audit, id, memory};
    const std::array<base::Header, 1> headers{{{"Host", "example.test"}}};
    wire::RequestHeaders head{.metadata = {.client_ip = request[0]},
                              .method = request[1],
                              .uri = request[2],
                              .headers = std::span<const base::Header>{headers}};
    inspection::Verdict verdict = co_await inspection.request_headers(head);
    if (verdict.goes_on() && request.size() > 3) {
      inspection::BodyInspection& body = inspection.request_body();
      body.begin(std::strlen(request[3]));
      body.feed(base::SharedBytes::borrowed(base::as_bytes(request[3])), true);
      inspection::Verdict of_body = co_await body.judge();
      verdict = std::move(of_body);
    }
    const std::uint16_t refused = verdict.answer ? verdict.answer->status : inspection::status_of(verdict.failure);
    const std::uint16_t status = verdict.goes_on() ? 200 : refused;
    std::cout << "verdict: " << verdict.decision << " " << status << '\n';
    inspection.complete({.status = status});
  }
  worker.stop();
}

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::cerr << "usage: ask_chain ENDPOINT CLIENT-ADDRESS METHOD URI [BODY]\n";
    return 2;
  }
  const bool has_body = argc == 6;
  transport::Worker worker;
  pool::AgentPool pool{worker, {.connections_per_agent = 1}};
  std::vector<wire::EventKind> events{wire::EventKind::request_headers};
  if (has_body) events.push_back(wire::EventKind::request_body_chunk);
  const auto agent = pool.add_agent({.id = "agent", .endpoint = argv[1], .events = events});
  if (!agent) {
    std::cerr << agent.error().message() << '\n';
    return 2;
  }
  inspection::AgentCounters counters;
  const inspection::Chain chain{.filters = {{.agent = &agent->get(),
                                             .counters = &counters,
                                             .events = {.request_headers = true, .request_body = has_body}}}};
  worker.post([&] { transport::spawn(ask(pool, chain, {argv + 2, argv + argc})); });
  worker.run();
}

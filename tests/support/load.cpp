#include "tests/support/load.hpp"

#include <algorithm>

namespace picket::tests {
namespace {

pool::AgentSpec spec_of(const LoadPlan& plan) {
  return {.id = "agent",
          .endpoint = plan.reverse.empty() ? plan.endpoint.spelled() : std::string{},
          .reverse = plan.reverse,
          .insecure = true,
          .tls = plan.tls,
          .encodings = plan.encodings,
          .events = {wire::EventKind::request_headers, wire::EventKind::request_body_chunk},
          .max_concurrent_calls = plan.max_concurrent_calls,
          .breaker = plan.breaker};
}

}  // namespace

struct Load::Open {
  struct Pending {
    const pool::Call* call;
    std::string expected;
    base::TimePoint deadline;
  };
  Open(transport::Worker& worker, pool::Agent& agent, std::size_t number_, std::uint32_t events_)
      : number(number_), events_left(events_), asked(worker, agent) {}

  std::size_t number;
  std::uint32_t events_left;
  std::uint32_t next_event = 0;
  std::deque<std::string> bodies;  // outlive the calls
  std::vector<Pending> pending;
  pool::testing::Asked asked;
};

Load::Load(const LoadPlan& plan)
    : plan_(plan),
      pool_(worker_, plan.config),
      agent_(pool_.add_agent(spec_of(plan)).value().get()),
      random_(plan.seed) {}

Load::~Load() = default;

bool Load::ready() {
  return transport::testing::turn_until(worker_, [&] { return agent_.ready_connections() != 0; });
}

LoadResult Load::run(const std::function<void(std::size_t ended)>& meanwhile) {
  LoadResult result;
  std::size_t ended = 0;
  while (ended < plan_.exchanges) {
    while (begun_ < plan_.exchanges && open_.size() < plan_.at_once) begin();
    worker_.turn(base::Clock::now() + std::chrono::milliseconds{2});
    for (std::size_t i = 0; i < open_.size();) {
      const bool abandoned = random_() % 1000 < plan_.abandoned_per_mille;
      if (!abandoned && !look(*open_[i], result)) {
        ++i;
        continue;
      }
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
      ++ended;
    }
    meanwhile(ended);
  }
  worker_.turn(base::Clock::now());  // the last farewells go out
  return result;
}

void Load::begin() {
  auto& open = *open_.emplace_back(std::make_unique<Open>(worker_, agent_, begun_++, 1 + random_() % 4));
  ask(open);
}

/// A head first, then bodies: one at a time, or beside each other where the connection can tell their answers apart.
void Load::ask(Open& open) {
  do {
    const auto deadline = base::Deadline::after(base::Clock::now(), plan_.call_timeout);
    const std::string name = std::to_string(open.number) + "." + std::to_string(open.next_event);
    if (open.next_event++ == 0) {
      const std::string uri = "/" + name;
      open.pending.push_back({&open.asked.headers(uri, deadline), uri, deadline.at()});
    } else {
      auto& body = open.bodies.emplace_back(name);
      if (random_() % 4 == 0) body.append(random_() % 20'000, 'b');
      open.pending.push_back({&open.asked.body(body, open.events_left == 1, deadline), body, deadline.at()});
    }
    --open.events_left;
  } while (open.events_left != 0 && open.next_event > 1 && open.asked.exchange().can_pipeline());
}

bool Load::look(Open& open, LoadResult& result) {
  bool failed = false;
  std::erase_if(open.pending, [&](const Open::Pending& pending) {
    if (!pending.call->done()) return false;
    result.latest = std::max(result.latest, base::Clock::now() - pending.deadline);
    if (const auto& answer = pending.call->result(); !answer) {
      failed = true;
      ++result.failed[static_cast<std::size_t>(answer.error().kind())];
    } else {
      ++result.answered;
      const auto& tags = pending.call->response().audit.tags;
      if (tags.size() != 1 || tags[0] != pending.expected) ++result.wrong;
    }
    return true;
  });
  if (failed && open.pending.empty()) return true;
  if (!open.pending.empty()) return false;
  if (open.events_left == 0) return true;
  ask(open);
  return false;
}

}  // namespace picket::tests

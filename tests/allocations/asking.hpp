#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/testing.hpp"
#include "tests/allocations/counting.hpp"

namespace picket::tests {

/// An agent behind a Unix socket, and an inspection that asks it, on the test's thread. Every wait is bounded.
class Asking {
 public:
  /// `kind`: what it is asked about. `filter`: how; its agent, counters and time-out are filled in.
  Asking(const agent::HandlerFactory& make, wire::EventKind kind, inspection::Filter filter)
      : server_({.listen = {folder_.socket().text()}}, make) {
    EXPECT_TRUE(server_.start());
    worker.blocks().set_budget(1 << 20);  // what is put in a chunk's place counts as held
    pool_.emplace(worker, pool::Config{.health_check_interval = std::chrono::hours{1}});
    pool::Agent& agent =
        pool_->add_agent({.id = "a", .endpoint = folder_.socket().text(), .events = {kind}}).value().get();
    EXPECT_TRUE(transport::testing::turn_until(worker, [&] { return agent.ready_connections() == 4; }));
    filter.agent = &agent;
    filter.counters = &counters_;
    filter.timeout = std::chrono::seconds{60};
    chain_.filters.push_back(filter);
    id_.emplace(worker.ids().mint());
    inspection_.emplace(worker, chain_, nullptr, *id_, arena_);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() {
    inspection_.reset();
    id_.reset();
    pool_.reset();
    server_.stop();
    server_.wait();
  }
  inspection::Inspection& inspection() noexcept { return *inspection_; }

  transport::Worker worker;

 private:
  transport::testing::TemporaryFolder folder_;
  agent::Server server_;
  inspection::AgentCounters counters_;
  inspection::Chain chain_;
  base::Arena arena_;
  std::optional<pool::AgentPool> pool_;
  std::optional<base::MintedId> id_;
  std::optional<inspection::Inspection> inspection_;
};

/// What `pass` allocates once warm: the fewest of some passes, since how large a burst a buffer sees hangs on how the
/// threads take turns.
template <class Pass>
[[nodiscard]] std::uint64_t fewest_allocations(Pass&& pass) {
  for (int i = 0; i < 4; ++i) pass();
  std::uint64_t fewest = ~std::uint64_t{0};
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = allocations();
    pass();
    fewest = std::min(fewest, allocations() - before);
  }
  return fewest;
}

}  // namespace picket::tests

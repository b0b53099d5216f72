#pragma once

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/testing/fake_sides.hpp"
#include "apps/gateway/exchange/testing/world.hpp"
#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::exchange::testing {

/// One exchange that has begun, between sides that the test plays. It is over when this goes. Lifetime: the world
/// outlives it.
class PlayedExchange {
 public:
  struct Terms {
    Steps steps = Steps{};
    std::optional<std::string> body = {};  ///< Has come along with the head (ADR 0010).
    int targets = 1;
    bool duplex = false;
  };

  PlayedExchange(World& world, http::RequestHead request, Terms terms)
      : target_(request.target),
        steps(terms.steps),
        client(world.worker, with_target(request, target_), steps, std::move(terms.body)),
        upstream(world.worker, cancel_, steps, terms.targets),
        exchange_(world.service(), client, upstream, cancel_, world.peer, world.listener, arena_),
        world_(world) {
    client.duplex = upstream.duplex = terms.duplex;
    transport::spawn(serve());
    world_.settle();
  }
  PlayedExchange(const PlayedExchange&) = delete;
  PlayedExchange& operator=(const PlayedExchange&) = delete;
  ~PlayedExchange() {
    if (!is_over) abandon();
    EXPECT_TRUE(transport::testing::turn_until(world_.worker, [this] { return is_over; }))
        << "it waits for something that nobody ends: " << name(stage());
  }
  [[nodiscard]] Stage stage() const { return exchange_.state().stage(); }
  void abandon() { exchange_.abandon(wire::CancelReason::proxy_shutdown); }

 private:
  static http::RequestHead with_target(http::RequestHead request, std::string_view target) {
    request.target = target;
    return request;
  }
  std::string target_;

 public:
  Steps steps;

 private:
  transport::Cancel cancel_;
  base::Arena arena_;

 public:
  FakeClient client;
  FakeUpstream upstream;
  bool is_over = false;

 private:
  transport::Task<void> serve() {
    co_await exchange_.serve();
    is_over = true;
  }
  Exchange exchange_;
  World& world_;
};

}  // namespace picket::apps::gateway::exchange::testing

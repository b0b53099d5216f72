#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/played_exchange.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"
#include "picket/websocket/assembly.hpp"
#include "picket/websocket/close.hpp"
#include "picket/websocket/testing/bytes.hpp"

/// Exchanges that switch to WebSocket: what peers do in every order, and many at a time with random peers and an agent.
namespace picket::apps::gateway::exchange {
namespace {

using picket::websocket::Assembly;
using picket::websocket::Opcode;
using picket::websocket::Sender;
using testing::Steps;
using testing::World;

http::RequestHead handshake(std::string_view target) {
  static constexpr base::Header fields[] = {{"Host", "a.test"},
                                            {"Connection", "Upgrade"},
                                            {"Upgrade", "websocket"},
                                            {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return {.method = "GET", .target = target, .headers = std::span<const base::Header>{fields}};
}
std::string up(std::string_view payload, bool fin = true, Opcode opcode = Opcode::text) {
  return picket::websocket::testing::frame(opcode, payload, fin);
}
std::string down(std::string_view payload, bool fin = true, Opcode opcode = Opcode::text) {
  return picket::websocket::testing::frame(opcode, payload, fin, std::nullopt);
}

/// The messages that an end got; close frames as "close CODE", a piece of a frame as "broken".
std::vector<std::string> messages_in(std::string got, Sender sender) {
  Assembly assembly{sender, 10'000'000};
  std::vector<std::string> messages;
  std::span<char> rest{got};
  while (!rest.empty()) {
    const auto frame = assembly.read(rest);
    if (!frame || !*frame) return messages.emplace_back("broken"), messages;
    const std::string_view payload = base::as_text((*frame)->payload);
    const bool closes = (*frame)->opcode == Opcode::close;
    messages.push_back(closes ? "close" : std::string{payload});
  }
  return messages;
}

/// One exchange that has begun.
struct Switching : testing::PlayedExchange {
  Switching(World& world, const std::string& target, Steps steps_in = Steps{})
      : PlayedExchange(world, handshake(target), {.steps = steps_in}) {}
};

struct Act {
  std::string_view name;
  bool is_clients;
  void (*happens)(Switching&);
};
const std::vector<Act> acts{
    {"a message", true, [](Switching& s) { s.client.tunnelled.peer.push(up("one")); }},
    {"half of one", true, [](Switching& s) { s.client.tunnelled.peer.push(up("two ", false)); }},
    {"its end", true, [](Switching& s) { s.client.tunnelled.peer.push(up("halves", true, Opcode::continuation)); }},
    {"the client's end", true, [](Switching& s) { s.client.tunnelled.peer.end(); }},
    {"the switch", false, [](Switching& s) { s.upstream.answers(101); }},
    {"the upstream's", false, [](Switching& s) { s.upstream.tunnelled.peer.push(down("three")); }},
    {"the upstream's end", false, [](Switching& s) { s.upstream.tunnelled.peer.end(); }},
};
struct Disturbance {
  std::string_view name;
  void (*happens)(World&, Switching&);
};
const std::vector<Disturbance> disturbances{
    {"nothing", [](World&, Switching&) {}},
    {"the client is gone", [](World&, Switching& s) { s.client.tunnelled.peer.fail(testing::broken()); }},
    {"the upstream is gone", [](World&, Switching& s) { s.upstream.tunnelled.peer.fail(testing::broken()); }},
    {"the client breaks the standard", [](World&, Switching& s) { s.client.tunnelled.peer.push("\xF1"); }},
    {"the upstream closes",
     [](World&, Switching& s) { s.upstream.tunnelled.peer.push(down("", true, Opcode::close)); }},
    {"the client stalls", [](World&, Switching& s) { s.client.tunnelled.stalls(); }},
    {"the client takes no more", [](World&, Switching& s) { s.client.tunnelled.takes_no_more(); }},
    {"the process ends", [](World&, Switching& s) { s.abandon(); }},
    {"a drain", [](World& world, Switching&) { world.shard.draining = true; }},
};

/// All orders of what two peers do, each in its own.
std::vector<std::vector<std::size_t>> orders() {
  std::vector<int> whose;  // 1: the upstream's
  for (const Act& act : acts) whose.push_back(act.is_clients ? 0 : 1);
  std::ranges::sort(whose);
  std::vector<std::vector<std::size_t>> all;
  do {
    std::vector<std::size_t> order;
    std::size_t clients = 0;
    std::size_t upstreams = static_cast<std::size_t>(std::ranges::count(whose, 0));
    for (const int is_upstreams : whose) order.push_back(is_upstreams != 0 ? upstreams++ : clients++);
    all.push_back(order);
  } while (std::ranges::next_permutation(whose).found);
  return all;
}

/// What got through is what was sent, from the front, whole messages; then perhaps a close.
void expect_prefix(std::vector<std::string> got, const std::vector<std::string>& sent) {
  if (!got.empty() && got.back() == "close") got.pop_back();
  ASSERT_LE(got.size(), sent.size());
  EXPECT_TRUE(std::ranges::equal(got, std::span{sent}.first(got.size())));
}

void expect_promises(const Switching& s, bool is_undisturbed) {
  const auto upstreams = messages_in(s.upstream.tunnelled.got, Sender::client);
  const auto clients = messages_in(s.client.tunnelled.got, Sender::server);
  expect_prefix(upstreams, {"one", "two halves"});
  expect_prefix(clients, {"three"});
  EXPECT_FALSE(s.client.tunnelled.wrote_after_the_end || s.upstream.tunnelled.wrote_after_the_end);
  if (!is_undisturbed) return;
  EXPECT_TRUE(s.is_over);
  EXPECT_EQ(s.stage(), Stage::answered);
  EXPECT_EQ(s.client.status, 101);
  EXPECT_EQ(upstreams.size(), 2U);
  EXPECT_EQ(clients.size(), 1U);
  EXPECT_TRUE(s.client.tunnelled.got_end && s.upstream.tunnelled.got_end);
  EXPECT_FALSE(s.client.tunnelled.was_cut || s.upstream.tunnelled.was_cut);
}

TEST(SwitchedExchanges, KeepTheirPromisesInEveryOrderWhateverDisturbsThem) {
  World world;
  int played = 0;
  for (const auto& order : orders())
    for (const Disturbance& disturbance : disturbances)
      for (std::size_t at = 0; at <= order.size(); ++at) {
        SCOPED_TRACE(std::string{disturbance.name} + " at " + std::to_string(at));
        world.shard.draining = false;
        Switching s{world, "/frames"};
        for (std::size_t i = 0; i <= order.size(); ++i) {
          if (i == at) disturbance.happens(world, s);
          world.settle();
          if (i == order.size()) break;
          acts[order[i]].happens(s);
          world.settle();
        }
        expect_promises(s, disturbance.name == "nothing" || disturbance.name == "a drain");
        EXPECT_EQ(world.shard.metrics.tunnels_open.value(), s.is_over ? 0 : 1 - (s.client.status == 101 ? 0 : 1));
        ++played;
        if (::testing::Test::HasFailure()) return;
        if (disturbance.name == "nothing") break;  // it is the same wherever it happens
      }
  EXPECT_GT(played, 1000);
}

TEST(SwitchedExchanges, ReadAndWriteErrorsBeforeTheSwitchEndThem) {
  World world;
  for (int failing = 0; failing < 6; ++failing) {
    Switching s{world, "/frames", Steps{failing}};
    s.upstream.answers(101);
    world.settle();
    s.client.tunnelled.peer.end();
    s.upstream.tunnelled.peer.end();
    world.settle();
    EXPECT_TRUE(s.is_over) << failing;
  }
}

// ---- with an agent, at random

/// Drops what has a 'd' in it.
class Censor final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "censor", .version = "1"}; }
  agent::Reply on_websocket_frame(const agent::WebSocketFrame& event, agent::Context&) override {
    if (base::as_text(event.data).contains('d')) return agent::Decision::drop_frame();
    return agent::Decision::allow();
  }
};

/// What one end sends: messages in fragments with pings between them, cut anywhere, and what of it is to come through.
struct Speech {
  Speech(std::minstd_rand& random, bool is_clients) {
    const auto below = [&](std::size_t n) { return random() % n; };
    const auto frame = [&](std::string_view payload, bool fin, Opcode opcode) {
      bytes += is_clients ? up(payload, fin, opcode) : down(payload, fin, opcode);
    };
    for (std::size_t i = 0, count = below(6); i < count; ++i) {
      const std::size_t fragments = 1 + below(4);
      std::string whole;
      for (std::size_t j = 0; j < fragments; ++j) {
        std::string part(below(10) == 0 ? below(40'000) : below(200), 'x');
        if (!part.empty() && below(8) == 0) part[below(part.size())] = 'd';
        frame(part, j + 1 == fragments, j == 0 ? Opcode::binary : Opcode::continuation);
        whole += part;
        if (below(4) != 0 || j + 1 == fragments) continue;
        frame("ping", true, Opcode::ping);
        passes.emplace_back("ping");
      }
      if (!whole.contains('d')) passes.push_back(whole);
    }
  }
  std::string bytes;
  std::vector<std::string> passes;
};

TEST(SwitchedExchanges, WhatComesThroughIsWhatTheAgentLetsThroughHoweverItIsCut) {
  transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "censor").string();
  agent::Server server{{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                       [] { return std::make_unique<Censor>(); }};
  ASSERT_TRUE(server.start());
  World world{path, {.websocket_frame = true}};
  std::minstd_rand random{7};
  for (int number = 0; number < 300; ++number) {
    SCOPED_TRACE(number);
    const Speech ups{random, true};
    const Speech downs{random, false};
    Switching s{world, "/frames"};
    s.upstream.answers(101);
    std::string_view of_client = ups.bytes;
    std::string_view of_upstream = downs.bytes;
    while (!of_client.empty() || !of_upstream.empty()) {
      const bool is_clients = of_upstream.empty() || (!of_client.empty() && random() % 2 == 0);
      std::string_view& left = is_clients ? of_client : of_upstream;
      const std::size_t size = std::min<std::size_t>(left.size(), 1 + random() % 3000);
      (is_clients ? s.client.tunnelled : s.upstream.tunnelled).peer.push(left.substr(0, size));
      left.remove_prefix(size);
      if (random() % 4 == 0) world.settle();
    }
    s.client.tunnelled.peer.end();
    s.upstream.tunnelled.peer.end();
    ASSERT_TRUE(transport::testing::turn_until(world.worker, [&] { return s.is_over; }));
    ASSERT_EQ(messages_in(s.upstream.tunnelled.got, Sender::client), ups.passes);
    ASSERT_EQ(messages_in(s.client.tunnelled.got, Sender::server), downs.passes);
    EXPECT_EQ(world.worker.blocks().held(), 0U);
  }
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

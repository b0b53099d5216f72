#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/played_exchange.hpp"
#include "apps/gateway/exchange/testing/websocket_frames.hpp"

/// Exchanges that switch to WebSocket: what peers do in every order.
namespace picket::apps::gateway::exchange {
namespace {

using testing::frame_of;
using testing::handshake;
using testing::heard_in;
using testing::Opcode;
using testing::Sender;
using testing::Steps;
using testing::World;

std::string up(std::string_view payload, bool fin = true, Opcode opcode = Opcode::text) {
  return frame_of(Sender::client, payload, fin, opcode);
}
std::string down(std::string_view payload, bool fin = true, Opcode opcode = Opcode::text) {
  return frame_of(Sender::server, payload, fin, opcode);
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

/// What got through is what was sent, from the front, whole messages; then perhaps a close. How many messages.
std::size_t expect_beginning(const testing::FakeEnd& end, Sender sender, const std::vector<std::string>& sent) {
  auto got = heard_in(end.got, sender);
  EXPECT_TRUE(got) << "a piece of a frame";
  if (!got) return 0;
  if (!got->empty() && got->back().opcode == Opcode::close) got->pop_back();
  EXPECT_LE(got->size(), sent.size());
  for (std::size_t i = 0; i < std::min(got->size(), sent.size()); ++i) EXPECT_EQ((*got)[i].payload, sent[i]);
  return got->size();
}

void expect_promises(const Switching& s, bool is_undisturbed) {
  const auto upstreams = expect_beginning(s.upstream.tunnelled, Sender::client, {"one", "two halves"});
  const auto clients = expect_beginning(s.client.tunnelled, Sender::server, {"three"});
  EXPECT_FALSE(s.client.tunnelled.wrote_after_the_end || s.upstream.tunnelled.wrote_after_the_end);
  if (!is_undisturbed) return;
  EXPECT_TRUE(s.is_over);
  EXPECT_EQ(s.stage(), Stage::answered);
  EXPECT_EQ(s.client.status, 101);
  EXPECT_EQ(upstreams, 2U);
  EXPECT_EQ(clients, 1U);
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

}  // namespace
}  // namespace picket::apps::gateway::exchange

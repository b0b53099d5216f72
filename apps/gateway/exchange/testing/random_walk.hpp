#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/chance.hpp"
#include "apps/gateway/exchange/testing/world.hpp"

/// Many exchanges at a time, whose peers do what they do in any order.
namespace picket::apps::gateway::exchange::testing {

/// What the peers of one exchange do: each in its order, and among the others' anywhere.
class RandomScript {
 public:
  enum Peer : std::uint8_t { clients, upstreams, others };
  using Act = std::function<void()>;

  void add(Peer peer, Act act) { peers_[peer].acts.push_back(std::move(act)); }
  /// That peer does nothing while this does not hold.
  void await(Peer peer, std::function<bool()> is_ready) { peers_[peer].is_ready = std::move(is_ready); }
  /// Whether there was somebody to do something.
  bool act(Chance& chance) {
    std::vector<Acting*> ready;
    for (Acting& peer : peers_)
      if (!peer.acts.empty() && (!peer.is_ready || peer.is_ready())) ready.push_back(&peer);
    if (ready.empty()) return false;
    Acting& peer = *ready[chance.below(ready.size())];
    const Act next = std::move(peer.acts.front());
    peer.acts.pop_front();
    next();
    return true;
  }
  [[nodiscard]] bool is_played() const {
    return std::ranges::all_of(peers_, [](const Acting& peer) { return peer.acts.empty(); });
  }

 private:
  struct Acting {
    std::deque<Act> acts;
    std::function<bool()> is_ready;
  };
  std::array<Acting, 3> peers_;
};

/// How many exchanges there are in a walk.
struct Walk {
  int exchanges;
  std::size_t at_a_time = 24;
};

/// Plays exchanges until all are over, or one fails. `begin`: makes the one of that number. A `Life` is one of them:
/// act() is false where its peers have nothing to do for now, expect_promises() says what holds at any time, and
/// expect_one_end() what holds of an end, once its peers have nothing more to do, either; then `note` is called with
/// it.
template <class Begin, class Note>
void play(World& world, const Walk& walk, Begin&& begin, Note&& note) {
  using Life = std::invoke_result_t<Begin, int>;
  Chance chance{20'261'127};
  std::vector<Life> lives;
  int begun = 0;
  const auto next = [&] { return begun < walk.exchanges ? begin(begun++) : Life{}; };
  while (lives.size() < walk.at_a_time) lives.push_back(next());
  auto moved_at = base::Clock::now();
  std::size_t idle = 0;  // turns, one behind the other, in which nobody had anything to do
  while (!lives.empty() && !::testing::Test::HasFailure()) {
    Life& life = lives[chance.below(lives.size())];
    const bool has_acted = life->act();
    idle = has_acted ? 0 : idle + 1;
    if (has_acted) moved_at = base::Clock::now();
    if (idle > lives.size()) world.worker.turn(base::Clock::now() + std::chrono::milliseconds{1});
    world.settle();
    life->expect_promises();
    ASSERT_LT(base::Clock::now() - moved_at, std::chrono::seconds{60}) << "nothing ends: " << life->told();
    if (!life->is_over()) continue;
    life->expect_one_end();
    note(*life);
    moved_at = base::Clock::now();
    idle = 0;
    life = next();
    if (!life) std::erase(lives, nullptr);
  }
}

}  // namespace picket::apps::gateway::exchange::testing

#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/exchange/testing/played_exchange.hpp"

/// What may happen in an exchange, in every order.
namespace picket::apps::gateway::exchange::testing {

inline constexpr std::string_view request_bytes = "one two";
inline constexpr std::string_view answer_bytes = "three four";

/// The world, and how its agent is made to say its next word, where it has one.
struct StoryWorld : World {
  using World::World;
  std::function<void()> gives_verdict;
};

inline http::RequestHead head(std::string_view method, http::Framing framing) {
  static constexpr base::Header host{"Host", "a.test"};
  return {.method = method,
          .target = "/",
          .headers = std::span{&host, 1},
          .framing = framing,
          .content_length = framing == http::Framing::length ? request_bytes.size() : 0};
}

/// One exchange of these bytes.
class Playing : public PlayedExchange {
 public:
  explicit Playing(World& world, const http::RequestHead& request = head("PUT", http::Framing::chunked),
                   Steps steps_in = Steps{}, int targets = 1, bool duplex = false)
      : PlayedExchange(world, request,
                       {.steps = steps_in,
                        .body = request.framing == http::Framing::length ? std::optional{std::string{request_bytes}}
                                                                         : std::nullopt,
                        .targets = targets,
                        .duplex = duplex}) {}

  /// What holds at any time, and of an end.
  void expect_promises() const {
    EXPECT_EQ(upstream.request_body, request_bytes.substr(0, upstream.request_body.size()));
    EXPECT_FALSE(client.wrote_after_the_end);
    const bool is_relayed = client.status == 200;
    if (is_relayed) EXPECT_EQ(client.answer, answer_bytes.substr(0, client.answer.size()));
    if (!is_over) return;
    const bool has_whole_answer = client.status && client.answer_ended;
    EXPECT_EQ(stage() == Stage::answered, has_whole_answer) << name(stage());
    EXPECT_EQ(stage() == Stage::cut, client.was_reset.has_value()) << name(stage());
    if (stage() == Stage::answered && is_relayed) EXPECT_EQ(client.answer, answer_bytes);
    if (upstream.was_finished) EXPECT_TRUE(stage() == Stage::answered && is_relayed);
  }
};

/// What happens in one exchange, each once.
struct Act {
  enum class Whose { clients, upstreams, agents, anybodys };
  std::string_view name;
  Whose whose;
  void (*happens)(StoryWorld&, Playing&);
};
/// Each peer's in its order.
inline const std::vector<Act> acts{
    {"body", Act::Whose::clients, [](StoryWorld&, Playing& p) { p.client.body.push(request_bytes.substr(0, 4)); }},
    {"more of it", Act::Whose::clients, [](StoryWorld&, Playing& p) { p.client.body.push(request_bytes.substr(4)); }},
    {"its end", Act::Whose::clients, [](StoryWorld&, Playing& p) { p.client.body.end(); }},
    {"answer's head", Act::Whose::upstreams, [](StoryWorld&, Playing& p) { p.upstream.answers(200); }},
    {"answer's body", Act::Whose::upstreams,
     [](StoryWorld&, Playing& p) { p.upstream.body.push(answer_bytes.substr(0, 6)); }},
    {"more of the answer", Act::Whose::upstreams,
     [](StoryWorld&, Playing& p) { p.upstream.body.push(answer_bytes.substr(6)); }},
    {"answer's end", Act::Whose::upstreams, [](StoryWorld&, Playing& p) { p.upstream.body.end(); }},
};
inline const std::vector<Act> disturbances{
    {"nothing", Act::Whose::anybodys, [](StoryWorld&, Playing&) {}},
    {"the client leaves", Act::Whose::anybodys,
     [](StoryWorld&, Playing& p) {
       if (!p.is_over) p.client.leaves();
     }},
    {"the client's body breaks", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.client.body.fail(broken()); }},
    {"the client's body takes too long", Act::Whose::anybodys,
     [](StoryWorld&, Playing& p) { p.client.body.fail(base::fail(base::ErrorKind::timeout, "late")); }},
    {"the client's body is malformed", Act::Whose::anybodys,
     [](StoryWorld&, Playing& p) { p.client.body.fail(base::fail(base::ErrorKind::invalid_message, "bad chunk")); }},
    {"the upstream hangs up", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.upstream.hangs_up(); }},
    {"the upstream takes too long", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.upstream.takes_too_long(); }},
    {"an interim answer", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.upstream.interims(103); }},
    {"the answer breaks", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.upstream.body.fail(broken()); }},
    {"the client stalls", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.client.stalls(); }},
    {"the upstream stalls", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.upstream.stalls(); }},
    {"the process ends", Act::Whose::anybodys, [](StoryWorld&, Playing& p) { p.abandon(); }},
    {"drain", Act::Whose::anybodys, [](StoryWorld& world, Playing&) { world.shard.draining = true; }},
};

/// All orders of acts in which each peer's own stay in theirs.
template <class Play>
void in_every_order(std::vector<const Act*> order, Play&& play) {
  std::ranges::sort(order);
  const auto in_order = [&](Act::Whose whose) {
    const auto is_whose = [&](const Act* act) { return act->whose == whose; };
    return std::ranges::is_sorted(order | std::views::filter(is_whose));
  };
  do {
    if (in_order(Act::Whose::clients) && in_order(Act::Whose::upstreams) && in_order(Act::Whose::agents)) play(order);
  } while (!::testing::Test::HasFailure() && std::ranges::next_permutation(order).found);
}

inline bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

inline std::string told(std::span<const Act* const> order) {
  std::string names;
  for (const Act* const act : order) names += std::string{act->name} + ", ";
  return names;
}

}  // namespace picket::apps::gateway::exchange::testing

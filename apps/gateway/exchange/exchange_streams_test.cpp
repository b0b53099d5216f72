#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/testing/fake_sides.hpp"
#include "apps/gateway/exchange/testing/world.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"

/// Bodies of any cut, in both directions, one behind the other or beside each other, through agents of any mode that
/// decide anything about any chunk: what the receivers get is what the decisions say.
namespace picket::apps::gateway::exchange {
namespace {

using testing::FakeClient;
using testing::FakeUpstream;
using testing::Steps;
using testing::World;

constexpr int exchanges_of_a_world = 400;
constexpr std::size_t most_agents = 2;

enum Way : std::uint8_t { to_upstream, to_client };

/// What one agent has made of one body.
struct Made {
  std::string text;  ///< What it has let go on.
  std::string held;  ///< What it will, with a later answer.
  std::string seen;
  bool is_blocked = false;
  bool is_whole = false;
};

/// What agents decide, and what comes of it. Thread safety: any thread.
class Decisions {
 public:
  void begins(int number, std::string_view id) {
    const std::lock_guard lock{mutex_};
    numbers_[std::string{id}] = number;
  }
  agent::Decision decide(std::size_t agent, Way way, std::string_view id, std::string_view data, std::uint32_t chunk,
                         bool is_last) {
    const std::lock_guard lock{mutex_};
    const int number = numbers_.at(std::string{id});
    Made& made = made_[number][agent][way];
    made.seen += data;
    std::minstd_rand random{static_cast<unsigned>(number * 131) +
                            static_cast<unsigned>(chunk * 17 + way * 5 + agent + 1)};
    random.discard(3);
    const auto choice = random() % 100;
    if (choice < 2) {
      made.is_blocked = true;
      return agent::Decision::block(403);
    }
    const bool replaces = choice < 30;
    const std::string in_place = choice < 8    ? std::string{}
                                 : choice < 20 ? std::string(data.size() * 2 + 1, '+')
                                               : std::string(data.size() / 2, '-');
    made.held += replaces ? in_place : std::string{data};
    const bool waits = !is_last && choice % 10 == 7;
    if (!waits) made.text += std::exchange(made.held, {});
    made.is_whole = is_last;
    agent::Allow answer = agent::Decision::allow();
    if (replaces) answer.replace_body(in_place);
    if (waits) answer.needs_more();
    return answer;
  }
  [[nodiscard]] Made made(int number, std::size_t agent, Way way) const {
    const std::lock_guard lock{mutex_};
    const auto found = made_.find(number);
    return found == made_.end() ? Made{} : found->second[agent][way];
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int, std::less<>> numbers_;
  std::map<int, std::array<std::array<Made, 2>, most_agents>> made_;
};

class Decider final : public agent::Handler {
 public:
  Decider(Decisions& decisions, std::size_t agent) : decisions_(decisions), agent_(agent) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "decider", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    int number = -1;
    std::from_chars(event.uri.data() + 1, event.uri.data() + event.uri.size(), number);
    decisions_.begins(number, context.correlation_id());
    return agent::Decision::allow();
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context& context) override {
    return decide(to_upstream, event, context);
  }
  agent::Reply on_response_body(const agent::ResponseBodyChunk& event, agent::Context& context) override {
    return decide(to_client, event, context);
  }

 private:
  template <class Chunk>
  agent::Reply decide(Way way, const Chunk& chunk, agent::Context& context) {
    return decisions_.decide(agent_, way, context.correlation_id(), base::as_text(chunk.data), chunk.chunk_index,
                             chunk.is_last);
  }

  Decisions& decisions_;
  std::size_t agent_;
};

/// A text, and how much of it has been sent.
struct Sent {
  std::string text;
  std::size_t sent = 0;
  bool is_over = false;
};

/// One exchange and its peers.
class Life {
 public:
  Life(World& world, Decisions& decisions, std::size_t agents, int number)
      : world_(world),
        decisions_(decisions),
        agents_(agents),
        number_(number),
        random_(static_cast<unsigned>(number) + 1),
        target_("/" + std::to_string(number)),
        request_{.text = text()},
        answer_{.text = text()},
        client_(world.worker, head(), steps_),
        upstream_(world.worker, cancel_, steps_),
        is_duplex_(random_() % 2 == 0),
        exchange_(world.service(), client_, upstream_, cancel_, world.peer, world.listener, arena_) {
    client_.duplex = upstream_.duplex = is_duplex_;
    transport::spawn(serve());
  }

  void play() {
    world_.settle();
    while (!is_over_ && !(request_.is_over && answer_.is_over) && !::testing::Test::HasFailure()) {
      act();
      world_.settle();
      if (random_() % 3 == 0) world_.worker.turn(base::Clock::now() + std::chrono::milliseconds{1});
      expect_promises();
    }
    EXPECT_TRUE(transport::testing::turn_until(world_.worker, [this] { return is_over_; })) << name(stage());
    expect_promises();
    expect_one_end();
  }
  [[nodiscard]] Stage stage() const { return exchange_.state().stage(); }
  [[nodiscard]] bool was_blocked() const { return client_.status == 403; }
  /// The request went on beside its answer.
  [[nodiscard]] bool went_beside() const { return went_beside_; }

 private:
  std::string text() {
    std::string made(random_() % 5 == 0 ? random_() % 200'000 : random_() % 600, ' ');
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    return made;
  }
  [[nodiscard]] http::RequestHead head() const {
    static constexpr base::Header host{"Host", "a.test"};
    return {.method = "PUT", .target = target_, .headers = std::span{&host, 1}, .framing = http::Framing::chunked};
  }
  /// The upstream answers when it has the request, or before.
  void act() {
    const bool is_early = random_() % (is_duplex_ ? 4 : 40) == 0 && upstream_.request_begun;
    const bool may_answer = upstream_.request_ended || is_early;
    went_beside_ = went_beside_ || (is_duplex_ && has_answered_ && !request_.is_over && client_.status == 200);
    if (!request_.is_over) send(request_, client_.body);
    if (!has_answered_ && may_answer) {
      has_answered_ = true;
      upstream_.answers(200);
    } else if (has_answered_ && !answer_.is_over) {
      send(answer_, upstream_.body);
    } else if (request_.is_over) {
      world_.worker.turn(base::Clock::now() + std::chrono::milliseconds{1});
    }
  }
  void send(Sent& body, testing::Incoming& to) {
    const std::size_t size =
        std::min<std::size_t>(body.text.size() - body.sent, random_() % (body.text.size() / 3 + 2));
    if (size != 0) to.push(std::string_view{body.text}.substr(body.sent, size));
    body.sent += size;
    if (body.sent != body.text.size()) return;
    body.is_over = true;
    to.end();
  }
  [[nodiscard]] Made made(Way way) const { return decisions_.made(number_, agents_ - 1, way); }
  static bool begins_with(std::string_view whole, std::string_view part) {
    return whole.substr(0, part.size()) == part;
  }

  void expect_promises() const {
    SCOPED_TRACE(target_ + " " + std::string{name(stage())});
    EXPECT_TRUE(begins_with(made(to_upstream).text, upstream_.request_body)) << "more than the agents let go on";
    if (client_.status == 200) EXPECT_TRUE(begins_with(made(to_client).text, client_.answer));
    EXPECT_FALSE(client_.wrote_after_the_end);
    for (std::size_t agent = 1; agent < agents_; ++agent)
      for (const Way way : {to_upstream, to_client})
        EXPECT_TRUE(
            begins_with(decisions_.made(number_, agent - 1, way).text, decisions_.made(number_, agent, way).seen));
  }
  void expect_one_end() const {
    SCOPED_TRACE(target_ + " " + std::string{name(stage())});
    const bool is_blocked = blocks(to_upstream) || blocks(to_client);
    if (upstream_.request_ended)
      EXPECT_TRUE(upstream_.request_body == made(to_upstream).text && made(to_upstream).is_whole);
    if (blocks(to_upstream)) EXPECT_FALSE(upstream_.request_ended);
    EXPECT_EQ(stage() == Stage::answered, client_.answer_ended);
    EXPECT_EQ(stage() == Stage::cut, client_.was_reset.has_value());
    if (client_.status == 403 || stage() == Stage::cut) EXPECT_TRUE(is_blocked);
    if (stage() != Stage::answered || client_.status != 200) return;
    EXPECT_TRUE(client_.answer == made(to_client).text);
    EXPECT_FALSE(blocks(to_client));
  }
  [[nodiscard]] bool blocks(Way way) const {
    for (std::size_t agent = 0; agent < agents_; ++agent)
      if (decisions_.made(number_, agent, way).is_blocked) return true;
    return false;
  }
  transport::Task<void> serve() {
    co_await exchange_.serve();
    is_over_ = true;
  }

  World& world_;
  Decisions& decisions_;
  std::size_t agents_;
  int number_;
  std::minstd_rand random_;
  std::string target_;
  Sent request_;
  Sent answer_;
  Steps steps_;
  transport::Cancel cancel_;
  base::Arena arena_;
  FakeClient client_;
  FakeUpstream upstream_;
  bool is_duplex_;
  Exchange exchange_;
  bool has_answered_ = false;
  bool went_beside_ = false;
  bool is_over_ = false;
};

/// How the agents of a world look at bodies.
struct Modes {
  std::vector<config::BodyTerms> terms;
};

class ExchangeStreams : public ::testing::TestWithParam<Modes> {};

TEST_P(ExchangeStreams, ReceiversGetWhatTheDecisionsSayByteForByteOrACut) {
  const transport::testing::TemporaryFolder folder;
  Decisions decisions;
  std::vector<std::unique_ptr<agent::Server>> servers;
  std::vector<config::Agent> agents;
  for (std::size_t i = 0; i < GetParam().terms.size(); ++i) {
    const std::string id = "agent-" + std::to_string(i);
    const std::string path = (folder.path() / id).string();
    servers.push_back(
        std::make_unique<agent::Server>(agent::ServerOptions{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                                        [&, i] { return std::make_unique<Decider>(decisions, i); }));
    ASSERT_TRUE(servers.back()->start());
    agents.push_back({.id = id,
                      .path = path,
                      .events = {.request_headers = true, .request_body = true, .response_body = true},
                      .buffer_size = 1500,
                      .request_body = GetParam().terms[i],
                      .response_body = GetParam().terms[i]});
  }
  World world{agents};
  std::map<Stage, int> ended;
  int blocked = 0;
  int beside = 0;
  for (int number = 0; number < exchanges_of_a_world && !HasFailure(); ++number) {
    Life life{world, decisions, agents.size(), number};
    life.play();
    ++ended[life.stage()];
    blocked += life.was_blocked() ? 1 : 0;
    beside += life.went_beside() ? 1 : 0;
  }
  EXPECT_GT(ended[Stage::answered], exchanges_of_a_world / 4);
  EXPECT_GT(blocked, exchanges_of_a_world / 100);
  const bool streams = GetParam().terms.back().gathers == 0;
  if (streams) EXPECT_GT(ended[Stage::cut], exchanges_of_a_world / 100);
  const bool all_stream = std::ranges::all_of(GetParam().terms, [](const auto& terms) { return terms.gathers == 0; });
  if (all_stream)
    EXPECT_GT(beside, exchanges_of_a_world / 50) << "the play says little of requests beside their answers";
  EXPECT_EQ(world.worker.blocks().held(), 0U);
}

constexpr config::BodyTerms buffering{};
constexpr config::BodyTerms streaming{.gathers = 0};
constexpr config::BodyTerms mixed{.gathers = 2000};
constexpr config::BodyTerms narrow{.holds = 20'000, .gathers = 0};

INSTANTIATE_TEST_SUITE_P(Modes, ExchangeStreams,
                         ::testing::Values(Modes{{buffering}}, Modes{{streaming}}, Modes{{mixed}}, Modes{{narrow}},
                                           Modes{{streaming, streaming}}, Modes{{streaming, buffering}},
                                           Modes{{buffering, streaming}}, Modes{{mixed, narrow}}));

}  // namespace
}  // namespace picket::apps::gateway::exchange

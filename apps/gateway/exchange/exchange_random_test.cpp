#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/testing/fake_sides.hpp"
#include "apps/gateway/exchange/testing/world.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"

/// Exchanges with random peers, many at a time, and what holds of each whatever its peers do.
namespace picket::apps::gateway::exchange {
namespace {

using testing::FakeClient;
using testing::FakeUpstream;
using testing::Steps;
using testing::World;

constexpr int exchanges = 100'000;
constexpr std::size_t at_a_time = 24;
constexpr std::size_t most_that_comes_whole = 16 * 1024;

/// What an agent makes of one exchange.
enum class Verdict : std::uint8_t { allows, allows_late, blocks_head, blocks_body, count };

/// What one exchange's peers will do; the same for the same number.
struct Plan {
  explicit Plan(int number) : random(static_cast<std::uint32_t>(number) + 1) {
    is_asked = below(3) == 0;
    verdict = static_cast<Verdict>(below(static_cast<std::size_t>(Verdict::count)));
    has_body = below(2) == 0;
    if (has_body) body = bytes();
    comes_whole = !body.empty() && body.size() <= most_that_comes_whole && below(2) == 0;
    answer = bytes();
    is_duplex = below(3) == 0;
  }
  std::size_t below(std::size_t n) { return random() % n; }
  /// A few, or more than a block; what stands where can be told.
  std::string bytes() {
    const std::size_t size = below(40) == 0 ? 60'000 + below(90'000) : below(4) == 0 ? 0 : below(3'000);
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 26 + size) % 26);
    return text;
  }

  std::minstd_rand random;
  bool is_asked;
  Verdict verdict;
  bool has_body;
  std::string body;
  bool comes_whole;  ///< Along with its head, which then leaves with it (ADR 0010).
  std::string answer;
  bool is_duplex;  ///< The request may go on beside its answer.
};

/// What the agent has seen and said of each exchange. Thread safety: any thread.
class Court {
 public:
  agent::Reply hear(int number, bool is_body, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    Case& heard = cases_[number];
    heard.came_together = heard.came_together || (is_body && !heard.held.empty());
    switch (Plan{number}.verdict) {
      case Verdict::allows_late:
        if (heard.is_decided) break;
        heard.held.push_back(context.defer());
        return heard.held.back().deferred();
      case Verdict::blocks_head: return agent::Decision::block(403);
      case Verdict::blocks_body:
        if (is_body) return agent::Decision::block(403);
        break;
      default: break;
    }
    return agent::Decision::allow();
  }
  void saw(int number, std::string_view id) {
    const std::lock_guard lock{mutex_};
    numbers_[std::string{id}] = number;
    cases_[number].was_seen = true;
  }
  [[nodiscard]] int number_of(std::string_view id) const {
    const std::lock_guard lock{mutex_};
    return numbers_.at(std::string{id});
  }
  /// Of the end of an exchange; of those that it was not asked about, too.
  void was_told(std::string_view id) {
    const std::lock_guard lock{mutex_};
    if (const auto found = numbers_.find(std::string{id}); found != numbers_.end()) ++cases_[found->second].told;
  }
  /// A late verdict is given, on all that was and will be asked.
  void decide(int number) {
    std::vector<agent::Completion> held;
    {
      const std::lock_guard lock{mutex_};
      cases_[number].is_decided = true;
      held.swap(cases_[number].held);
    }
    for (auto& completion : held) std::move(completion).complete(agent::Decision::allow());
  }
  /// Exchanges whose body the agent saw beside its head, of those whose body had come whole and of the others.
  [[nodiscard]] std::pair<int, int> together() const {
    const std::lock_guard lock{mutex_};
    std::pair<int, int> counts;
    for (const auto& [number, each] : cases_)
      if (each.came_together) ++(Plan{number}.comes_whole ? counts.first : counts.second);
    return counts;
  }
  /// Exchanges that the agent saw and was not told of, and those that it was told of more than once.
  [[nodiscard]] std::pair<int, int> untold_and_told_again() const {
    const std::lock_guard lock{mutex_};
    std::pair<int, int> counts;
    for (const auto& [number, each] : cases_) {
      counts.first += each.was_seen && each.told == 0 ? 1 : 0;
      counts.second += each.told > 1 ? 1 : 0;
    }
    return counts;
  }

 private:
  struct Case {
    bool was_seen = false;
    bool is_decided = false;
    bool came_together = false;  ///< The body, while the word on the head was awaited.
    int told = 0;
    std::vector<agent::Completion> held;
  };
  mutable std::mutex mutex_;
  std::map<int, Case> cases_;
  std::unordered_map<std::string, int> numbers_;  // of exchanges, by their ids
};

class Judge final : public agent::Handler {
 public:
  explicit Judge(Court& court) : court_(court) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "judge", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    const std::string_view digits = event.uri.substr(event.uri.rfind('/') + 1);
    int number = -1;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    court_.saw(number, context.correlation_id());
    return court_.hear(number, false, context);
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context& context) override {
    if (!event.is_last) return agent::Decision::allow();
    return court_.hear(court_.number_of(context.correlation_id()), true, context);
  }
  void on_complete(const agent::RequestComplete&, agent::Context& context) override {
    court_.was_told(context.correlation_id());
  }

 private:
  Court& court_;
};

/// One exchange and its peers.
class Life {
 public:
  Life(World& world, Court& court, int number)
      : court_(court),
        number_(number),
        plan_(number),
        target_((plan_.is_asked ? "/asked/" : "/unasked/") + std::to_string(number)),
        steps_(plan_.below(8) == 0 ? static_cast<int>(plan_.below(10)) : Steps::none),
        client_(world.worker, head(), steps_, plan_.comes_whole ? std::optional{plan_.body} : std::nullopt),
        upstream_(world.worker, cancel_, steps_, 1 + static_cast<int>(plan_.below(2))),
        exchange_(world.service(), client_, upstream_, cancel_, world.peer, world.listener, arena_) {
    client_.duplex = upstream_.duplex = plan_.is_duplex;
    write_script();
    transport::spawn(serve());
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  [[nodiscard]] bool is_played() const noexcept { return next_ == script_.size(); }
  /// Its peers have done all they do, and an agent has the word.
  [[nodiscard]] bool waits() const noexcept { return is_played() && !is_over(); }
  [[nodiscard]] Stage stage() const noexcept { return exchange_.state().stage(); }
  void act() { script_[next_++](*this); }

  /// What holds at any time.
  void expect_promises() const {
    SCOPED_TRACE(told());
    EXPECT_EQ(upstream_.request_body, std::string_view{plan_.body}.substr(0, upstream_.request_body.size()));
    if (upstream_.request_ended) EXPECT_EQ(upstream_.request_body, plan_.body);
    if (plan_.comes_whole) EXPECT_EQ(upstream_.writes, upstream_.request_ended ? 1 : 0) << "it leaves with its head";
    if (!may_pass()) EXPECT_EQ(upstream_.connections, 0) << "before its verdict";
    EXPECT_FALSE(client_.wrote_after_the_end);
    if (is_relayed()) EXPECT_EQ(client_.answer, std::string_view{plan_.answer}.substr(0, client_.answer.size()));
  }
  /// What holds of an end.
  void expect_one_end() const {
    SCOPED_TRACE(told());
    expect_promises();
    const bool has_whole_answer = client_.status && client_.answer_ended;
    EXPECT_EQ(stage() == Stage::answered, has_whole_answer);
    EXPECT_EQ(stage() == Stage::cut, client_.was_reset.has_value());
    if (stage() == Stage::answered && is_relayed()) EXPECT_EQ(client_.answer, plan_.answer);
    if (upstream_.was_finished) EXPECT_TRUE(stage() == Stage::answered && is_relayed());
    if (client_.status == 403) EXPECT_GE(plan_.verdict, Verdict::blocks_head);
  }

 private:
  using Act = void (*)(Life&);

  [[nodiscard]] http::RequestHead head() const {
    static constexpr base::Header host{"Host", "a.test"};
    return {.method = plan_.has_body ? "PUT" : "GET",
            .target = target_,
            .headers = std::span{&host, 1},
            .framing = plan_.comes_whole ? http::Framing::length
                       : plan_.has_body  ? http::Framing::chunked
                                         : http::Framing::none,
            .content_length = plan_.comes_whole ? plan_.body.size() : 0};
  }
  /// What each peer does stands in its order, and among the others' anywhere.
  void write_script() {
    std::array<std::vector<Act>, 3> peers;
    auto& [clients, upstreams, others] = peers;
    if (plan_.has_body && !plan_.comes_whole)
      clients = {push_body, push_body, plan_.below(16) == 0 ? Act{break_body} : Act{end_body}};
    if (plan_.below(12) == 0) upstreams.push_back(hang_up);
    upstreams.insert(upstreams.end(), {answer, push_answer, push_answer});
    upstreams.push_back(plan_.below(16) == 0 ? Act{break_answer} : Act{end_answer});
    others.push_back(decide);
    if (plan_.below(6) == 0) others = {stall, decide, go_on};
    if (plan_.below(8) == 0) others.push_back(leave);
    if (plan_.below(24) == 0) others.push_back(abandon);
    std::array<std::size_t, 3> taken{};
    while (true) {
      std::vector<std::size_t> left;
      for (std::size_t peer = 0; peer < peers.size(); ++peer)
        if (taken[peer] < peers[peer].size()) left.push_back(peer);
      if (left.empty()) break;
      const std::size_t peer = left[plan_.below(left.size())];
      script_.push_back(peers[peer][taken[peer]++]);
    }
  }

  static std::string_view half(std::string_view text, std::size_t& pushed) {
    const std::size_t from = pushed;
    pushed = from == 0 ? (text.size() + 1) / 2 : text.size();
    return text.substr(from, pushed - from);
  }
  static void push_body(Life& life) { life.client_.body.push(half(life.plan_.body, life.body_pushed_)); }
  static void end_body(Life& life) {
    push_body(life);
    life.client_.body.end();
  }
  static void break_body(Life& life) {
    static constexpr std::array kinds{base::ErrorKind::connection_closed, base::ErrorKind::timeout,
                                      base::ErrorKind::invalid_message};
    life.client_.body.fail(base::fail(kinds[life.plan_.below(kinds.size())], "broken"));
  }
  static void hang_up(Life& life) { life.upstream_.hangs_up(); }
  static void answer(Life& life) { life.upstream_.answers(200); }
  static void push_answer(Life& life) { life.upstream_.body.push(half(life.plan_.answer, life.answer_pushed_)); }
  static void end_answer(Life& life) {
    push_answer(life);
    life.upstream_.body.end();
  }
  static void break_answer(Life& life) { life.upstream_.body.fail(testing::broken()); }
  static void decide(Life& life) {
    life.is_decided_ = true;
    if (life.plan_.is_asked) life.court_.decide(life.number_);
  }
  static void stall(Life& life) { life.client_.stalls(); }
  static void go_on(Life& life) { life.client_.goes_on(); }
  static void leave(Life& life) {
    if (!life.is_over_) life.client_.leaves();
  }
  static void abandon(Life& life) {
    if (!life.is_over_) life.exchange_.abandon(wire::CancelReason::proxy_shutdown);
  }

  [[nodiscard]] bool may_pass() const {
    if (!plan_.is_asked || plan_.verdict == Verdict::allows) return true;
    if (plan_.verdict == Verdict::allows_late) return is_decided_;
    return plan_.verdict == Verdict::blocks_body && !plan_.has_body;
  }
  [[nodiscard]] bool is_relayed() const { return client_.status == 200; }
  [[nodiscard]] std::string told() const { return target_ + " " + std::string{name(stage())}; }

  transport::Task<void> serve() {
    co_await exchange_.serve();
    is_over_ = true;
  }

  Court& court_;
  int number_;
  Plan plan_;
  std::string target_;
  Steps steps_;
  transport::Cancel cancel_;
  base::Arena arena_;
  FakeClient client_;
  FakeUpstream upstream_;
  Exchange exchange_;
  std::vector<Act> script_;
  std::size_t next_ = 0;
  std::size_t body_pushed_ = 0;
  std::size_t answer_pushed_ = 0;
  bool is_decided_ = false;
  bool is_over_ = false;
};

TEST(ExchangeRandom, WhateverPeersDoThereIsOneAnswerOrOneCutAndEveryByteOnceAndAfterItsVerdict) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "agent").string();
  Court court;
  agent::Server server{{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                       [&] { return std::make_unique<Judge>(court); }};
  ASSERT_TRUE(server.start());
  World world{path};
  std::minstd_rand random{20'261'127};
  std::map<Stage, int> ended;
  std::vector<std::unique_ptr<Life>> lives;
  int begun = 0;
  const auto begin = [&] { return begun < exchanges ? std::make_unique<Life>(world, court, begun++) : nullptr; };
  while (lives.size() < at_a_time) lives.push_back(begin());
  auto moved_at = base::Clock::now();
  while (!lives.empty() && !::testing::Test::HasFailure()) {
    auto& life = lives[random() % lives.size()];
    if (life->waits() && std::ranges::all_of(lives, [](const auto& each) { return each->waits(); }))
      world.worker.turn(base::Clock::now() + std::chrono::milliseconds{1});
    if (!life->is_played()) {
      life->act();
      moved_at = base::Clock::now();
    }
    world.settle();
    life->expect_promises();
    ASSERT_LT(base::Clock::now() - moved_at, std::chrono::seconds{60}) << "nothing ends: " << name(life->stage());
    if (!life->is_over() || !life->is_played()) continue;
    life->expect_one_end();
    ++ended[life->stage()];
    life = begin();
    if (!life) std::erase(lives, nullptr);
  }
  for (const Stage end : {Stage::answered, Stage::cut, Stage::gone})
    EXPECT_GT(ended[end], exchanges / 100) << name(end) << " is hardly ever reached: the walk says little";
  const auto told = [&] { return court.untold_and_told_again(); };
  EXPECT_TRUE(transport::testing::turn_until(world.worker, [&] { return told().first == 0; })) << told().first;
  EXPECT_EQ(told().second, 0) << "agents that heard of one end twice";
  EXPECT_GT(court.together().first, exchanges / 1000) << "bodies that came with their heads";
  EXPECT_EQ(court.together().second, 0) << "bodies that were sent before the word on their heads";
  EXPECT_EQ(world.worker.blocks().held(), 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::exchange

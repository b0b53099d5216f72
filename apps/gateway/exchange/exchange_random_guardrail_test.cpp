#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/body_court.hpp"
#include "apps/gateway/exchange/testing/random_peers.hpp"
#include "apps/gateway/exchange/testing/talk.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"

/// Prompts and answers of a language model, whole and as streams, cut anywhere, through a filter that edits their texts
/// and a guardrail behind it, both of which decide anything, early or late: what the receivers get is what the filter
/// lets go on, with what the guardrail says in the place of what it has found, or the beginning of it and a cut.
namespace picket::apps::gateway::exchange {
namespace {

using inspection::Action;
using testing::AgentPlan;
using testing::BodyCourt;
using testing::BodyJudge;
using testing::BodyTrial;
using testing::Chance;
using testing::Flow;
using testing::LateWords;
using testing::Modes;
using testing::PeersPlan;
using testing::RandomPeers;
using testing::Sent;
using testing::Talk;
using testing::to_client;
using testing::to_upstream;
using testing::Way;
using testing::ways;
using testing::Word;

constexpr int exchanges_of_a_world = 700;

/// A route's guardrail, and the filter before it.
struct Terms {
  Action prompt = Action::block;
  Action response = Action::redact;
  config::BodyTerms filter{.gathers = 0};
  config::FailureMode failure_mode = config::FailureMode::closed;
  std::size_t window = 16;
  bool packed = false;  ///< Bodies are in codings.
  [[nodiscard]] Action action(Way way) const { return way == to_upstream ? prompt : response; }
  [[nodiscard]] Modes modes() const { return {{filter}, failure_mode}; }
  [[nodiscard]] bool opens() const { return failure_mode == config::FailureMode::open; }
};

/// What the guardrail's agent makes of one exchange: of its questions about a body by their numbers.
struct GuardPlan {
  explicit GuardPlan(Chance& chance) : seed(chance.below(1'000)) {
    for (const Way way : ways) {
      const std::size_t one_in = way == to_upstream ? 10 : 4;  // what stops a prompt has no answer
      if (chance.one_in(one_in)) fails_at[way] = chance.below(10);
      if (chance.one_in(one_in)) blocks_at[way] = chance.below(10);
    }
  }
  [[nodiscard]] Word about(Way way, std::size_t question) const {
    if (blocks_at[way] == question) return Word::blocks;
    return fails_at[way] == question ? Word::fails : Word::allows;
  }
  [[nodiscard]] bool is_late(std::size_t question) const { return (question + seed) % 3 == 0; }

  std::size_t seed;
  std::array<std::optional<std::size_t>, 2> fails_at;  // by the way
  std::array<std::optional<std::size_t>, 2> blocks_at;
};

/// What becomes of one exchange; the same for the same number.
struct Plan {
  Plan(const Terms& terms, int number)
      : chance(number),
        talks{Talk::prompt(chance), chance.one_in(3) ? Talk::answer(chance) : Talk::stream(chance)},
        peers(chance, 100),
        guard(chance) {
    peers.target = "/" + std::to_string(number);
    peers.has_body = true;
    peers.body = talks[to_upstream].bytes();
    peers.answer = talks[to_client].bytes();
    peers.comes_whole = chance.one_in(2);
    if (terms.packed) peers.pack(chance, false);
    if (peers.comes_whole) peers.behind_body.clear();
    peers.answers_in_turn = !chance.one_in(4);
    peers.may_be_disturbed = chance.one_in(2);
    peers.most_pieces = 8;
    peers.times_of_others = 8;
    filter.emplace_back(chance, peers);
    for (auto& body : filter[0].bodies) body.make_capitals();
  }

  Chance chance;
  std::array<Talk, 2> talks;  // by the way
  PeersPlan peers;
  GuardPlan guard;
  std::vector<AgentPlan> filter;
};

/// One exchange as the guardrail's agent sees it. Thread safety: any thread.
class GuardTrial {
 public:
  explicit GuardTrial(const GuardPlan& plan) : plan_(plan) {}

  agent::Reply hear(Way way, std::string_view content, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    const std::size_t question = asked_[way]++;
    const Word word = plan_.about(way, question);
    saw_unedited_ = saw_unedited_ || content.find('q') != std::string_view::npos;
    return late.hold(
        plan_.is_late(question), decision(word, content), [this, way, word] { said_[way].push_back(word); }, context);
  }
  /// What is still to be said.
  LateWords late{mutex_};

  [[nodiscard]] bool has_said(Way way, Word word) const {
    const std::lock_guard lock{mutex_};
    return std::ranges::find(said_[way], word) != said_[way].end();
  }
  [[nodiscard]] bool has_said(Word word) const { return has_said(to_upstream, word) || has_said(to_client, word); }
  /// Whether it was asked about text that the filter would have edited.
  [[nodiscard]] bool saw_unedited() const {
    const std::lock_guard lock{mutex_};
    return saw_unedited_;
  }

 private:
  static agent::Decision decision(Word word, std::string_view content) {
    if (word == Word::blocks) return agent::Decision::block(403);
    if (word == Word::fails) return agent::Decision::redirect("no address");
    std::string found;
    for (const std::size_t at : testing::places_in(content))
      found += (found.empty() ? R"({"span":[)" : R"(,{"span":[)") + std::to_string(at) + "," +
               std::to_string(at + testing::secret.size()) + "]}";
    const std::string is_detected = found.empty() ? "false" : "true";
    return agent::Decision::allow().route("guardrail_response",
                                          R"({"detected":)" + is_detected + R"(,"detections":[)" + found + "]}");
  }

  mutable std::mutex mutex_;
  GuardPlan plan_;
  std::array<std::size_t, 2> asked_{};
  std::array<std::vector<Word>, 2> said_;
  bool saw_unedited_ = false;
};

/// All exchanges as the agents see them. Thread safety: any thread.
class Court : public BodyCourt {
 public:
  GuardTrial& begin_guard(int number, const GuardPlan& plan) {
    const std::lock_guard lock{mutex_};
    return trials_.try_emplace(number, plan).first->second;
  }
  GuardTrial& guard(std::string_view id) {
    const int number = ends[0].number_of(id);
    const std::lock_guard lock{mutex_};
    return trials_.at(number);
  }

 private:
  std::mutex mutex_;
  std::map<int, GuardTrial> trials_;
};

class Guard final : public agent::Handler {
 public:
  explicit Guard(Court& court) : court_(court) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "guard", .version = "1"}; }
  agent::Reply on_guardrail(const agent::GuardrailInspect& event, agent::Context& context) override {
    const auto direction = std::ranges::find(event.metadata, "direction", [](const auto& pair) { return pair.key; });
    const Way way = direction->value == "request" ? to_upstream : to_client;
    return court_.guard(context.correlation_id()).hear(way, event.content, context);
  }

 private:
  Court& court_;
};

/// One exchange, its peers and its agents.
class Life {
 public:
  Life(testing::World& world, Court& court, const Terms& terms, int number)
      : Life(world, court, terms, number, Plan{terms, number}) {}

  [[nodiscard]] bool act() {
    if (peers_.act(chance_)) return true;
    const bool owed = trial_.late.are_owed() || guard_.late.are_owed();
    if (peers_.is_played()) {
      trial_.late.say_all();
      guard_.late.say_all();
    } else {
      say_one();
    }
    return owed;
  }
  [[nodiscard]] bool is_over() const { return peers_.is_over(); }
  [[nodiscard]] std::string told() const { return peers_.told(); }

  void expect_promises() {
    SCOPED_TRACE(told());
    EXPECT_TRUE(may_have_come(to_upstream)) << "of the prompt: " << peers_.upstream().request_body;
    if (peers_.is_relayed()) EXPECT_TRUE(may_have_come(to_client)) << "of the answer: " << peers_.client().answer;
    EXPECT_FALSE(peers_.client().wrote_after_the_end);
    if (edits_all_ && !terms_.opens()) EXPECT_FALSE(guard_.saw_unedited()) << "it stands behind the filter";
  }
  void expect_one_end() {
    SCOPED_TRACE(told());
    expect_promises();
    peers_.expect_one_end();
    if (peers_.are_disturbed()) return;
    const bool is_whole = peers_.stage() == Stage::answered && peers_.client().status == 200;
    if (!is_stopped()) EXPECT_TRUE(is_whole) << *peers_.client().status << ": nobody has stopped it";
  }
  void note(std::map<std::string_view, int>& reached) const {
    const auto note = [&](std::string_view what, bool is_so) { reached[what] += is_so ? 1 : 0; };
    const bool is_whole = peers_.stage() == Stage::answered && peers_.client().status == 200;
    note("whole", is_whole);
    note("redacted", is_whole && peers_.client().answer.find("[redacted]") != std::string::npos);
    note("prompt redacted", peers_.upstream().request_body.find("[redacted]") != std::string::npos);
    note("passed a secret", is_whole && !testing::places_in(peers_.client().answer).empty());
    note("stopped", peers_.client().status == 403);
    note("cut", peers_.stage() == Stage::cut && !peers_.are_disturbed());
    note("guard failed", guard_.has_said(Word::fails));
    note("late", guard_.late.times() != 0);
  }

 private:
  Life(testing::World& world, Court& court, const Terms& terms, int number, Plan plan)
      : terms_(terms),
        modes_(terms.modes()),
        chance_(plan.chance),
        talks_(plan.talks),
        edits_all_(std::ranges::all_of(plan.filter[0].bodies, &testing::BodyWord::edits)),
        trial_(court.begin(number, std::move(plan.filter), plan.peers.is_duplex)),
        guard_(court.begin_guard(number, plan.guard)),
        peers_(world, with_words(std::move(plan.peers)), chance_) {}

  PeersPlan with_words(PeersPlan plan) {
    plan.others = [this] { say_one(); };
    return plan;
  }
  void say_one() { (chance_.one_in(2) ? trial_.late : guard_.late).say_one(chance_.one_in(2)); }

  [[nodiscard]] const std::string& got(Way way) const {
    return way == to_upstream ? peers_.upstream().request_body : peers_.client().answer;
  }
  [[nodiscard]] Sent sent(Way way) const {
    const auto& packed = way == to_upstream ? peers_.plan().packed_body : peers_.plan().packed_answer;
    return {.content = talks_[way].bytes(), .packed = packed ? &*packed : nullptr};
  }
  [[nodiscard]] bool has_got_all(Way way) const {
    return way == to_upstream ? peers_.upstream().request_ended
                              : peers_.stage() == Stage::answered && peers_.is_relayed();
  }
  /// Whether it is what may have gone on, or its beginning.
  [[nodiscard]] bool may_have_come(Way way) const {
    const std::string& coding = way == to_upstream ? peers_.upstream().coding : peers_.client().coding;
    const auto filtered = trial_.flows(modes_, way, sent(way));
    return coding.empty() && std::ranges::any_of(filtered, [&](const Flow& flow) { return comes_of(flow, way); });
  }
  [[nodiscard]] bool comes_of(const Flow& flow, Way way) const {
    const Talk& talk = talks_[way];
    const auto came = talk.read(got(way), flow.text);
    const auto before = talk.read(flow.text, flow.text);
    if (!came || !before || (has_got_all(way) && !flow.is_whole)) return false;
    for (std::size_t i = 0; i < Talk::texts; ++i)
      if (!comes_of((*before)[i], (*came)[i], way)) return false;
    return true;
  }
  [[nodiscard]] bool comes_of(const std::string& text, std::string_view came, Way way) const {
    const bool has_found = terms_.action(way) == Action::block && !testing::places_in(text).empty();
    const auto is = [&](std::string_view made) { return has_got_all(way) ? made == came : made.starts_with(came); };
    const std::size_t found = testing::places_in(text).size();
    if (terms_.opens() && guard_.has_said(Word::fails)) {  // what it has found before is redacted, the rest is not
      for (std::size_t first = 0; first <= found; ++first)
        if (is(made_of(text, way, first))) return true;
      return false;
    }
    if (guard_.has_said(way, Word::blocks) && has_got_all(way)) return false;
    if (guard_.has_said(way, Word::fails) && has_got_all(way)) return false;
    if (has_found)
      return !has_got_all(way) && std::string_view{text}.substr(0, testing::places_in(text)[0]).starts_with(came);
    return is(made_of(text, way, found));
  }
  [[nodiscard]] std::string made_of(const std::string& text, Way way, std::size_t first) const {
    return testing::redacted(text, terms_.action(way) == Action::redact ? first : 0);
  }

  /// Whether somebody may have stopped it.
  [[nodiscard]] bool is_stopped() const {
    const bool has_failed = trial_.was_said(to_upstream, Word::fails) || trial_.was_said(to_client, Word::fails) ||
                            guard_.has_said(Word::fails);
    return trial_.was_said(to_upstream, Word::blocks) || trial_.was_said(to_client, Word::blocks) ||
           guard_.has_said(Word::blocks) || (has_failed && !terms_.opens()) ||
           std::ranges::any_of(ways, [this](Way way) { return may_find(way) || !sent(way).is_sound(); });
  }
  /// Whether something may have been found that is not let go on.
  [[nodiscard]] bool may_find(Way way) const {
    std::string capitals = talks_[way].bytes();
    std::ranges::replace(capitals, 'q', 'Q');
    const auto texts = talks_[way].read(capitals, capitals);
    return terms_.action(way) == Action::block &&
           std::ranges::any_of(*texts, [](const std::string& text) { return !testing::places_in(text).empty(); });
  }

  const Terms& terms_;
  Modes modes_;
  Chance chance_;
  std::array<Talk, 2> talks_;
  bool edits_all_;
  BodyTrial& trial_;
  GuardTrial& guard_;
  RandomPeers peers_;
};

class ExchangeRandomGuardrail : public ::testing::TestWithParam<Terms> {};

TEST_P(ExchangeRandomGuardrail, ReceiversGetTheFilteredTextsWithoutWhatWasFoundOrACut) {
  const Terms& terms = GetParam();
  const transport::testing::TemporaryFolder folder;
  const auto path = [&](std::string_view name) { return (folder.path() / name).string(); };
  Court court;
  agent::Server filter{{.listen = {"unix:" + path("filter")}, .socket = {}, .log = {}},
                       [&court] { return std::make_unique<BodyJudge>(court, 0, [] {}); }};
  agent::Server guard{{.listen = {"unix:" + path("guard")}, .socket = {}, .log = {}},
                      [&court] { return std::make_unique<Guard>(court); }};
  ASSERT_TRUE(filter.start() && guard.start());
  constexpr config::Events all_of_bodies{.request_headers = true,
                                         .request_body = true,
                                         .response_headers = true,
                                         .response_body = true,
                                         .request_complete = true};
  const std::vector<config::Agent> agents{{.id = "filter",
                                           .path = path("filter"),
                                           .events = all_of_bodies,
                                           .buffer_size = 200,
                                           .failure_mode = terms.failure_mode,
                                           .request_body = terms.filter,
                                           .response_body = terms.filter,
                                           .decompress = terms.packed},
                                          {.id = "guard",
                                           .path = path("guard"),
                                           .events = {.guardrail = true},
                                           .timeout = std::chrono::seconds{60},
                                           .failure_mode = terms.failure_mode}};
  const config::Guardrail looks{.agent = 1, .prompt = terms.prompt, .response = terms.response, .window = terms.window};
  testing::World world{agents, {}, {.id = "app"}, {}, looks};
  std::map<std::string_view, int> reached;
  testing::play(
      world, {.exchanges = exchanges_of_a_world},
      [&](int number) { return std::make_unique<Life>(world, court, terms, number); },
      [&](const Life& life) { life.note(reached); });
  EXPECT_TRUE(court.ends[0].are_told(world));
  EXPECT_EQ(world.worker.blocks().held(), 0U);
  std::vector<std::string_view> ends{"whole", "stopped", "guard failed", "late"};
  if (terms.filter.gathers == 0) ends.emplace_back("cut");
  if (terms.response == Action::redact) ends.emplace_back("redacted");
  if (terms.prompt == Action::redact) ends.emplace_back("prompt redacted");
  if (terms.response == Action::log) ends.emplace_back("passed a secret");
  if (HasFailure()) return;
  for (const std::string_view end : ends)
    EXPECT_GT(reached[end], exchanges_of_a_world / 400) << end << " is hardly ever reached: the walk says little";
}

constexpr config::BodyTerms buffering{};
constexpr config::BodyTerms streaming{.gathers = 0};
constexpr config::BodyTerms lagging{.gathers = 0, .holds_back = 100};
constexpr auto open = config::FailureMode::open;
constexpr auto closed = config::FailureMode::closed;

INSTANTIATE_TEST_SUITE_P(Terms, ExchangeRandomGuardrail,
                         ::testing::Values(Terms{Action::block, Action::redact, streaming, closed, 16},
                                           Terms{Action::redact, Action::redact, buffering, closed, 7},
                                           Terms{Action::redact, Action::block, lagging, closed, 40},
                                           Terms{Action::redact, Action::redact, streaming, closed, 12, true},
                                           Terms{Action::redact, Action::redact, streaming, open, 9},
                                           Terms{Action::redact, Action::log, lagging, open, 32}));

}  // namespace
}  // namespace picket::apps::gateway::exchange

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/exchange/testing/ends_told.hpp"
#include "apps/gateway/exchange/testing/late_words.hpp"
#include "apps/gateway/exchange/testing/played_exchange.hpp"
#include "apps/gateway/exchange/testing/random_walk.hpp"
#include "apps/gateway/exchange/testing/websocket_frames.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"
#include "picket/websocket/close.hpp"

/// Exchanges that switch to WebSocket, with random messages in both directions, cut anywhere, and agents that decide
/// anything about any frame, early or late: what each end gets is the messages all of whose frames may pass, whole and
/// in order, and then perhaps a close.
namespace picket::apps::gateway::exchange {
namespace {

using testing::Chance;
using testing::EndsTold;
using testing::frame_of;
using testing::heard_in;
using testing::LateWords;
using testing::Opcode;
using testing::PlayedExchange;
using testing::RandomScript;
using testing::Said;
using testing::Sender;
using testing::World;

namespace close_codes = picket::websocket::close_codes;

constexpr int exchanges_of_a_world = 1'500;
constexpr std::size_t most_agents = 2;
constexpr std::uint16_t closes_with = 4'001;

enum class Word : std::uint8_t { allows, drops, closes, fails };

/// A frame that an end sends, or bytes that are none.
struct PlannedFrame {
  Opcode opcode;
  std::string payload;
  bool fin = true;
  bool is_breach = false;
  std::array<Word, most_agents> words{};  ///< By agent.
  std::array<bool, most_agents> is_late{};
};

/// What one end sends: messages in fragments with control frames between them, and how it ends.
struct Speech {
  enum class End : std::uint8_t { says_so, closes, breaks_off, breaches };

  Speech(Chance& chance, Sender sender_in, bool may_be_disturbed) : sender(sender_in) {
    for (std::size_t i = chance.below(6); i != 0; --i) add_message(chance);
    end = chance.one_in(3) ? End::closes : End::says_so;
    if (may_be_disturbed && chance.one_in(8)) end = chance.one_in(2) ? End::breaks_off : End::breaches;
    if (end == End::closes) add(chance, Opcode::close, std::string{"\x03\xE8", 2} + "bye");
    if (end == End::breaches) frames.push_back({.opcode = Opcode::text, .payload = "\xF1", .is_breach = true});
    for (const PlannedFrame& frame : frames)
      bytes += frame.is_breach ? frame.payload : frame_of(sender, frame.payload, frame.fin, frame.opcode);
  }
  void add_message(Chance& chance) {
    const Opcode opcode = chance.one_in(2) ? Opcode::text : Opcode::binary;
    const std::size_t fragments = 1 + chance.below(4);
    for (std::size_t j = 0; j < fragments; ++j) {
      const std::size_t size = chance.one_in(12) ? chance.below(40'000) : chance.one_in(5) ? 0 : chance.below(200);
      add(chance, j == 0 ? opcode : Opcode::continuation, Chance::text(size), j + 1 == fragments);
      if (chance.one_in(4)) add(chance, chance.one_in(2) ? Opcode::ping : Opcode::pong, Chance::text(chance.below(20)));
    }
  }
  void add(Chance& chance, Opcode opcode, std::string payload, bool fin = true) {
    PlannedFrame frame{.opcode = opcode, .payload = std::move(payload), .fin = fin};
    for (std::size_t agent = 0; agent < most_agents; ++agent) {
      frame.words[agent] = chance.one_in(12)   ? Word::drops
                           : chance.one_in(60) ? Word::closes
                           : chance.one_in(60) ? Word::fails
                                               : Word::allows;
      frame.is_late[agent] = chance.one_in(5);
    }
    frames.push_back(std::move(frame));
  }

  Sender sender;
  End end;
  std::vector<PlannedFrame> frames;
  std::string bytes;
};

/// What becomes of one exchange; the same for the same number.
struct Plan {
  explicit Plan(int number)
      : chance(number),
        may_be_disturbed(chance.one_in(2)),
        speeches{Speech{chance, Sender::client, may_be_disturbed}, Speech{chance, Sender::server, may_be_disturbed}} {}

  Chance chance;
  bool may_be_disturbed;
  std::array<Speech, 2> speeches;  // by who sends
};

constexpr std::size_t index(Sender sender) { return sender == Sender::client ? 0 : 1; }
constexpr std::array senders{Sender::client, Sender::server};

/// Who looks at the frames of a world.
struct Agents {
  std::size_t count = 1;
  config::FailureMode failure_mode = config::FailureMode::closed;
  [[nodiscard]] bool opens() const { return failure_mode == config::FailureMode::open; }
};

/// One exchange as its agents see it. Thread safety: any thread.
class Trial {
 public:
  Trial(const Agents& agents, const std::array<Speech, 2>& speeches) : agents_(agents), speeches_(speeches) {}

  agent::Reply hear(std::size_t agent, const agent::WebSocketFrame& event, agent::Context& context) {
    const std::lock_guard lock{mutex_};
    const std::size_t way = event.client_to_server ? 0 : 1;
    const auto& frames = speeches_[way].frames;
    std::size_t& said = said_[agent][way];
    const std::size_t number = event.frame_index;
    const bool is_as_sent = number < frames.size() && base::as_text(event.data) == frames[number].payload &&
                            event.fin == frames[number].fin;
    if (!is_as_sent || number != said) ++strange_;
    if (!is_as_sent) return agent::Decision::allow();
    const PlannedFrame& frame = frames[number];
    return late.hold(frame.is_late[agent], decision(frame.words[agent]), [&said] { ++said; }, context);
  }
  /// What is still to be said.
  LateWords late{mutex_};

  /// Frames that the agents saw otherwise than they were sent, or not in their order.
  [[nodiscard]] int strange() const {
    const std::lock_guard lock{mutex_};
    return strange_;
  }

  /// What passes of what an end sends, by what is said of it up to now.
  struct Passes {
    std::vector<Said> messages;
    bool is_all = false;                  ///< Nothing more follows.
    std::set<std::uint16_t> closes = {};  ///< With which codes both ends may be told of an end.
    int dropped = 0;
  };
  [[nodiscard]] Passes passes(Sender sender) const {
    const std::lock_guard lock{mutex_};
    const std::size_t way = index(sender);
    Passes passes;
    Said message;
    bool drops = false;
    const auto& frames = speeches_[way].frames;
    for (std::size_t number = 0; number < frames.size(); ++number) {
      const PlannedFrame& frame = frames[number];
      if (frame.is_breach) {
        passes.closes.insert(close_codes::protocol_error);
        return passes;
      }
      const auto word = word_of_all(way, number, passes.closes);
      if (!word) return passes;
      const bool is_control = picket::websocket::is_control(frame.opcode);
      const bool is_dropped = *word == Word::drops;
      if (is_control && !is_dropped) passes.messages.push_back({frame.opcode, frame.payload});
      if (!is_control && frame.opcode != Opcode::continuation) message = {frame.opcode, {}};
      if (!is_control) message.payload += frame.payload, drops = drops || is_dropped;
      if (is_control || !frame.fin) continue;
      drops ? static_cast<void>(++passes.dropped) : passes.messages.push_back(message);
      drops = false;
    }
    passes.is_all = true;
    return passes;
  }

 private:
  static agent::Decision decision(Word word) {
    switch (word) {
      case Word::drops: return agent::Decision::drop_frame();
      case Word::closes: return agent::Decision::close_websocket(closes_with, "enough");
      case Word::fails: return agent::Decision::redirect("no address");
      case Word::allows: break;
    }
    return agent::Decision::allow();
  }
  /// Nothing where not all have said it, or one has closed the connection; then `codes` has its code.
  [[nodiscard]] std::optional<Word> word_of_all(std::size_t way, std::size_t number,
                                                std::set<std::uint16_t>& codes) const {
    Word all = Word::allows;
    for (std::size_t agent = 0; agent < agents_.count; ++agent) {
      if (number >= said_[agent][way]) return std::nullopt;
      const Word word = speeches_[way].frames[number].words[agent];
      const bool fails_closed = word == Word::fails && !agents_.opens();
      if (word == Word::closes || fails_closed) {
        codes.insert(fails_closed ? close_codes::internal_error : closes_with);
        return std::nullopt;
      }
      if (word == Word::drops) all = Word::drops;
    }
    return all;
  }

  const Agents& agents_;
  std::array<Speech, 2> speeches_;
  mutable std::mutex mutex_;
  std::array<std::array<std::size_t, 2>, most_agents> said_{};  // frames, by agent and way
  int strange_ = 0;
};

/// All exchanges as the agents of a world see them. Thread safety: any thread.
class Court {
 public:
  Trial& begin(int number, const Agents& agents, const std::array<Speech, 2>& speeches) {
    const std::lock_guard lock{mutex_};
    return trials_.try_emplace(number, agents, speeches).first->second;
  }
  Trial& trial(std::size_t agent, std::string_view id) {
    const int number = ends[agent].number_of(id);
    const std::lock_guard lock{mutex_};
    return trials_.at(number);
  }
  std::array<EndsTold, most_agents> ends;

 private:
  std::mutex mutex_;
  std::map<int, Trial> trials_;
};

class Judge final : public agent::Handler {
 public:
  Judge(Court& court, std::size_t agent) : court_(court), agent_(agent) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "judge", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    static_cast<void>(court_.ends[agent_].saw(event.uri, context.correlation_id()));
    return agent::Decision::allow();
  }
  agent::Reply on_websocket_frame(const agent::WebSocketFrame& event, agent::Context& context) override {
    return court_.trial(agent_, context.correlation_id()).hear(agent_, event, context);
  }
  void on_complete(const agent::RequestComplete&, agent::Context& context) override {
    court_.ends[agent_].was_told(context.correlation_id());
  }

 private:
  Court& court_;
  std::size_t agent_;
};

/// One exchange that switches, its peers and its agents.
class Life {
 public:
  Life(World& world, Court& court, const Agents& agents, int number)
      : target_("/frames/" + std::to_string(number)),
        plan_(number),
        trial_(court.begin(number, agents, plan_.speeches)),
        played_(world, testing::handshake(target_), {}) {
    script_.add(Peer::upstreams, [this] { played_.upstream.answers(101); });
    for (const Sender sender : senders) write_speech(sender);
    write_others();
  }

  [[nodiscard]] bool act() {
    if (script_.act(plan_.chance)) return true;
    const bool owed = trial_.late.are_owed();
    if (script_.is_played()) trial_.late.say_all();
    return owed;
  }
  [[nodiscard]] bool is_over() const { return played_.is_over && script_.is_played(); }
  [[nodiscard]] std::string told() const { return target_ + " " + std::string{name(played_.stage())}; }

  void expect_promises() const {
    SCOPED_TRACE(told());
    EXPECT_EQ(trial_.strange(), 0) << "frames that the agents saw otherwise";
    std::set<std::uint16_t> codes = disturbing_codes_;
    for (const Sender sender : senders) codes.merge(trial_.passes(sender).closes);
    for (const Sender sender : senders) expect_messages(sender, codes);
  }
  /// Where nobody has disturbed it, each end has got all that it was to get, and the other's end.
  void expect_one_end() const {
    SCOPED_TRACE(told());
    expect_promises();
    EXPECT_EQ(played_.client.status, 101);
    if (is_disturbed_ || is_closed()) return;
    EXPECT_EQ(played_.stage(), Stage::answered);
    for (const Sender sender : senders) {
      EXPECT_TRUE(trial_.passes(sender).is_all);
      EXPECT_EQ(heard_in(receiver(sender).got, sender), trial_.passes(sender).messages);
      EXPECT_TRUE(receiver(sender).got_end);
      EXPECT_FALSE(receiver(sender).was_cut);
    }
  }
  void note(std::map<std::string_view, int>& reached) const {
    const auto note = [&](std::string_view what, bool is_so) { reached[what] += is_so ? 1 : 0; };
    std::set<std::uint16_t> codes;
    int dropped = 0;
    for (const Sender sender : senders) {
      const auto passes = trial_.passes(sender);
      dropped += passes.dropped;
      codes.insert(passes.closes.begin(), passes.closes.end());
    }
    note("undisturbed", !is_disturbed_ && codes.empty());
    note("dropped", !is_disturbed_ && codes.empty() && dropped != 0);
    note("closed by an agent", codes.contains(closes_with));
    note("failed", codes.contains(close_codes::internal_error));
    note("breached", codes.contains(close_codes::protocol_error));
    note("both were told",
         !codes.empty() && std::ranges::all_of(senders, [&](Sender sender) { return was_told(sender); }));
    note("late", trial_.late.times() != 0);
    note("gone", played_.stage() == Stage::gone);
  }

 private:
  using Peer = RandomScript::Peer;

  [[nodiscard]] testing::FakeEnd& end_of(Sender sender) {
    return sender == Sender::client ? played_.client.tunnelled : played_.upstream.tunnelled;
  }
  /// Who gets what that one sends.
  [[nodiscard]] const testing::FakeEnd& receiver(Sender sender) const {
    return sender == Sender::client ? played_.upstream.tunnelled : played_.client.tunnelled;
  }
  void write_speech(Sender sender) {
    const Peer peer = sender == Sender::client ? Peer::clients : Peer::upstreams;
    const Speech& speech = plan_.speeches[index(sender)];
    for (const std::string_view piece : plan_.chance.cut(speech.bytes, 12))
      script_.add(peer, [this, sender, piece] { end_of(sender).peer.push(piece); });
    const bool breaks = speech.end == Speech::End::breaks_off;
    is_disturbed_ = is_disturbed_ || breaks || speech.end == Speech::End::breaches;
    script_.add(peer, [this, sender, breaks] {
      breaks ? end_of(sender).peer.fail(testing::broken()) : end_of(sender).peer.end();
    });
  }
  void write_others() {
    Chance& chance = plan_.chance;
    const Sender waiting = senders[chance.below(2)];
    const bool waits = chance.one_in(4);
    if (waits) script_.add(Peer::others, [this, waiting] { end_of(waiting).stalls(); });
    for (std::size_t i = 0; i < 8; ++i)
      script_.add(Peer::others, [this] { trial_.late.say_one(plan_.chance.one_in(2)); });
    if (waits) script_.add(Peer::others, [this, waiting] { end_of(waiting).goes_on(); });
    if (!plan_.may_be_disturbed) return;
    if (chance.one_in(8)) disturb([this, waiting] { end_of(waiting).takes_no_more(); });
    if (chance.one_in(8))
      disturb([this] {
        if (!played_.is_over && played_.client.status == 101) played_.abandon();
        disturbing_codes_.insert(close_codes::going_away);
      });
  }
  void disturb(RandomScript::Act act) {
    is_disturbed_ = true;
    script_.add(Peer::others, std::move(act));
  }

  [[nodiscard]] bool is_closed() const {
    return std::ranges::any_of(senders, [this](Sender sender) { return !trial_.passes(sender).closes.empty(); });
  }
  /// Of a close that is not the other end's.
  [[nodiscard]] bool was_told(Sender sender) const {
    const auto got = heard_in(receiver(sender).got, sender);
    const auto passes = trial_.passes(sender).messages;
    return got && !got->empty() && got->back().opcode == Opcode::close &&
           (passes.empty() || got->back() != passes.back());
  }
  /// An end has the first messages that pass, and then at most one close of somebody's.
  void expect_messages(Sender sender, const std::set<std::uint16_t>& codes) const {
    auto got = heard_in(receiver(sender).got, sender);
    ASSERT_TRUE(got) << "a piece of a message";
    EXPECT_FALSE(receiver(sender).wrote_after_the_end);
    const auto passes = trial_.passes(sender).messages;
    const bool is_told = got->size() > passes.size() || !std::ranges::equal(*got, std::span{passes}.first(got->size()));
    if (is_told) {
      ASSERT_EQ(got->back().opcode, Opcode::close) << "what was not let through";
      EXPECT_TRUE(codes.contains(code_of(got->back().payload))) << code_of(got->back().payload);
      got->pop_back();
    }
    ASSERT_LE(got->size(), passes.size());
    EXPECT_TRUE(std::ranges::equal(*got, std::span{passes}.first(got->size()))) << "not what was let through";
  }
  static std::uint16_t code_of(std::string_view payload) {
    if (payload.size() < 2) return 0;
    return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8U |
                                      static_cast<unsigned char>(payload[1]));
  }

  std::string target_;
  Plan plan_;
  Trial& trial_;
  RandomScript script_;
  bool is_disturbed_ = false;
  std::set<std::uint16_t> disturbing_codes_;
  PlayedExchange played_;
};

class ExchangeRandomWebSocket : public ::testing::TestWithParam<Agents> {};

TEST_P(ExchangeRandomWebSocket, EachEndGetsTheMessagesThatMayPassWholeAndInOrderAndThenPerhapsAClose) {
  const Agents& looking = GetParam();
  const transport::testing::TemporaryFolder folder;
  Court court;
  std::vector<std::unique_ptr<agent::Server>> servers;
  std::vector<config::Agent> agents;
  for (std::size_t i = 0; i < looking.count; ++i) {
    const std::string id = "agent-" + std::to_string(i);
    const std::string path = (folder.path() / id).string();
    servers.push_back(
        std::make_unique<agent::Server>(agent::ServerOptions{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                                        [&court, i] { return std::make_unique<Judge>(court, i); }));
    ASSERT_TRUE(servers.back()->start());
    agents.push_back({.id = id,
                      .path = path,
                      .events = {.request_headers = true, .request_complete = true, .websocket_frame = true},
                      .failure_mode = looking.failure_mode});
  }
  World world{agents};
  std::map<std::string_view, int> reached;
  testing::play(
      world, {.exchanges = exchanges_of_a_world},
      [&](int number) { return std::make_unique<Life>(world, court, looking, number); },
      [&](const Life& life) { life.note(reached); });
  for (std::size_t i = 0; i < looking.count; ++i) EXPECT_TRUE(court.ends[i].are_told(world)) << i;
  EXPECT_EQ(world.worker.blocks().held(), 0U);
  EXPECT_EQ(world.shard.metrics.tunnels_open.value(), 0);
  std::vector<std::string_view> ends{"undisturbed", "dropped", "closed by an agent", "breached", "both were told",
                                     "late",        "gone"};
  if (!looking.opens()) ends.emplace_back("failed");
  if (HasFailure()) return;
  for (const std::string_view end : ends)
    EXPECT_GT(reached[end], exchanges_of_a_world / 100) << end << " is hardly ever reached: the walk says little";
}

INSTANTIATE_TEST_SUITE_P(Agents, ExchangeRandomWebSocket,
                         ::testing::Values(Agents{1}, Agents{2}, Agents{1, config::FailureMode::open},
                                           Agents{2, config::FailureMode::open}));

}  // namespace
}  // namespace picket::apps::gateway::exchange

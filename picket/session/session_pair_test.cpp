#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/testing/frames.hpp"

/// Both ends against each other over a medium that splits, delays, stalls and cuts, for many random steps: each event
/// ends exactly once, with its own answer or with an error.
namespace picket::session {
namespace {

using namespace std::chrono_literals;
using testing::Padded;

/// One event of the model: what it asked and how it ended.
struct Event {
  wire::RequestHeaders headers;
  wire::RequestBodyChunk chunk;
  base::CorrelationId exchange;
  std::string id;
  std::string uri;
  int ends = 0;
  bool abandoned = false;  // its exchange was cancelled or completed by us: no end will come
};

/// One connection: its two ends and the bytes between them.
struct Wire {
  std::unique_ptr<transport::StreamFraming<ProxySession>> proxy_end;
  std::unique_ptr<transport::StreamFraming<AgentSession>> agent_end;
  [[nodiscard]] ProxySession* proxy() const { return proxy_end->conversation().session(); }
  [[nodiscard]] AgentSession* agent() const { return agent_end->conversation().session(); }
  std::string to_agent;
  std::string to_proxy;
  std::vector<std::pair<EventRef, std::string>> unanswered;  // at the agent: the event and what it asked
};

class Medium {
 public:
  explicit Medium(std::uint32_t seed) : random_(seed) {
    for (std::size_t i = 0; i < 3; ++i) connect(wires_.emplace_back());
  }

  void step() {
    now_ += std::chrono::microseconds{random_() % 400};
    Wire& wire = wires_[random_() % wires_.size()];
    switch (random_() % 16) {
      case 0:
      case 1:
      case 2: return begin();
      case 3:
      case 4: return more_of_an_exchange();
      case 5: return end_an_exchange();
      case 6:
      case 7:
      case 8: return move(wire, true);
      case 9:
      case 10:
      case 11: return move(wire, false);
      case 12:
      case 13:
      case 14: return answer(wire);
      default: return trouble(wire);
    }
  }

  /// Lets everything end: deadlines pass, connections close.
  void finish() {
    for (auto& wire : wires_) {
      wire.proxy_end->conversation().tick(now_ + 1h);
      take_actions(wire);
      wire.proxy_end->conversation().disconnected(base::fail(base::ErrorKind::connection_closed, "end of test"));
      take_actions(wire);
    }
    for (const auto& event : events_) EXPECT_EQ(event->ends, event->abandoned ? 0 : 1) << event->uri;
  }

  std::size_t answered = 0;
  std::size_t failed = 0;

 private:
  struct Open {
    base::MintedId id;
    std::size_t wire;
    std::uint64_t epoch;
    std::uint32_t chunks = 0;
  };

  void connect(Wire& wire) {
    ProxyConfig config{.ping_interval = 50ms, .pong_timeout = 100ms};
    config.extensions = random_() % 2 == 0;
    if (random_() % 2 == 0) config.encodings = {wire::Encoding::json};
    if (random_() % 4 == 0) config.config_json = R"({"key":[1,2]})";
    wire.proxy_end = std::make_unique<transport::StreamFraming<ProxySession>>(testing::handshake(config), now_);
    wire.agent_end = std::make_unique<transport::StreamFraming<AgentSession>>(
        testing::handshake(AgentConfig{.info = info(), .exchange_ttl = 20s}), now_);
    wire.to_agent.clear();
    wire.to_proxy.clear();
    wire.unanswered.clear();
    ++epoch_;
    epochs_[&wire] = epoch_;
  }
  static AgentInfo info() {
    AgentInfo info;
    info.agent_id = "pair";
    return info;
  }

  std::uint64_t epoch(std::size_t index) { return epochs_[&wires_[index]]; }

  void begin() {
    if (open_.size() > 50) return;
    const std::size_t index = random_() % wires_.size();
    if (wires_[index].proxy() == nullptr || !wires_[index].proxy()->takes_new()) return;
    open_.push_back({ids_.mint(), index, epoch(index)});
    send(open_.back(), true);
  }
  void more_of_an_exchange() {
    if (open_.empty()) return;
    send(open_[random_() % open_.size()], false);
  }
  void send(Open& open, bool headers) {
    if (open.epoch != epoch(open.wire)) return;
    auto event = std::make_unique<Event>();
    event->exchange = open.id;  // it lives as long as the event
    event->id = open.id.text();
    event->uri = "/" + std::to_string(events_.size());
    const base::Deadline deadline{now_ + std::chrono::milliseconds{1 + random_() % 30}};
    ProxySession& proxy = *wires_[open.wire].proxy();
    base::Status status;
    const Tag tag = events_.size();
    if (headers) {
      event->headers = {.metadata = {.timestamp = "2026-01-01T00:00:00Z"}, .method = "GET", .uri = event->uri};
      status = proxy.send(event->exchange, &event->headers, deadline, tag, now_);
    } else {
      event->uri.append(random_() % 3 == 0 ? 3000 : 10, 'x');
      event->chunk = {.data = base::as_bytes(event->uri), .chunk_index = open.chunks++};
      status = proxy.send(event->exchange, &event->chunk, deadline, tag, now_);
    }
    if (!status) return;
    events_.push_back(std::move(event));
  }
  void end_an_exchange() {
    if (open_.empty()) return;
    const std::size_t at = random_() % open_.size();
    const Open open = std::move(open_[at]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
    if (open.epoch == epoch(open.wire)) {
      ProxySession& proxy = *wires_[open.wire].proxy();
      if (random_() % 2 == 0) proxy.cancel(open.id, wire::CancelReason::client_disconnect, now_);
      proxy.complete(open.id, {}, now_);
      for (auto& event : events_)
        if (event->ends == 0 && event->id == open.id.text()) event->abandoned = true;
    }
  }

  /// Moves some bytes of one direction, cut anywhere.
  void move(Wire& wire, bool to_agent) {
    auto& output = to_agent ? wire.proxy_end->output() : wire.agent_end->output();
    auto& pipe = to_agent ? wire.to_agent : wire.to_proxy;
    const std::size_t taken = output.empty() ? 0 : 1 + random_() % output.size();
    pipe += output.flatten().substr(0, taken);
    output.consume(taken);
    const std::size_t size = pipe.empty() ? 0 : random_() % (pipe.size() + 1);
    const Padded bytes{std::string_view{pipe}.substr(0, size)};
    pipe.erase(0, size);
    if (to_agent) {
      wire.agent_end->feed(bytes.view(), now_);
      take_events(wire);
    } else {
      wire.proxy_end->feed(bytes.view(), now_);
      take_actions(wire);
    }
  }

  void take_events(Wire& wire) {
    if (wire.agent() == nullptr) return;
    for (const auto& action : wire.agent()->actions()) {
      const auto* const arrived = std::get_if<Arrived>(&action);
      if (arrived == nullptr) continue;
      std::string asked;
      if (const auto* const* headers = std::get_if<const wire::RequestHeaders*>(&arrived->message))
        asked = (*headers)->uri;
      if (const auto* const* chunk = std::get_if<const wire::RequestBodyChunk*>(&arrived->message))
        asked = base::as_text((*chunk)->data);
      wire.unanswered.emplace_back(arrived->ref, asked);
    }
    wire.agent()->clear_actions();
  }

  /// The agent answers any of its events, saying in the answer what was asked.
  void answer(Wire& wire) {
    if (wire.unanswered.empty()) return;
    const std::size_t at = random_() % wire.unanswered.size();
    const auto [ref, asked] = wire.unanswered[at];
    wire.unanswered.erase(wire.unanswered.begin() + static_cast<std::ptrdiff_t>(at));
    const wire::Text echo = asked;
    wire::AgentResponse response;
    response.audit.tags = std::span{&echo, 1};
    wire.agent()->respond(ref, response, now_);
    if (random_() % 50 == 0) wire.agent()->respond(ref, response, now_);  // twice: must be dropped
  }

  void take_actions(Wire& wire) {
    if (wire.proxy() == nullptr) return;
    for (auto& action : wire.proxy()->actions()) {
      if (const auto* const answered_one = std::get_if<Answered>(&action)) {
        Event& event = *events_.at(answered_one->tag);
        ++event.ends;
        ++answered;
        ASSERT_EQ(event.ends, 1) << event.uri;
        ASSERT_FALSE(event.abandoned) << event.uri;
        ASSERT_EQ(answered_one->response->correlation_id, event.id);
        ASSERT_EQ(answered_one->response->audit.tags.size(), 1U);
        ASSERT_EQ(answered_one->response->audit.tags[0], event.uri) << "the answer to another event";
      } else if (const auto* const failed_one = std::get_if<Failed>(&action)) {
        Event& event = *events_.at(failed_one->tag);
        ++event.ends;
        ++failed;
        ASSERT_EQ(event.ends, 1) << event.uri;
      }
    }
    wire.proxy()->clear_actions();
  }

  void trouble(Wire& wire) {
    wire.proxy_end->conversation().tick(now_);
    wire.agent_end->conversation().tick(now_);
    take_actions(wire);
    const bool over = wire.proxy_end->conversation().end() || wire.agent_end->conversation().end();
    if (!over && random_() % 200 != 0) return;
    wire.proxy_end->conversation().disconnected(
        base::fail(base::ErrorKind::connection_closed, "cut"));  // what was under way is lost
    take_actions(wire);
    connect(wire);
  }

  std::mt19937 random_;
  base::TimePoint now_{100h};
  base::CorrelationIds ids_;
  std::deque<Wire> wires_;
  std::map<const Wire*, std::uint64_t> epochs_;
  std::uint64_t epoch_ = 0;
  std::vector<Open> open_;
  std::vector<std::unique_ptr<Event>> events_;
};

TEST(SessionPair, EveryEventEndsExactlyOnceWithItsOwnAnswerOrAnError) {
  std::size_t answered = 0;
  std::size_t failed = 0;
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    Medium medium{seed};
    for (int step = 0; step < 30'000; ++step) {
      medium.step();
      if (HasFatalFailure()) return;
    }
    medium.finish();
    answered += medium.answered;
    failed += medium.failed;
  }
  // Both ways of ending must have been met often, or the test proves nothing.
  EXPECT_GT(answered, 2'000U);
  EXPECT_GT(failed, 500U);
}

}  // namespace
}  // namespace picket::session

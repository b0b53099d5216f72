#include <gtest/gtest.h>

#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/testing/frames.hpp"
#include "tests/allocations/counting.hpp"
#include "tests/allocations/events.hpp"

/// Both ends of a connection without sockets: in steady state an event allocates nothing.
namespace picket::tests {
namespace {

using namespace std::chrono_literals;
using session::testing::handshake;

session::AgentInfo wants_all() {
  session::AgentInfo info{.agent_id = "a", .name = "n", .version = "1"};
  info.events.clear();
  for (int kind = 1; kind <= static_cast<int>(wire::EventKind::guardrail_inspect); ++kind)
    info.events.push_back(static_cast<wire::EventKind>(kind));
  return info;
}

struct Mode {
  const char* name;
  wire::Encoding encoding;
  bool extensions;
};

/// A proxy and an agent that hand each other's bytes on, through memory of fixed size.
class Pair {
 public:
  explicit Pair(const Mode& mode)
      : proxy_(handshake(session::ProxyConfig{.encodings = {mode.encoding}, .extensions = mode.extensions}), now_),
        agent_(handshake(session::AgentConfig{.info = wants_all(), .extensions = mode.extensions}), now_),
        pipe_(256 * 1024, '\0') {
    exchange_bytes();
    EXPECT_EQ(proxy().state(), session::ProxySession::State::ready);
    proxy().clear_actions();
  }

  /// One whole exchange; every event is answered, also the completion.
  void play(const Events& events) {
    const base::MintedId id = ids_.mint();
    std::size_t answered = 0;
    events.each(id.text(), [&](auto event) {
      EXPECT_TRUE(proxy().send(id, &event, base::Deadline{now_ + 1s}, 1, now_));
      exchange_bytes();
      for (const auto& action : proxy().actions())
        answered += std::holds_alternative<session::Answered>(action) ? 1 : 0;
      proxy().clear_actions();
    });
    EXPECT_EQ(answered, Events::per_exchange);
    proxy().complete(id, {.status = 200}, now_);
    exchange_bytes();
    proxy().clear_actions();
  }

 private:
  session::ProxySession& proxy() { return *proxy_.conversation().session(); }
  session::AgentSession& agent() { return *agent_.conversation().session(); }
  void exchange_bytes() {
    while (!proxy_.output().empty() || !agent_.output().empty()) {
      move(proxy_.output(), agent_);
      for (const auto& action : agent().actions())
        if (const auto* const arrived = std::get_if<session::Arrived>(&action))
          EXPECT_TRUE(agent().respond(arrived->ref, {.audit = {.rule_ids = rules}}, now_));
      agent().clear_actions();
      move(agent_.output(), proxy_);
    }
  }
  template <class To>
  void move(wire::Output& from, To& to) {
    while (!from.empty()) {
      std::array<iovec, 16> parts;
      const std::size_t used = from.gather(parts);
      std::size_t size = 0;
      for (std::size_t i = 0; i < used; ++i) {
        const std::size_t taken = std::min(parts[i].iov_len, pipe_.size() - base::limits::tail_padding - size);
        std::memcpy(pipe_.data() + size, parts[i].iov_base, taken);
        size += taken;
      }
      from.consume(size);
      to.feed({pipe_.data(), size}, now_);
    }
  }

  static constexpr std::array<wire::Text, 2> rules{"942100", "949110"};
  base::TimePoint now_{100h};
  base::CorrelationIds ids_;
  transport::StreamFraming<session::ProxySession> proxy_;
  transport::StreamFraming<session::AgentSession> agent_;
  std::string pipe_;
};

class SessionAllocations : public ::testing::TestWithParam<Mode> {};

TEST_P(SessionAllocations, EventsAllocateNothingOnceWarm) {
  const Events events;
  Pair pair{GetParam()};
  for (int i = 0; i < 200; ++i) pair.play(events);
  const std::uint64_t before = allocations();
  for (int i = 0; i < 1000; ++i) pair.play(events);
  EXPECT_EQ(allocations() - before, 0U);
}

INSTANTIATE_TEST_SUITE_P(Encodings, SessionAllocations,
                         ::testing::Values(Mode{"Json", wire::Encoding::json, false},
                                           Mode{"JsonExtended", wire::Encoding::json, true},
                                           Mode{"MessagePack", wire::Encoding::msgpack, false},
                                           Mode{"MessagePackExtended", wire::Encoding::msgpack, true}),
                         [](const auto& test) { return test.param.name; });

TEST(Counting, SeesAllocations) {
  const std::uint64_t before = allocations();
  const std::string text(100, 'x');
  EXPECT_EQ(allocations() - before, 1U);
}

}  // namespace
}  // namespace picket::tests

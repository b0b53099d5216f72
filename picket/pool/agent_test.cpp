#include "picket/pool/agent.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/pool/testing.hpp"
#include "picket/transport/task.hpp"

namespace picket::pool {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using testing::Asked;
using testing::extended;
using testing::kind_of;
using testing::PlayedConnection;
using wire::FrameType;

class AgentTest : public testing::PoolTest {
 protected:
  void lose_a_connection(Agent& agent) {
    auto dying = ready(agent);
    dying.peer.close();
    ASSERT_TRUE(until([&] { return agent.ready_connections() == 0; }));
  }
  /// Reads up to the next ping and does not answer it.
  static void await_ping(PlayedConnection& connection) {
    auto frame = connection.peer.receive();
    while (frame && frame->type() != FrameType::ping) frame = connection.peer.receive();
    ASSERT_TRUE(frame);
  }
};

// ---- connections

TEST_F(AgentTest, CallWithNowhereToGoFailsAtOnceAndSaysWhy) {
  const auto nobody = folder_.socket("nobody");
  Agent& agent = pool_.add_agent({.id = "absent", .endpoint = nobody.text(), .config = quick()}).value().get();
  ASSERT_TRUE(until([&] { return agent.metrics().connect_failures.value() > 2; }));
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  ASSERT_EQ(kind_of(call), ErrorKind::unavailable);
  EXPECT_NE(call.result().error().detail().find(nobody.text()), std::string::npos) << call.result().error().detail();
}

TEST_F(AgentTest, AgentThatStartsLateIsPickedUp) {
  const auto later = folder_.socket("later");
  Agent& agent = pool_.add_agent({.id = "late", .endpoint = later.text(), .config = quick()}).value().get();
  ASSERT_TRUE(until([&] { return agent.metrics().connect_failures.value() > 2; }));
  transport::testing::RawListener listener{later, &worker_};
  PlayedConnection connection{listener.accept(), {}};
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
}

TEST_F(AgentTest, AgentThatComesBackIsPickedUp) {
  Agent& agent = add(quick());
  for (int i = 0; i < 3; ++i) lose_a_connection(agent);
  EXPECT_EQ(agent.metrics().connections_opened.value(), 3U);
  EXPECT_EQ(agent.metrics().connections_lost.value(), 3U);
}

TEST_F(AgentTest, ConnectionThatNeverAnswersTheHandshakeIsTriedAgain) {
  Config config = quick();
  config.connect_timeout = 20ms;
  Agent& agent = add(config);
  auto silent = listener_.accept();
  EXPECT_TRUE(silent.ends());
  EXPECT_EQ(agent.metrics().connect_failures.value(), 1U);
  auto again = listener_.accept();
  EXPECT_EQ(again.receive()->type(), FrameType::handshake_request);
}

TEST_F(AgentTest, AReplacementIsDialledAsSoonAsTheAgentSaysThatItDrains) {
  Config config = quick();
  config.reconnect_interval = 1ms;  // this connection has lasted
  Agent& agent = add(config);
  auto old = ready(agent);
  Asked download{worker_, agent};
  Call& head = download.headers("/download");
  old.answer(old.event());
  ASSERT_TRUE(ends(head));
  old.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  auto fresh = ready(agent);
  Asked asked{worker_, agent};
  Call& call = asked.headers("/new");
  fresh.answer(fresh.event());
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
  Call& rest = download.body("x");
  const auto event = old.event();
  EXPECT_EQ(event.type, FrameType::request_body_chunk) << "what began on the old one ends there";
  old.answer(event);
  ASSERT_TRUE(ends(rest));
  old.peer.close();
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  transport::testing::turn_for(worker_, 50ms);
  EXPECT_FALSE(listener_.has_connection()) << "there are as many as configured";
}

TEST_F(AgentTest, AnAgentThatDrainsWhateverIsDialledIsNotGivenConnectionsWithoutEnd) {
  add(quick(2));
  std::deque<PlayedConnection> connections;
  const auto drain_one = [&] {
    connections.push_back(accept());
    connections.back().send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  };
  for (int i = 0; i < 4; ++i) drain_one();
  transport::testing::turn_for(worker_, 100ms);
  EXPECT_FALSE(listener_.has_connection());
  connections.pop_front();
  drain_one();
  transport::testing::turn_for(worker_, 100ms);
  EXPECT_FALSE(listener_.has_connection());
}

/// An address of 127.0.0.1 that nobody listens on.
transport::Endpoint free_endpoint() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(probe);
  return transport::Endpoint::tcp("127.0.0.1", ntohs(address.sin_port)).value();
}

/// As after a long outage: the next try is far away.
Config patient(std::uint32_t connections = 1) {
  Config config;
  config.connections_per_agent = connections;
  config.reconnect_interval = 1h;
  config.max_reconnect_interval = 1h;
  return config;
}

TEST_F(AgentTest, ACallForAnAgentOverTcpThatIsNotThereDialsAtOnceAndTheOtherConnectionsFollow) {
  const auto endpoint = free_endpoint();
  Config config = patient(2);
  config.reconnect_interval = 1s;
  Agent& agent =
      pool_.add_agent({.id = "tcp", .endpoint = endpoint.spelled(), .insecure = true, .config = config}).value().get();
  // Quick tries first, then some that are further and further apart.
  ASSERT_TRUE(until([&] { return agent.metrics().connect_failures.value() >= 14; }));
  transport::testing::RawListener listener{endpoint, &worker_};
  const auto began = base::Clock::now();
  Asked asked{worker_, agent};
  Call& call = asked.headers("/", in(20s));
  PlayedConnection connection{listener.accept(), {}};
  connection.answer(connection.event());
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result()) << call.result().error().message();
  PlayedConnection second{listener.accept(), {}};
  EXPECT_LT(base::Clock::now() - began, 1200ms) << "without the call the next try is 1.5 s away or more";
}

TEST_F(AgentTest, CallsDialAnAgentThatRefusesOnceASecondAndFailAtOnce) {
  const auto endpoint = free_endpoint();
  Agent& agent = pool_.add_agent({.id = "tcp", .endpoint = endpoint.spelled(), .insecure = true, .config = patient()})
                     .value()
                     .get();
  ASSERT_TRUE(until([&] { return agent.metrics().connect_failures.value() >= 2; }));
  const auto before = agent.metrics().connect_failures.value();
  const auto began = base::Clock::now();
  for (int i = 0; i < 20; ++i) {
    Asked asked{worker_, agent};
    Call& call = asked.headers("/", in(20s));
    ASSERT_TRUE(ends(call));
    EXPECT_EQ(kind_of(call), ErrorKind::unavailable);
  }
  EXPECT_LT(base::Clock::now() - began, 1s);
  EXPECT_LE(agent.metrics().connect_failures.value() - before, 3U) << "one for the calls, the others by the timer";
}

TEST_F(AgentTest, OfAUnixSocketTheNextTryIsNeverFurtherThanTheInterval) {
  Config config = quick();
  config.max_reconnect_interval = 1h;
  const auto nobody = folder_.socket("nobody");
  Agent& agent = pool_.add_agent({.id = "absent", .endpoint = nobody.text(), .config = config}).value().get();
  // Doubling from 10 ms, the sixteenth would come after five minutes.
  EXPECT_TRUE(until([&] { return agent.metrics().connect_failures.value() >= 16; }));
}

transport::Task<void> wait_ready(AgentPool& pool, Agent& agent, base::Deadline deadline, base::Status& status,
                                 bool& done) {
  auto result = co_await pool.ready(agent, deadline);
  status = std::move(result);
  done = true;
}

TEST_F(AgentTest, ReadyWaitsForTheFirstConnectionOrTheDeadline) {
  Agent& agent = add(quick());
  base::Status in_vain;
  base::Status status = base::fail(ErrorKind::io, "not awaited");
  bool gave_up = false;
  bool done = false;
  transport::spawn(wait_ready(pool_, agent, in(20ms), in_vain, gave_up));
  transport::spawn(wait_ready(pool_, agent, in(20s), status, done));
  ASSERT_TRUE(until([&] { return gave_up; }));
  EXPECT_EQ(in_vain.error().kind(), ErrorKind::timeout);
  EXPECT_FALSE(done);
  auto connection = accept();
  ASSERT_TRUE(until([&] { return done; }));
  EXPECT_TRUE(status);
}

// ---- the queue

AgentSpec one_at_a_time() {
  AgentSpec spec;
  spec.max_concurrent_calls = 1;
  return spec;
}

TEST_F(AgentTest, CallsBeyondTheLimitWaitTheirTurnInOrder) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 8; ++i) asked.emplace_back(worker_, agent).headers("/" + std::to_string(i));
  EXPECT_EQ(agent.metrics().waiting.value(), 7);
  for (int i = 0; i < 8; ++i) {
    const auto event = connection.event();
    EXPECT_EQ(event.uri, "/" + std::to_string(i));
    EXPECT_FALSE(connection.peer.has_input()) << "more in flight than allowed";
    connection.answer(event);
  }
  EXPECT_TRUE(until([&] { return agent.metrics().answered.value() == 8; }));
}

TEST_F(AgentTest, ConnectionThatIsFullMakesCallsWait) {
  Config config = quick();
  config.max_concurrent_per_connection = 1;
  Agent& agent = add(config);
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  one.headers("/1");
  Call& second = two.headers("/2");
  EXPECT_EQ(agent.metrics().waiting.value(), 1);
  connection.answer(connection.event());
  connection.answer(connection.event());
  ASSERT_TRUE(ends(second));
  EXPECT_TRUE(second.result());
}

TEST_F(AgentTest, WaitingCountsAgainstTheDeadline) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& first = one.headers("/1");
  Call& second = two.headers("/2", in(20ms));
  ASSERT_TRUE(ends(second));
  EXPECT_EQ(kind_of(second), ErrorKind::timeout);
  EXPECT_EQ(agent.metrics().waiting.value(), 0);
  connection.answer(connection.event());
  ASSERT_TRUE(ends(first));
  turn();
  EXPECT_FALSE(connection.peer.has_input()) << "the agent was asked although nobody waits for it";
}

TEST_F(AgentTest, QueueIsBounded) {
  Config config = quick();
  config.channel_buffer_size = 2;
  Agent& agent = add(config, one_at_a_time());
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(asked.emplace_back(worker_, agent).headers().done());
  Call& over = asked.emplace_back(worker_, agent).headers();
  EXPECT_EQ(kind_of(over), ErrorKind::unavailable);
  EXPECT_TRUE(over.overloaded());
}

TEST_F(AgentTest, CallsThatWaitForAFullConnectionKeepTheirOrder) {
  Config config = quick();
  config.max_concurrent_per_connection = 1;
  Agent& agent = add(config);
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 8; ++i) asked.emplace_back(worker_, agent).headers("/" + std::to_string(i));
  for (int i = 0; i < 8; ++i) {
    const auto event = connection.event();
    EXPECT_EQ(event.uri, "/" + std::to_string(i));
    connection.answer(event);
  }
  EXPECT_TRUE(until([&] { return agent.metrics().answered.value() == 8; }));
}

TEST_F(AgentTest, AbandonedWaiterLeavesTheQueue) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  std::deque<Asked> asked;
  for (int i = 0; i < 4; ++i) asked.emplace_back(worker_, agent).headers(i == 3 ? "/3" : "/");
  asked[1].end();
  asked[2].end();
  EXPECT_EQ(agent.metrics().waiting.value(), 1);
  connection.answer(connection.event());
  EXPECT_EQ(connection.event().uri, "/3");
}

TEST_F(AgentTest, EverybodyFailsAtOnceWhenTheLastConnectionDies) {
  Agent& agent = add(quick(), one_at_a_time());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& in_flight = one.headers("/", in(20s));
  Call& waiting = two.headers("/", in(20s));
  (void)connection.event();
  const auto before = base::Clock::now();
  connection.peer.close();
  ASSERT_TRUE(ends(in_flight));
  ASSERT_TRUE(ends(waiting));
  EXPECT_LT(base::Clock::now() - before, 10s);
  EXPECT_EQ(kind_of(in_flight), ErrorKind::connection_closed);
  EXPECT_EQ(kind_of(waiting), ErrorKind::unavailable);
  EXPECT_EQ(agent.metrics().in_flight.value(), 0);
  EXPECT_EQ(agent.metrics().waiting.value(), 0);
}

// ---- agents that answer badly

TEST_F(AgentTest, AnswersToNobodyAreCountedAndDropped) {
  Agent& agent = add(quick());
  auto connection = ready(agent, {.format = extended});
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  const auto event = connection.event();
  auto forged = event;
  forged.id.back() = forged.id.back() == '0' ? '1' : '0';
  connection.answer(forged, {.decision = wire::Block{}});
  auto other_event = event;
  other_event.type = FrameType::response_headers;
  connection.answer(other_event, {.decision = wire::Block{}});
  connection.answer(event);
  connection.answer(event, {.decision = wire::Block{}});
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(call.response().decision));
  EXPECT_TRUE(until([&] { return agent.metrics().responses_dropped.value() == 3; }));
}

TEST_F(AgentTest, GarbageEndsTheConnectionAndItsCalls) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked asked{worker_, agent};
  Call& call = asked.headers();
  (void)connection.event();
  connection.peer.send_frame(FrameType::agent_response, R"({"version":2,"decision":)");
  ASSERT_TRUE(ends(call));
  EXPECT_EQ(kind_of(call), ErrorKind::invalid_message);
  EXPECT_TRUE(connection.peer.ends());
}

TEST_F(AgentTest, FrozenAgentCostsOneTimeoutHoweverManyConnectionsItHas) {
  Agent& agent = add(quick(3));
  std::deque<PlayedConnection> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(ready(agent));
  Asked under_way{worker_, agent};
  Call& answered = under_way.headers();
  turn();
  for (auto& connection : connections)
    if (connection.peer.has_input()) connection.answer(connection.event());
  ASSERT_TRUE(ends(answered));

  Asked one{worker_, agent};
  Call& first = one.headers("/", in(20ms));
  ASSERT_TRUE(ends(first));
  EXPECT_EQ(kind_of(first), ErrorKind::timeout);
  // Those who come now wait for a pong, at most for the grace; neither they nor those after them for their deadline.
  Asked two{worker_, agent};
  Call& second = two.headers("/", in(20s));
  Call& next_event = under_way.body("x", true, in(20s));
  EXPECT_FALSE(second.done());
  ASSERT_TRUE(ends(second));
  ASSERT_TRUE(ends(next_event));
  EXPECT_EQ(kind_of(second), ErrorKind::unavailable);
  EXPECT_EQ(kind_of(next_event), ErrorKind::unavailable);
  Asked three{worker_, agent};
  EXPECT_EQ(kind_of(three.headers("/", in(20s))), ErrorKind::unavailable) << "it must not wait for what is frozen";
}

TEST_F(AgentTest, SilentAgentIsPingedOnEveryConnectionBeforeTheTimeout) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  Asked one{worker_, agent};
  Call& call = one.headers("/", in(200ms));
  turn();
  PlayedConnection& asked = first.peer.has_input() ? first : second;
  EXPECT_EQ(asked.event().type, FrameType::request_headers);
  EXPECT_EQ(asked.peer.receive()->type(), FrameType::ping) << "not the time-out's cancel";
  await_ping(&asked == &first ? second : first);
  ASSERT_TRUE(ends(call));
}

TEST_F(AgentTest, SlowEvaluationOfALiveAgentFailsNobodyElse) {
  Agent& agent = add(quick(2));
  auto first = ready(agent);
  auto second = ready(agent);
  Asked slow{worker_, agent};
  Call& timed_out = slow.headers("/slow", in(20ms));
  ASSERT_TRUE(ends(timed_out));
  slow.end();
  Asked other{worker_, agent};
  Call& call = other.headers("/other");
  for (auto* const connection : {&first, &second}) await_ping(*connection);
  EXPECT_FALSE(call.done()) << "no pong has come";
  EXPECT_EQ(agent.metrics().waiting.value(), 1);
  for (auto* const connection : {&first, &second}) connection->send(wire::Pong{.sequence = 1});
  ASSERT_TRUE(until([&] { return agent.metrics().waiting.value() == 0; }));
  turn();
  for (auto* const connection : {&first, &second})
    while (connection->peer.has_input())
      if (const auto event = connection->event(); event.uri == "/other") connection->answer(event);
  ASSERT_TRUE(ends(call));
  EXPECT_TRUE(call.result());
}

TEST_F(AgentTest, FrozenAgentThatThawsIsUsedAgain) {
  Agent& agent = add(quick());
  auto connection = ready(agent);
  Asked one{worker_, agent};
  Call& first = one.headers("/", in(20ms));
  ASSERT_TRUE(ends(first));
  one.end();
  EXPECT_EQ(connection.event().type, FrameType::request_headers);
  EXPECT_EQ(connection.event().type, FrameType::cancel);
  EXPECT_EQ(connection.event().type, FrameType::request_complete);  // the ping stood before it and was answered
  turn();
  Asked two{worker_, agent};
  Call& second = two.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(second));
  EXPECT_TRUE(second.result());
}

// ---- the breaker

constexpr base::Duration break_time = 20ms;

AgentSpec touchy(std::uint32_t failure_threshold = 1) {
  AgentSpec spec;
  spec.breaker = {.failure_threshold = failure_threshold, .success_threshold = 1, .open_for = break_time};
  return spec;
}

TEST_F(AgentTest, TimeoutsOnAConnectionThatPongsDoNotOpenTheBreaker) {
  Agent& agent = add(quick(), touchy());
  auto connection = ready(agent);
  for (int i = 0; i < 5; ++i) {
    Asked asked{worker_, agent};
    Call& call = asked.headers("/slow", in(10ms));
    ASSERT_EQ(connection.event().type, FrameType::request_headers) << i;
    ASSERT_TRUE(ends(call));
    ASSERT_EQ(kind_of(call), ErrorKind::timeout);
    asked.end();
    ASSERT_EQ(connection.event().type, FrameType::cancel);
    ASSERT_EQ(connection.event().type, FrameType::request_complete);
    turn();
  }
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(AgentTest, BreakerOpensOnDeadConnectionsAndClosesWithASuccessfulProbe) {
  Agent& agent = add(quick(), touchy(2));
  lose_a_connection(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
  lose_a_connection(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::open);
  auto connection = ready(agent);
  transport::testing::turn_for(worker_, break_time * 2);
  Asked one{worker_, agent};
  Asked two{worker_, agent};
  Call& probe = one.headers();
  EXPECT_EQ(kind_of(two.headers()), ErrorKind::circuit_open) << "one probe at a time";
  EXPECT_EQ(agent.metrics().breaker_refusals.value(), 1U);
  connection.answer(connection.event());
  ASSERT_TRUE(ends(probe));
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(AgentTest, ConnectionsThatEndAfterTheAgentSaidSoDoNotOpenTheBreaker) {
  Agent& agent = add(quick(), touchy(1));
  {
    auto connection = ready(agent);
    connection.send(wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining});
  }
  ASSERT_TRUE(until([&] { return agent.metrics().connections_lost.value() == 1; }));
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
  lose_a_connection(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::open) << "the next connection has said nothing yet";
}

AgentSpec lastingly_touchy() {
  AgentSpec spec = touchy();
  spec.breaker.open_for = 1h;
  return spec;
}

TEST_F(AgentTest, OpenBreakerRefusesAtOnce) {
  Agent& agent = add(quick(2), lastingly_touchy());
  auto stays = ready(agent);
  {
    auto dies = ready(agent);
  }
  ASSERT_TRUE(until([&] { return agent.ready_connections() == 1; }));
  Asked asked{worker_, agent};
  EXPECT_EQ(kind_of(asked.headers()), ErrorKind::circuit_open);
}

TEST_F(AgentTest, OneCrashIsOneFailureHoweverManyConnectionsItTakesAlong) {
  Agent& agent = add(quick(8), touchy(2));
  for (int crash = 1; crash <= 2; ++crash) {
    std::deque<PlayedConnection> connections;
    for (int i = 0; i < 8; ++i) connections.push_back(ready(agent));
    EXPECT_EQ(agent.breaker_state(), Breaker::State::closed) << "after " << crash - 1;
    connections.clear();
    ASSERT_TRUE(until([&] { return agent.metrics().connections_lost.value() == 8U * crash; }));
  }
  EXPECT_EQ(agent.breaker_state(), Breaker::State::open);
}

TEST_F(AgentTest, AnAgentThatIsConnectedToAgainIsTriedAtOnce) {
  Agent& agent = add(quick(), lastingly_touchy());
  lose_a_connection(agent);
  ASSERT_EQ(agent.breaker_state(), Breaker::State::open);
  auto connection = ready(agent);
  EXPECT_EQ(agent.breaker_state(), Breaker::State::half_open);
  Asked asked{worker_, agent};
  Call& probe = asked.headers();
  connection.answer(connection.event());
  ASSERT_TRUE(ends(probe));
  EXPECT_TRUE(probe.result());
  EXPECT_EQ(agent.breaker_state(), Breaker::State::closed);
}

TEST_F(AgentTest, AnAgentThatDiesOnItsFirstEventIsTriedOnceASecond) {
  Agent& agent = add(quick(2));
  const auto began = base::Clock::now();
  int tried = 0;
  while (base::Clock::now() - began < 2500ms) {
    std::deque<PlayedConnection> connections;
    for (int i = 0; i < 2; ++i) connections.push_back(ready(agent));
    Asked asked{worker_, agent};
    Call& call = asked.headers("/", in(100ms));
    ASSERT_TRUE(call.done() ||
                until([&] { return connections[0].peer.has_input() || connections[1].peer.has_input(); }));
    tried += call.done() ? 0 : 1;
    connections.clear();  // the crash
    ASSERT_TRUE(until([&] { return call.done() && agent.ready_connections() == 0; }));
  }
  EXPECT_GE(tried, 3);
  EXPECT_LE(tried, 4) << "twice at first, then once a second";
}

TEST_F(AgentTest, ProbesGiveTheirPlaceBackHoweverTheyEnd) {
  Agent& agent = add(quick(), touchy());
  lose_a_connection(agent);
  auto connection = ready(agent);
  transport::testing::turn_for(worker_, break_time * 2);
  for (const bool times_out : {true, false, true, false, true}) {
    Asked asked{worker_, agent};
    Call& probe = asked.headers("/", times_out ? in(10ms) : base::Deadline{});
    ASSERT_FALSE(probe.done()) << probe.result().error().message();
    if (times_out) {
      ASSERT_TRUE(ends(probe));
    }
    asked.end();  // abandons the others
    for (auto type = FrameType::ping; type != FrameType::request_complete;) type = connection.event().type;
    turn();
  }
}

}  // namespace
}  // namespace picket::pool

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
using testing::kind_of;
using testing::PlayedConnection;
using wire::FrameType;

class AgentTest : public testing::PoolTest {};

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

TEST_F(AgentTest, CallsWaitOnceInAnOutageForAnAgentThatAcceptsAndIsSilent) {
  const auto endpoint = free_endpoint();
  Config config = patient(2);
  config.connect_timeout = 60s;
  Agent& agent =
      pool_.add_agent({.id = "tcp", .endpoint = endpoint.spelled(), .insecure = true, .config = config}).value().get();
  // The next tries are more than a second away.
  ASSERT_TRUE(until([&] { return agent.metrics().connect_failures.value() >= 10; }));
  const transport::testing::RawListener silent{endpoint, &worker_};
  Asked first{worker_, agent};
  Call& waiting = first.headers("/", in(60s));
  turn();
  EXPECT_FALSE(waiting.done()) << "it dials, and may be lucky";
  ASSERT_TRUE(ends(waiting));
  EXPECT_EQ(kind_of(waiting), ErrorKind::unavailable);
  Asked second{worker_, agent};
  EXPECT_EQ(kind_of(second.headers("/", in(60s))), ErrorKind::unavailable) << "at once: its failure mode decides";
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

}  // namespace
}  // namespace picket::pool

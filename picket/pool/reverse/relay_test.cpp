#include "picket/pool/reverse/relay.hpp"

#include <cerrno>
#include <optional>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "picket/pool/reverse/testing.hpp"
#include "picket/transport/testing/certificates.hpp"

/// One connection of an agent and the ends of two workers, with sockets between all of them.
namespace picket::pool::reverse {
namespace {

using ::testing::HasSubstr;
using transport::testing::RawPeer;
using transport::testing::turn_until;
using wire::FrameType;

wire::RequestHeaders head_of(std::string_view id) {
  return {.metadata = {.correlation_id = id, .timestamp = "2026-01-01T00:00:00Z"}, .method = "GET", .uri = "/"};
}

class RelayTest : public ::testing::Test {
 protected:
  ~RelayTest() override {
    if (!is_started_) return;
    agent_->close();
    EXPECT_TRUE(turn_until(worker_, [this] { return overs_ == 1; }));
  }

  base::Status start(std::string_view behind_registration = {}, std::unique_ptr<transport::Layer> of_proxy = nullptr,
                     std::unique_ptr<transport::Layer> of_agent = nullptr) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    agent_.emplace(ends[0], &worker_, std::move(of_agent));
    Connection connection{.agent = "edge",
                          .name = "edge-1/1",
                          .connections_wanted = 2,
                          .is_shared = true,
                          .socket = transport::Unbound{ends[1], std::move(of_proxy)},
                          .received = testing::bytes_of({}) + std::string{behind_registration},
                          .seat = seat_};
    auto started = Relay::start(
        worker_, std::move(connection), 2, [this](Connection delivered) { delivered_.push_back(std::move(delivered)); },
        [this] { ++overs_; });
    is_started_ = started.has_value();
    for (auto& delivered : delivered_) {
      const transport::Channel channel{worker_, std::move(delivered.socket)};
      workers_.emplace_back(::dup(channel.descriptor()), &worker_);
    }
    return started;
  }
  /// With both workers' answers to the registration; the agent hears one.
  void start_and_answer() {
    ASSERT_TRUE(start());
    for (auto& worker : workers_) worker.send(json_, answer_);
    ASSERT_EQ(type_at(*agent_), FrameType::handshake_response);
  }
  static std::optional<FrameType> type_at(RawPeer& end) {
    const auto frame = end.receive();
    return frame ? std::optional{frame->type()} : std::nullopt;
  }
  template <class Message>
  std::string id_of_next(RawPeer& end) {
    const auto frame = end.receive();
    if (!frame) return "(the end)";
    base::Arena arena;
    const auto message = frame->template as<Message>(json_, arena);
    if constexpr (requires { message.metadata; })
      return std::string{message.metadata.correlation_id};
    else
      return std::string{message.correlation_id};
  }
  void expect_all_ends() {
    EXPECT_TRUE(agent_->ends());
    for (auto& worker : workers_) EXPECT_TRUE(worker.ends());
    EXPECT_TRUE(turn_until(worker_, [this] { return overs_ == 1; }));
  }

  const wire::Format json_;
  const wire::ReverseAnswer answer_{.success = true, .proxy_id = "p", .proxy_version = "1", .connection_id = "c"};
  transport::Worker worker_;
  std::shared_ptr<void> seat_ = std::make_shared<int>();
  std::optional<RawPeer> agent_;
  std::vector<Connection> delivered_;
  std::vector<RawPeer> workers_;
  int overs_ = 0;
  bool is_started_ = false;
};

TEST_F(RelayTest, EachWorkerGetsAnEndThatHasRegistered) {
  ASSERT_TRUE(start());
  ASSERT_EQ(delivered_.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Connection& connection = delivered_[i];
    EXPECT_EQ(connection.worker, i);
    EXPECT_EQ(connection.agent, "edge");
    EXPECT_EQ(connection.received, testing::bytes_of({}));
    EXPECT_FALSE(connection.is_shared) << "else it would be shared out again";
    EXPECT_EQ(connection.seat, seat_);
  }
}

TEST_F(RelayTest, AnAnswerComesToTheWorkerThatAsked) {
  start_and_answer();
  workers_[0].send(json_, head_of("of-0"));
  EXPECT_EQ(id_of_next<wire::RequestHeaders>(*agent_), "of-0");
  workers_[1].send(json_, head_of("of-1"));
  EXPECT_EQ(id_of_next<wire::RequestHeaders>(*agent_), "of-1");
  agent_->send(json_, wire::AgentResponse{.correlation_id = "of-1"});
  EXPECT_EQ(id_of_next<wire::AgentResponse>(workers_[1]), "of-1");
  EXPECT_FALSE(workers_[0].has_input());
  agent_->send(json_, wire::AgentResponse{.correlation_id = "of-0"});
  EXPECT_EQ(id_of_next<wire::AgentResponse>(workers_[0]), "of-0");
  EXPECT_FALSE(workers_[1].has_input());
}

TEST_F(RelayTest, WhatComesByteByByteIsHandedOnWhole) {
  start_and_answer();
  workers_[1].send(json_, head_of("slow"));
  EXPECT_EQ(id_of_next<wire::RequestHeaders>(*agent_), "slow");
  wire::Output output{transport::stream_framing};
  ASSERT_TRUE(wire::encode(json_, wire::AgentResponse{.correlation_id = "slow"}, output));
  for (const char byte : output.flatten()) {
    agent_->send_bytes({&byte, 1});
    worker_.turn(base::Clock::now());
  }
  EXPECT_EQ(id_of_next<wire::AgentResponse>(workers_[1]), "slow");
}

TEST_F(RelayTest, WhatTheAgentSaidBehindItsRegistrationIsHeardByAll) {
  wire::Output health{transport::stream_framing};
  ASSERT_TRUE(wire::encode(json_, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::draining}, health));
  ASSERT_TRUE(start(health.flatten()));
  for (auto& worker : workers_) EXPECT_EQ(type_at(worker), FrameType::health_status);
}

TEST_F(RelayTest, OverTlsTheSameGoesBothWays) {
  const transport::testing::Authority authority;
  const auto issued = authority.issue("proxy", "DNS:proxy.test");
  const auto server =
      transport::tls::Context::server({.certificate_file = issued.certificate_file, .key_file = issued.key_file});
  const auto client = transport::tls::Context::client({.ca_file = authority.ca_file(), .server_name = "proxy.test"});
  ASSERT_TRUE(server && client);
  ASSERT_TRUE(start({}, (*server)->layer(), (*client)->layer("proxy.test")));
  workers_[0].send(json_, answer_);
  EXPECT_EQ(type_at(*agent_), FrameType::handshake_response);
  const std::string path(100'000, 'p');  // several records
  auto head = head_of("secret");
  head.uri = path;
  workers_[1].send(json_, head);
  EXPECT_EQ(id_of_next<wire::RequestHeaders>(*agent_), "secret");
  agent_->send(json_, wire::AgentResponse{.correlation_id = "secret"});
  EXPECT_EQ(id_of_next<wire::AgentResponse>(workers_[1]), "secret");
}

TEST_F(RelayTest, AnAgentThatGoesEndsAll) {
  start_and_answer();
  agent_->close();
  for (auto& worker : workers_) EXPECT_TRUE(worker.ends());
}

TEST_F(RelayTest, AWorkerThatGoesEndsAllOnce) {
  start_and_answer();
  workers_[1].close();
  EXPECT_TRUE(agent_->ends());
  EXPECT_TRUE(workers_[0].ends());
}

TEST_F(RelayTest, WhatTheOthersHaveAskedIsAnsweredBeforeAllEnd) {
  start_and_answer();
  for (const std::size_t worker : {0, 1}) {
    workers_[worker].send(json_, head_of(worker == 0 ? "of-0" : "of-1"));
    (void)agent_->receive();
  }
  workers_[0].close();
  agent_->send(json_, wire::AgentResponse{.correlation_id = "of-1"});
  EXPECT_EQ(id_of_next<wire::AgentResponse>(workers_[1]), "of-1");
  workers_[1].send(json_, wire::RequestComplete{.correlation_id = "of-1", .status = 200});
  EXPECT_EQ(id_of_next<wire::RequestComplete>(*agent_), "of-1");
  EXPECT_TRUE(agent_->ends()) << "nobody waits for the answer to who has gone";
  EXPECT_TRUE(workers_[1].ends());
}

TEST_F(RelayTest, TheLastWordsOfAWorkerReachTheAgent) {
  ASSERT_TRUE(start());
  workers_[0].send(json_, wire::ReverseAnswer{.success = false, .error = "no place", .proxy_id = "p"});
  workers_[0].close();
  const auto frame = agent_->receive();
  ASSERT_TRUE(frame);
  base::Arena arena;
  EXPECT_EQ(frame->as<wire::ReverseAnswer>(json_, arena).error, "no place");
  EXPECT_TRUE(agent_->ends());
}

TEST_F(RelayTest, FramesThatDoNotDecodeEndAll) {
  start_and_answer();
  agent_->send_frame(FrameType::agent_response, "no JSON");
  expect_all_ends();
}

TEST_F(RelayTest, AFrameOfNoLengthEndsAll) {
  start_and_answer();
  agent_->send_bytes(std::string_view{"\0\0\0\0\0", 5});
  expect_all_ends();
}

TEST_F(RelayTest, OfAnAgentThatDoesNotReadTheWorkersAreReadNoFurtherAndLoseNothing) {
  start_and_answer();
  const std::string path(std::size_t{64} * 1024, 'p');
  auto head = head_of("x");
  head.uri = path;
  wire::Output output{transport::stream_framing};
  ASSERT_TRUE(wire::encode(json_, head, output));
  const std::string one = output.flatten();
  const std::size_t far_too_many = 32 * Relay::most_unsent / one.size();
  std::string all;
  for (std::size_t i = 0; i < far_too_many; ++i) all += one;

  std::size_t sent = 0;
  for (int idle = 0; idle < 50 && sent < all.size(); ++idle) {
    const auto taken = workers_[0].send_some(std::string_view{all}.substr(sent));
    sent += taken.size;
    if (taken.size != 0) idle = 0;
    worker_.turn(base::Clock::now() + std::chrono::milliseconds{2});
  }
  EXPECT_GT(sent, Relay::most_unsent);
  EXPECT_LT(sent, 8 * Relay::most_unsent);

  std::size_t heard = 0;
  for (; heard < sent / one.size(); ++heard) ASSERT_EQ(id_of_next<wire::RequestHeaders>(*agent_), "x");
  const std::size_t rest = one.size() - sent % one.size();
  workers_[0].send_bytes(std::string_view{one}.substr(one.size() - rest));
  EXPECT_EQ(id_of_next<wire::RequestHeaders>(*agent_), "x");
}

/// UBSan looks at each type once, with a pipe of its own: so one relay comes and goes before.
TEST_F(RelayTest, WithoutADescriptorLeftTheAgentIsTold) {
  ASSERT_TRUE(start());
  agent_->close();
  ASSERT_TRUE(turn_until(worker_, [this] { return overs_ == 1; }));
  workers_.clear();
  delivered_.clear();
  (void)std::generic_category().message(EMFILE);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(STDERR_FILENO);
  ::close(next);
  // Room for the agent's connection and nothing else.
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next) + 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto started = start();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(started);
  EXPECT_TRUE(delivered_.empty());
  const auto frame = agent_->receive();
  ASSERT_TRUE(frame);
  base::Arena arena;
  const auto answer = frame->as<wire::ReverseAnswer>(json_, arena);
  EXPECT_FALSE(answer.success);
  EXPECT_THAT(std::string{answer.error.value_or("")}, HasSubstr("no descriptor left"));
}

}  // namespace
}  // namespace picket::pool::reverse

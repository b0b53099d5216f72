#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/allocated_bytes.hpp"
#include "tests/support/load.hpp"

/// A pool under load against agents in processes of their own that fail in every way that an agent can: each call ends
/// in time with its own answer or an error of the right kind, and nothing is left behind.
namespace picket::tests {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using transport::testing::TemporaryFolder;

/// faulty_agent as a child process.
class Child {
 public:
  Child(const transport::Endpoint& endpoint, std::string fault, std::uint32_t seed)
      : endpoint_(endpoint), fault_(std::move(fault)), seed_(std::to_string(seed)) {
    start();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  void start() {
    std::string address = endpoint_.spelled();
    if (endpoint_.is_unix()) std::filesystem::remove(address.substr(address.find('/')));
    std::string program = std::string{PICKET_BIN_DIR} + "/picket_faulty_agent";
    char* arguments[] = {program.data(), address.data(), fault_.data(), seed_.data(), nullptr};
    ASSERT_EQ(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, environ), 0) << program;
  }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void signal(int number) const { ::kill(pid_, number); }

 private:
  transport::Endpoint endpoint_;
  std::string fault_;
  std::string seed_;
  pid_t pid_ = 0;
};

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// An address of the loopback network that this process has for itself: one end's own port is never the other's.
std::string own_address() {
  const auto id = static_cast<unsigned>(::getpid());
  return fmt::format("127.{}.{}.{}:7000", 64 + id / 65536 % 64, id / 256 % 256, 1 + id % 254);
}

/// By the scheme of the agent's address.
class Chaos : public ::testing::TestWithParam<const char*> {
 protected:
  Chaos() : descriptors_before_(open_descriptors()) {}

  [[nodiscard]] bool is_local() const { return std::string_view{GetParam()}.ends_with("unix:"); }
  [[nodiscard]] transport::Endpoint endpoint() const {
    const std::string place = is_local() ? (folder_.path() / "s").string() : own_address();
    return transport::Endpoint::parse(GetParam() + place, transport::ClearText::allowed).value();
  }

  LoadPlan plan(std::size_t exchanges) const {
    LoadPlan plan{.endpoint = endpoint(), .seed = 42, .exchanges = exchanges, .at_once = 24, .call_timeout = 100ms};
    plan.config.connections_per_agent = 3;
    plan.config.connect_timeout = 200ms;
    plan.config.reconnect_interval = 10ms;
    plan.config.max_reconnect_interval = 50ms;
    plan.config.health_check_interval = 100ms;
    plan.breaker = {.failure_threshold = 5, .success_threshold = 1, .open_for = 20ms};
    return plan;
  }
  /// Runs it twice: whatever the second run leaves behind beyond the first is a leak.
  template <class Run>
  void twice(Run&& run) {
    run();
    const std::size_t after_first = allocated_bytes();
    run();
    EXPECT_LT(allocated_bytes(), after_first + 64 * 1024);
    EXPECT_EQ(open_descriptors(), descriptors_before_);
  }
  /// What holds of every run, whatever the agent did.
  static void expect_sound(const Load& load, const LoadResult& result) {
    EXPECT_EQ(result.wrong, 0U);
    EXPECT_LT(result.latest, 3s) << "a call ended long after its deadline";
    EXPECT_EQ(load.metrics().in_flight.value(), 0);
    EXPECT_EQ(load.metrics().waiting.value(), 0);
    for (const auto never : {ErrorKind::version_mismatch, ErrorKind::serialization, ErrorKind::flow_control_paused,
                             ErrorKind::unknown_agent, ErrorKind::io})
      EXPECT_EQ(result.of(never), 0U) << name(never);
  }
  static void expect_none(const LoadResult& result, std::initializer_list<ErrorKind> kinds) {
    for (const auto kind : kinds) EXPECT_EQ(result.of(kind), 0U) << name(kind);
  }

  TemporaryFolder folder_;
  std::size_t descriptors_before_;
};

TEST_P(Chaos, AgentThatBehavesIsAskedAndAnswers) {
  twice([&] {
    const Child agent{endpoint(), "none", 1};
    LoadPlan calm = plan(500);
    calm.call_timeout = 10s;
    Load load{calm};
    ASSERT_TRUE(load.ready());
    const LoadResult result = load.run();
    expect_sound(load, result);
    EXPECT_GT(result.answered, 700U);
    expect_none(result, {ErrorKind::timeout, ErrorKind::connection_closed, ErrorKind::invalid_message,
                         ErrorKind::circuit_open, ErrorKind::connection_failed});
  });
}

TEST_P(Chaos, AgentThatIsKilledAndComesBack) {
  twice([&] {
    Child agent{endpoint(), "none", 1};
    LoadPlan patient = plan(4000);
    patient.call_timeout = 10s;
    Load load{patient};
    ASSERT_TRUE(load.ready());
    std::size_t next = 500;
    const LoadResult result = load.run([&](std::size_t ended) {
      if (ended < next) return;
      next += 1000;
      agent.kill();
      agent.start();
      EXPECT_TRUE(load.ready()) << "it is back, and nobody finds it";
      transport::testing::turn_for(load.worker(), 40ms);  // past the breaker's rest
    });
    expect_sound(load, result);
    EXPECT_GT(result.answered, 1000U);
    EXPECT_GT(result.of(ErrorKind::connection_closed), 0U);
    expect_none(result, {ErrorKind::invalid_message});
  });
}

TEST_P(Chaos, AgentThatFreezesCostsItsTimeoutsAndThenNothing) {
  twice([&] {
    const Child agent{endpoint(), "none", 1};
    LoadPlan patient = plan(6000);
    patient.call_timeout = 1s;  // none but the frozen one reaches it
    Load load{patient};
    ASSERT_TRUE(load.ready());
    const auto answered = [&] { return load.metrics().answered.value(); };
    bool frozen = false;
    std::optional<std::uint64_t> answered_before;  // it thawed
    const LoadResult result = load.run([&](std::size_t ended) {
      if (!frozen && ended > 500) {
        agent.signal(SIGSTOP);
        frozen = true;
      }
      if (!answered_before && ended > 4000) {
        answered_before = answered();
        agent.signal(SIGCONT);
      }
      // The exchanges that are left must not all have failed before it is heard again.
      if (answered_before && answered() == *answered_before) transport::testing::turn_for(load.worker(), 50ms);
    });
    expect_sound(load, result);
    // 24 in flight and one more per connection, not the 3500 that were begun meanwhile.
    EXPECT_LT(result.of(ErrorKind::timeout), 500U);
    EXPECT_GT(result.of(ErrorKind::unavailable), 2000U);
    EXPECT_GT(result.answered, answered_before.value() + 1000U) << "it thawed, and nobody asks it";
    expect_none(result, {ErrorKind::invalid_message});
  });
}

TEST_P(Chaos, AgentThatIsSlowTimesOutWhatIsLateAndLosesNothingElse) {
  twice([&] {
    const Child agent{endpoint(), "slow", 7};
    LoadPlan patient = plan(400);
    patient.call_timeout = 400ms;
    patient.abandoned_per_mille = 0;
    Load load{patient};
    ASSERT_TRUE(load.ready());
    const LoadResult result = load.run();
    expect_sound(load, result);
    EXPECT_GT(result.answered, 300U);
    EXPECT_GT(result.of(ErrorKind::timeout), 10U);
    expect_none(result, {ErrorKind::connection_closed, ErrorKind::invalid_message});
  });
}

TEST_P(Chaos, AgentThatAnswersGarbageLosesItsConnectionAndIsNeverBelieved) {
  twice([&] {
    const Child agent{endpoint(), "garbage", 3};
    Load load{plan(3000)};
    ASSERT_TRUE(load.ready());
    const LoadResult result = load.run();
    expect_sound(load, result);
    EXPECT_GT(result.answered, 100U);
    EXPECT_GT(result.of(ErrorKind::invalid_message), 0U);
  });
}

TEST_P(Chaos, AgentThatAnswersForOthersIsBelievedOnlyWhereItWasAsked) {
  twice([&] {
    const Child agent{endpoint(), "forge", 5};
    LoadPlan calm = plan(2000);
    calm.call_timeout = 10s;
    Load load{calm};
    ASSERT_TRUE(load.ready());
    const LoadResult result = load.run();
    expect_sound(load, result);
    EXPECT_GT(result.answered, 2000U);
    EXPECT_GT(load.metrics().responses_dropped.value(), 1000U);
    expect_none(result, {ErrorKind::timeout, ErrorKind::connection_closed, ErrorKind::invalid_message});
  });
}

TEST_P(Chaos, AgentThatHangsUpInTheMiddleOfAnAnswer) {
  twice([&] {
    const Child agent{endpoint(), "cut", 9};
    Load load{plan(3000)};
    ASSERT_TRUE(load.ready());
    const LoadResult result = load.run();
    expect_sound(load, result);
    EXPECT_GT(result.answered, 200U);
    EXPECT_GT(result.of(ErrorKind::connection_closed), 0U);
    expect_none(result, {ErrorKind::invalid_message});
  });
}

TEST_P(Chaos, AgentThatStopsReadingCostsBoundedMemory) {
  twice([&] {
    const Child agent{endpoint(), "deaf", 11};
    Load load{plan(3000)};
    ASSERT_TRUE(load.ready());
    const std::size_t before = allocated_bytes();
    std::size_t most = before;
    const LoadResult result = load.run([&](std::size_t) { most = std::max(most, allocated_bytes()); });
    expect_sound(load, result);
    EXPECT_GT(result.answered, 10U);
    EXPECT_LT(most - before, 32U * 1024 * 1024);
  });
}

TEST_P(Chaos, AgentThatAcceptsAndNeverSpeaks) {
  twice([&] {
    const Child agent{endpoint(), "mute", 13};
    LoadPlan hopeless = plan(2000);
    hopeless.config.connect_timeout = 50ms;
    Load load{hopeless};
    const LoadResult result = load.run();
    expect_sound(load, result);
    EXPECT_EQ(result.answered, 0U);
    const auto failed = std::accumulate(result.failed.begin(), result.failed.end(), std::size_t{0});
    // Over a network a call dials, and waits for what comes of it.
    const std::size_t waited = is_local() ? 0 : result.of(ErrorKind::timeout);
    EXPECT_EQ(result.of(ErrorKind::unavailable) + waited, failed) << "there is nowhere to send anything";
  });
}

INSTANTIATE_TEST_SUITE_P(Transports, Chaos, ::testing::Values("unix:", "tcp:"),
                         [](const auto& test) { return std::string(test.param, std::strlen(test.param) - 1); });

}  // namespace
}  // namespace picket::tests

#include <cstring>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/gateway/process/new_process.hpp"
#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::process {
namespace {

using namespace std::chrono_literals;

TEST(HandoverChannel, BringsRecordsWholeAndInOrderAndDescriptorsWithThem) {
  auto [one, other] = HandoverChannel::make().value();
  const int handed = ::dup(STDERR_FILENO);
  ASSERT_TRUE(one.send("first").value());
  ASSERT_TRUE(one.send("second", handed).value());
  const auto first = other.receive(1s).value();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text, "first");
  EXPECT_EQ(first->descriptor, -1);
  const auto second = other.receive(1s).value();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->text, "second");
  EXPECT_GT(second->descriptor, STDERR_FILENO);
  EXPECT_NE(second->descriptor, handed);
  EXPECT_FALSE(other.receive(0ms).value()) << "nothing more";
  ::close(handed);
  ::close(second->descriptor);
}

TEST(HandoverChannel, SaysThatTheOtherEndIsGone) {
  auto ends = std::make_unique<std::pair<HandoverChannel, HandoverChannel>>(HandoverChannel::make().value());
  const HandoverChannel one{ends->first.socket() >= 0 ? ::dup(ends->first.socket()) : -1};
  ends.reset();
  const auto received = one.receive(1s);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind(), base::ErrorKind::connection_closed);
  EXPECT_FALSE(one.send("x"));
}

/// A program that a shell runs in the new process's place.
class Programs : public ::testing::Test {
 protected:
  std::unique_ptr<NewProcess> start(const std::string& script) {
    const auto path = folder_.path() / "program";
    std::ofstream{path} << "#!/bin/sh\n" << script << '\n';
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return std::move(NewProcess::start(path, {path.string()}, {}, transport::tls::TicketKeys{}.hand()).value());
  }
  static NewProcess::State outcome(NewProcess& process) {
    const auto until = std::chrono::steady_clock::now() + transport::testing::patience;
    while (process.look() == NewProcess::State::starting && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(1ms);
    return process.state();
  }

  transport::testing::TemporaryFolder folder_;
};

TEST_F(Programs, ThatEndInPlaceOfServingSayHow) {
  const auto failed = start("exit 7");
  EXPECT_EQ(outcome(*failed), NewProcess::State::gone);
  EXPECT_EQ(failed->reason(), "it ended with 7");
  const auto killed = start("kill -9 $$");
  EXPECT_EQ(outcome(*killed), NewProcess::State::gone);
  EXPECT_EQ(killed->reason(), "it was ended by signal 9");
}

TEST_F(Programs, ThatAreNotWaitedForAnyMoreAreEnded) {
  auto process = start("exec sleep 60");
  EXPECT_EQ(process->look(), NewProcess::State::starting);
  const pid_t pid = process->pid();
  process.reset();
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(Programs, ThatCloseTheirEndAreNotWaitedFor) {
  const auto process = start("exec 3<&-; exec sleep 60");
  EXPECT_EQ(outcome(*process), NewProcess::State::gone);
  EXPECT_NE(process->reason().find("does not take what it is given"), std::string::npos) << process->reason();
}

TEST_F(Programs, ThatCannotBeStartedAreAnError) {
  const auto none = NewProcess::start("/nonexistent/program", {"program"}, {}, transport::tls::TicketKeys{}.hand());
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().detail().find("/nonexistent/program"), std::string::npos);
}

TEST_F(Programs, AreToldNothingThatSystemdSaidToThisProcess) {
  ::setenv("LISTEN_FDS", "2", 1);
  const auto process =
      start("[ -z \"$LISTEN_FDS\" ] && [ \"$PICKET_HANDOVER\" = 3 ] && [ -S /proc/self/fd/3 ] && exit 9; exit 1");
  ::unsetenv("LISTEN_FDS");
  EXPECT_EQ(outcome(*process), NewProcess::State::gone);
  EXPECT_EQ(process->reason(), "it ended with 9");
}

}  // namespace
}  // namespace picket::apps::gateway::process

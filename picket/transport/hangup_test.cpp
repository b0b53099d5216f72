#include "picket/transport/hangup.hpp"

#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::transport {
namespace {

using std::chrono::milliseconds;

/// Both ends of a TCP connection over loopback.
struct Pair {
  Pair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener, 1);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    theirs = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(theirs, reinterpret_cast<sockaddr*>(&address), size), 0);
    ours = ::accept(listener, nullptr, nullptr);
    ::close(listener);
  }
  ~Pair() {
    ::close(ours);
    leave();
  }
  void send(std::string_view text) const { EXPECT_EQ(::send(theirs, text.data(), text.size(), 0), std::ssize(text)); }
  void leave() {
    if (theirs >= 0) ::close(theirs);
    theirs = -1;
  }
  void reset() {
    const linger none{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(theirs, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    leave();
  }
  int ours = -1;
  int theirs = -1;
};

class HangupTest : public ::testing::Test {
 protected:
  HangupTest() {
    watch_.emplace(monitor_, [this](Hangup hangup) { heard_.push_back(hangup); });
  }
  void play(milliseconds time = milliseconds{30}) {
    const auto until = base::Clock::now() + time;
    while (base::Clock::now() < until) {
      worker_.turn(until);
      ++turns_;
    }
  }

  Worker worker_{{.busy_polling = false}};
  HangupMonitor monitor_{worker_};
  Pair pair_;
  std::vector<Hangup> heard_;
  std::optional<HangupWatch> watch_;
  int turns_ = 0;
};

TEST_F(HangupTest, BytesThatNobodyReadsAreNoHangupAndWakeNobody) {
  watch_->start(pair_.ours);
  pair_.send("unread");
  play();
  EXPECT_TRUE(heard_.empty());
  EXPECT_LE(turns_, 3);
}

TEST_F(HangupTest, AnEndOfStreamIsHeardBehindUnreadBytesAndOnce) {
  watch_->start(pair_.ours);
  pair_.send("unread");
  ::shutdown(pair_.theirs, SHUT_WR);
  play();
  EXPECT_EQ(heard_, std::vector{Hangup::end_of_stream});
  EXPECT_LE(turns_, 5);
}

TEST_F(HangupTest, AResetIsHeardAfterAnEndOfStreamToo) {
  watch_->start(pair_.ours);
  ::shutdown(pair_.theirs, SHUT_WR);
  play();
  pair_.reset();
  play();
  EXPECT_EQ(heard_, (std::vector{Hangup::end_of_stream, Hangup::reset}));
}

TEST_F(HangupTest, WhoLeftBeforeTheWatchBeganIsHeard) {
  pair_.send("unread");
  pair_.reset();
  watch_->start(pair_.ours);
  play();
  EXPECT_EQ(heard_, std::vector{Hangup::reset});
}

TEST_F(HangupTest, AStoppedWatchHearsNothing) {
  watch_->start(pair_.ours);
  watch_->stop(true);
  pair_.reset();
  play();
  EXPECT_TRUE(heard_.empty());
}

TEST_F(HangupTest, AWatchThatIsDestroyedWhileItIsStartedLeavesNothingToBeTold) {
  watch_->start(pair_.ours);
  watch_.reset();
  bool another_heard = false;
  watch_.emplace(monitor_, [&](Hangup) { another_heard = true; });  // where the first one was
  pair_.reset();
  play();
  EXPECT_FALSE(another_heard);
  EXPECT_TRUE(heard_.empty());
}

TEST_F(HangupTest, AWatchThatIsStartedAnewListensToTheNewPeerOnly) {
  Pair other;
  watch_->start(pair_.ours);
  watch_->start(other.ours);
  pair_.reset();
  play();
  EXPECT_TRUE(heard_.empty());
  other.reset();
  play();
  EXPECT_EQ(heard_, std::vector{Hangup::reset});
}

TEST_F(HangupTest, AWatchThatIsDestroyedByAnotherOfTheSameTurnHearsNothing) {
  Pair other;
  std::optional<HangupWatch> second;
  bool second_heard = false;
  HangupWatch first{monitor_, [&](Hangup) { second.reset(); }};
  second.emplace(monitor_, [&](Hangup) {
    second_heard = true;
    first.stop(true);
  });
  first.start(pair_.ours);
  second->start(other.ours);
  pair_.leave();
  other.leave();
  play();
  EXPECT_FALSE(second_heard && !second);
}

}  // namespace
}  // namespace picket::transport

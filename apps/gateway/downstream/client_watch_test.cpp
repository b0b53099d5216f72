#include "apps/gateway/downstream/client_watch.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"

namespace picket::apps::gateway::downstream {
namespace {

using namespace std::chrono_literals;
using testing::Pair;
using testing::turn_for;
using testing::turn_until;

constexpr base::Duration beyond_patience = 40ms;
constexpr base::Duration forever = 1h;

/// A client that is watched, and how often it was said to be gone.
class Watched : public ::testing::Test {
 protected:
  /// `half_closed`: how long its answer may stand still after it has ended its side.
  void watch(base::Duration half_closed) {
    watch_.emplace(monitor_, client_.stream, half_closed, [this] {
      EXPECT_FALSE(is_within_call_);
      ++gone_;
    });
    start();
  }
  void start() { call(&ClientWatch::start); }
  void call(void (ClientWatch::*what)()) {
    is_within_call_ = true;
    ((*watch_).*what)();
    is_within_call_ = false;
  }
  bool is_gone() {
    return turn_until(worker_, [this] { return gone_ != 0; });
  }

  transport::Worker worker_;
  transport::HangupMonitor monitor_{worker_};
  Pair client_ = Pair::tcp(worker_);
  int gone_ = 0;
  bool is_within_call_ = false;
  std::optional<ClientWatch> watch_;
};

TEST_F(Watched, WhoResetsIsGone) {
  watch(forever);
  client_.far.reset();
  EXPECT_TRUE(is_gone());
}

TEST_F(Watched, WhoStaysIsNotGoneWhateverItSends) {
  watch(0ms);
  client_.send("GET /next HTTP/1.1\r\n\r\n");
  turn_for(worker_, beyond_patience);
  EXPECT_EQ(gone_, 0);
}

TEST_F(Watched, WhoResetsBehindUnreadBytesIsGone) {
  watch(forever);
  client_.send("GET /next HTTP/1.1\r\n\r\n");
  turn_for(worker_, beyond_patience);
  client_.far.reset();
  EXPECT_TRUE(is_gone());
}

TEST_F(Watched, WhoEndsItsSideIsGoneWhereThatHasNoTime) {
  watch(0ms);
  client_.far.shutdown_write();
  EXPECT_TRUE(is_gone());
}

TEST_F(Watched, WhoEndsItsSideIsGoneOnceTheAnswerHasStoodStillForItsTime) {
  watch(beyond_patience);
  client_.far.shutdown_write();
  const base::TimePoint ended = base::Clock::now();
  EXPECT_TRUE(is_gone());
  EXPECT_GE(base::Clock::now() - ended, beyond_patience);
}

TEST_F(Watched, WhoEndsItsSideAndWaitsIsNotGone) {
  watch(forever);
  client_.far.shutdown_write();
  turn_for(worker_, beyond_patience);
  watch_->answer_moves();
  EXPECT_EQ(gone_, 0);
  client_.far.reset();
  EXPECT_TRUE(is_gone());
}

TEST_F(Watched, AnAnswerThatMovesGivesAnEndItsTimeAnew) {
  constexpr base::Duration half_closed = 200ms;
  watch(half_closed);
  client_.far.shutdown_write();
  turn_for(worker_, half_closed / 2);
  if (gone_ != 0) GTEST_SKIP() << "this machine stood still";
  watch_->answer_moves();
  start();
  const base::TimePoint moved = worker_.now();
  EXPECT_TRUE(is_gone());
  EXPECT_GE(base::Clock::now() - moved, half_closed);
}

TEST_F(Watched, WhoLeavesWhileItIsNotWatchedIsGoneAtTheNextStart) {
  watch(forever);
  turn_for(worker_, beyond_patience);
  watch_->stop();
  client_.far.reset();
  turn_for(worker_, beyond_patience);
  EXPECT_EQ(gone_, 0) << "somebody else is busy with the client, and will notice";
  start();
  EXPECT_TRUE(is_gone());
}

TEST_F(Watched, WhileItIsWrittenToAnEndCountsWhereItHasNoTime) {
  watch(0ms);
  turn_for(worker_, beyond_patience);
  watch_->stop();
  call(&ClientWatch::start_writing);
  client_.far.shutdown_write();
  EXPECT_TRUE(is_gone());
}

TEST_F(Watched, WhileItIsWrittenToAnEndThatHasTimeDoesNotCount) {
  watch(beyond_patience);
  turn_for(worker_, beyond_patience);
  watch_->stop();
  call(&ClientWatch::start_writing);
  client_.far.shutdown_write();
  turn_for(worker_, 3 * beyond_patience);
  EXPECT_EQ(gone_, 0) << "the write has its own deadline";
}

}  // namespace
}  // namespace picket::apps::gateway::downstream

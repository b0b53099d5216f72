#include "apps/gateway/http1/input_watch.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"

namespace picket::apps::gateway::http1 {
namespace {

using namespace std::chrono_literals;
using testing::Pair;
using testing::run;
using testing::turn_for;
using testing::turn_until;

/// A stream that is watched, and what was read from it by whoever was told.
class Watching : public ::testing::Test {
 protected:
  bool take() {
    ++told_;
    char bytes[100];
    const auto size = pair_.stream.read_now(bytes);
    if (size) read_.append(bytes, *size);
    return goes_on_;
  }

  transport::Worker worker_;
  Pair pair_{worker_};
  int told_ = 0;
  bool goes_on_ = true;
  std::string read_;
  std::optional<InputWatch> watch_{std::in_place, pair_.stream, [this] { return take(); }};
};

TEST_F(Watching, TellsOfInputThatCameBeforeAndOfWhatFollows) {
  pair_.send("abc");
  watch_->start();
  EXPECT_TRUE(turn_until(worker_, [&] { return read_ == "abc"; }));
  pair_.send("de");
  EXPECT_TRUE(turn_until(worker_, [&] { return read_ == "abcde"; }));
}

TEST_F(Watching, TellsOfTheEnd) {
  watch_->start_at_once();
  goes_on_ = false;
  pair_.close();
  EXPECT_TRUE(turn_until(worker_, [&] { return told_ == 1; }));
}

TEST_F(Watching, EndsWhereWhoWasToldWantsNoMore) {
  goes_on_ = false;
  watch_->start_at_once();
  pair_.send("abc");
  EXPECT_TRUE(turn_until(worker_, [&] { return told_ == 1; }));
  pair_.send("de");
  turn_for(worker_, 5ms);
  EXPECT_EQ(told_, 1);
  watch_->start_at_once();
  EXPECT_TRUE(turn_until(worker_, [&] { return read_ == "abcde"; })) << "and can begin again";
}

TEST_F(Watching, TellsNothingOnceItIsStoppedAndTheStreamIsReadAsEver) {
  watch_->start_at_once();
  worker_.turn(worker_.now());
  watch_->stop();
  pair_.send("abc");
  turn_for(worker_, 5ms);
  EXPECT_EQ(told_, 0);
  const auto read = [this]() -> transport::Task<std::string> {
    std::string memory(10, '\0');
    const std::span<char> into{memory};
    const base::Deadline deadline{base::Clock::now() + 20s};
    const auto size = co_await pair_.stream.read_some(into, deadline);
    memory.resize(size.value_or(0));
    co_return memory;
  };
  EXPECT_EQ(run(worker_, read()), "abc");
}

/// The reactor has ended the wait by then, and will call it.
TEST_F(Watching, IsStoppedByWhoeverRunsBeforeTheWaitThatHasEnded) {
  watch_->start_at_once();
  worker_.turn(worker_.now());
  worker_.post([this] { watch_->stop(); });
  pair_.send("abc");
  turn_for(worker_, 5ms);
  const int before = told_;
  pair_.send("de");
  turn_for(worker_, 5ms);
  EXPECT_EQ(told_, before);
}

TEST_F(Watching, MayGoWhileItWaits) {
  watch_->start_at_once();
  worker_.turn(worker_.now());
  pair_.send("abc");
  watch_.reset();
  turn_for(worker_, 5ms);
  EXPECT_EQ(told_, 0);
}

TEST_F(Watching, StoppedAndStartedInOneTurnTellsOnce) {
  goes_on_ = false;
  watch_->start_at_once();
  worker_.turn(worker_.now());
  pair_.send("abc");
  watch_->stop();
  watch_->start_at_once();
  EXPECT_TRUE(turn_until(worker_, [&] { return read_ == "abc"; }));
  turn_for(worker_, 5ms);
  EXPECT_EQ(told_, 1);
}

}  // namespace
}  // namespace picket::apps::gateway::http1

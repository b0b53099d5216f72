#include <atomic>
#include <condition_variable>
#include <mutex>

#include "picket/agent/testing/played_proxy.hpp"

/// Execution::handed_over: evaluations that take long, on threads that share one loop.
namespace picket::agent {
namespace {

using testing::eventually;
using testing::extended;
using testing::PlayedProxy;

/// Something that a test opens.
class Gate {
 public:
  void open() {
    const std::lock_guard lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  void close() {
    const std::lock_guard lock{mutex_};
    open_ = false;
  }
  /// False where nobody ever opens it.
  bool pass() {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, transport::testing::patience, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

struct Shared {
  Gate gate;
  std::atomic<int> evaluating{0};  ///< Events with "/slow" that are being evaluated.
  std::atomic<int> evaluated{0};
  std::atomic<int> overlaps{0};  ///< Events of one exchange that met.
  std::atomic<int> cancels{0};
  std::atomic<int> states{0};
};

struct State {
  explicit State(Shared& counts) : shared(counts) { ++shared.states; }
  ~State() { --shared.states; }
  Shared& shared;
  std::atomic<int> inside{0};
  std::string seen;
};

class Slow final : public HandlerWith<std::shared_ptr<State>> {
 public:
  explicit Slow(Shared& shared) : shared_(shared) {}
  [[nodiscard]] Info info() const override { return testing::under_test(); }

  Reply on_request_headers(const RequestHeaders& event, Context& context) override {
    auto& state = state_of(context);
    if (state.inside++ != 0) ++shared_.overlaps;
    if (event.uri == "/slow") {
      ++shared_.evaluating;
      EXPECT_TRUE(shared_.gate.pass());
      --shared_.evaluating;
    }
    ++shared_.evaluated;
    --state.inside;
    if (event.uri == "/defer") return context.defer().deferred();
    if (event.uri == "/unanswered") return Unanswered{};
    return Decision::allow();
  }
  Reply on_request_body(const RequestBodyChunk& event, Context& context) override {
    auto& state = state_of(context);
    if (state.inside++ != 0) ++shared_.overlaps;
    state.seen += base::as_text(event.data);
    ++shared_.evaluated;
    --state.inside;
    return Decision::allow().tag(state.seen);
  }
  void on_cancel(Context& context) override {
    auto* const held = context.existing_state();
    if (held != nullptr && *held && (*held)->inside != 0) ++shared_.overlaps;
    ++shared_.cancels;
  }

 private:
  State& state_of(Context& context) {
    auto& held = context.state();
    if (!held) held = std::make_shared<State>(shared_);
    return *held;
  }
  Shared& shared_;
};

class HandedOver : public testing::ServerTest {
 protected:
  void serve_slow(std::uint32_t threads) {
    serve([this] { return std::make_unique<Slow>(shared_); },
          {.threads = threads, .execution = Execution::handed_over, .drain_timeout = std::chrono::milliseconds{100}});
  }
  void TearDown() override {
    shared_.gate.open();
    testing::ServerTest::TearDown();
  }
  Shared shared_;
};

TEST_F(HandedOver, LongEvaluationStallsNoOtherExchangeOfItsConnection) {
  serve_slow(2);
  PlayedProxy proxy{endpoint()};
  proxy.headers("slow", "/slow");
  for (int i = 0; i < 50; ++i) {
    proxy.headers("quick" + std::to_string(i));
    EXPECT_EQ(proxy.answered(), "quick" + std::to_string(i));
  }
  shared_.gate.open();
  EXPECT_EQ(proxy.answered(), "slow");
}

TEST_F(HandedOver, PingsAreAnsweredWhileEveryThreadEvaluates) {
  for (const std::uint32_t threads : {1U, 2U}) {
    SCOPED_TRACE(threads);
    serve_slow(threads);
    PlayedProxy proxy{endpoint()};
    for (std::uint32_t i = 0; i < threads + 2; ++i) proxy.headers("slow" + std::to_string(i), "/slow");
    ASSERT_TRUE(eventually([&] { return shared_.evaluating == static_cast<int>(threads); }));
    proxy.settle();
    PlayedProxy late{endpoint()};  // a new connection is served as well
    late.settle();
    EXPECT_EQ(shared_.evaluating, static_cast<int>(threads));
    shared_.gate.open();
    for (std::uint32_t i = 0; i < threads + 2; ++i) EXPECT_NE(proxy.answered(), "");
    shared_.gate.close();
  }
}

TEST_F(HandedOver, WhatACancelNamesIsDroppedWhileEveryThreadEvaluates) {
  serve_slow(2);
  PlayedProxy proxy{endpoint()};
  for (const char* id : {"slow1", "slow2"}) proxy.headers(id, "/slow");
  ASSERT_TRUE(eventually([&] { return shared_.evaluating == 2; }));
  for (int i = 0; i < 20; ++i) proxy.headers("unwanted" + std::to_string(i));
  for (int i = 0; i < 20; ++i) proxy.cancel("unwanted" + std::to_string(i));
  proxy.settle();
  shared_.gate.open();
  EXPECT_TRUE(eventually([&] { return shared_.cancels == 20 && shared_.evaluating == 0; }));
  EXPECT_LE(shared_.evaluated, 2) << "only what was under way";
}

TEST_F(HandedOver, EventsThatCameWhileAllThreadsWereBusyAreEvaluatedAfterwards) {
  serve_slow(1);
  PlayedProxy proxy{endpoint()};
  proxy.headers("slow", "/slow");
  ASSERT_TRUE(eventually([&] { return shared_.evaluating == 1; }));
  proxy.headers("waits");
  shared_.gate.open();
  EXPECT_EQ(proxy.answered(), "slow");
  EXPECT_EQ(proxy.answered(), "waits");
}

TEST_F(HandedOver, EventsOfOneExchangeComeOneAtATimeInOrder) {
  serve_slow(4);
  PlayedProxy proxy{endpoint(), extended};
  std::string expected;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::string letter(1, static_cast<char>('a' + i % 26));
    proxy.body("1", letter, i, false);
    expected += letter;
  }
  std::string last;
  for (int i = 0; i < 200; ++i) last = proxy.answer().audit.tags[0];
  EXPECT_EQ(last, expected);
  EXPECT_EQ(shared_.overlaps, 0);
}

TEST_F(HandedOver, WhatWasCancelledBeforeItStartedIsNotEvaluated) {
  serve_slow(1);
  PlayedProxy proxy{endpoint()};
  proxy.headers("slow", "/slow");
  ASSERT_TRUE(eventually([&] { return shared_.evaluating == 1; }));
  proxy.headers("unwanted");
  proxy.cancel("unwanted");
  proxy.settle();  // the cancel was read
  shared_.gate.open();
  EXPECT_EQ(proxy.answered(), "slow");
  EXPECT_TRUE(eventually([&] { return shared_.cancels == 1; }));
  EXPECT_EQ(shared_.evaluated, 1);
}

TEST_F(HandedOver, CancelWaitsForTheEvaluationUnderWayAndDropsItsAnswer) {
  serve_slow(2);
  PlayedProxy proxy{endpoint()};
  proxy.headers("slow", "/slow");
  ASSERT_TRUE(eventually([&] { return shared_.evaluating == 1; }));
  proxy.cancel("slow");
  proxy.headers("next");
  EXPECT_EQ(proxy.answered(), "next");
  EXPECT_EQ(shared_.cancels, 0);
  shared_.gate.open();
  EXPECT_TRUE(eventually([&] { return shared_.cancels == 1; }));
  proxy.settle();  // nothing but the pong
  EXPECT_EQ(shared_.overlaps, 0);
}

TEST_F(HandedOver, DisconnectDuringAnEvaluationFreesItsStateAfterwards) {
  serve_slow(2);
  {
    PlayedProxy proxy{endpoint()};
    proxy.headers("slow", "/slow");
    ASSERT_TRUE(eventually([&] { return shared_.evaluating == 1; }));
  }
  ASSERT_TRUE(eventually([&] { return server_->connections() == 0; }));
  EXPECT_EQ(shared_.states, 1);
  shared_.gate.open();
  EXPECT_TRUE(eventually([&] { return shared_.states == 0; }));
  EXPECT_TRUE(eventually([&] { return shared_.cancels == 1; }));
}

TEST_F(HandedOver, AnEventLeftUnansweredLetsTheNextEventOfItsExchangeCome) {
  serve_slow(2);
  for (const char* uri : {"/defer", "/unanswered"}) {
    PlayedProxy proxy{endpoint(), extended};
    proxy.headers("1", uri);
    proxy.body("1", "x");
    EXPECT_EQ(proxy.answer().audit.tags[0], "x");
  }
}

TEST_F(HandedOver, CompleteFreesTheState) {
  serve_slow(2);
  PlayedProxy proxy{endpoint()};
  for (int i = 0; i < 20; ++i) {
    proxy.headers("1");
    EXPECT_EQ(proxy.answered(), "1");
    proxy.complete("1");
    EXPECT_EQ(proxy.answered(), "1");
  }
  EXPECT_TRUE(eventually([&] { return shared_.states == 0; }));
  EXPECT_EQ(shared_.cancels, 0);
}

TEST_F(HandedOver, AOneWayCompletionFreesTheStateAndIsNotAnswered) {
  serve_slow(2);
  PlayedProxy proxy{endpoint(), testing::plain, testing::Completes::one_way};
  for (int i = 0; i < 20; ++i) {
    proxy.headers("1");
    EXPECT_EQ(proxy.answered(), "1");
    proxy.complete("1");
  }
  EXPECT_TRUE(eventually([&] { return shared_.states == 0; }));
  EXPECT_EQ(shared_.cancels, 0);
  proxy.settle();  // the pong is the next frame
}

}  // namespace
}  // namespace picket::agent

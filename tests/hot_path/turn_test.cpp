#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "bench/both_ends.hpp"
#include "picket/session/linger.hpp"
#include "picket/transport/testing.hpp"
#include "tests/hot_path/interposed.hpp"
#include "tests/hot_path/ways.hpp"

/// What one turn of the loop costs beside the events in it. Both ends of the connections are on this thread, so the
/// figures are of proxy and agent together.
namespace picket::tests {
namespace {

/// Exchanges that all ask at once, between two turns.
class Round {
 public:
  Round(bench::BothEnds& ends, std::size_t count) : ends_(ends), all_(count) {
    for (auto& one : all_) {
      one.id = ends.worker().ids().mint();
      one.exchange.emplace(ends.pool().begin(ends.agent(), one.id));
    }
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() = default;

  void ask_heads() {
    for (auto& one : all_)
      one.call.emplace(*one.exchange, &one.head, wire::EventKind::request_headers, base::Deadline{});
  }
  void ask_bodies(base::ByteView data) {
    for (auto& one : all_) {
      one.chunk.data = data;
      one.call.emplace(*one.exchange, &one.chunk, wire::EventKind::request_body_chunk, base::Deadline{});
    }
  }
  /// Turns until all are answered; calls `watch(turn)` in place of each turn.
  template <class Watch>
  void turn(Watch watch) {
    while (!std::ranges::all_of(all_, [](const auto& one) { return one.call->done(); })) watch([&] { turn_once(); });
    for (const auto& one : all_) EXPECT_TRUE(one.call->result());
  }
  void turn() {
    turn([](auto once) { once(); });
  }

 private:
  struct One {
    base::MintedId id;
    wire::RequestHeaders head{
        .metadata = {.request_id = "r", .client_ip = "192.0.2.1", .protocol = "HTTP/1.1"}, .method = "GET", .uri = "/"};
    wire::RequestBodyChunk chunk{.is_last = true};
    std::optional<pool::Exchange> exchange;
    std::optional<pool::Call> call;
  };
  void turn_once() { ends_.worker().turn(base::TimePoint::max()); }

  bench::BothEnds& ends_;
  std::deque<One> all_;
};

/// The most that one turn asked for, over some rounds of `count` events each.
Calls most_of_a_turn(bench::BothEnds& ends, std::size_t count) {
  Calls most;                    // locks are judged here
  for (int i = 0; i < 3; ++i) {  // what connecting left to do, such as tickets of TLS, is over
    Round round{ends, count};
    round.ask_heads();
    round.turn();
  }
  for (int i = 0; i < 20; ++i) {
    Round round{ends, count};
    round.ask_heads();
    round.turn([&](auto once) {
      const Calls before = calls();
      once();
      const Calls after = calls();
      most.clock_reads = std::max(most.clock_reads, after.clock_reads - before.clock_reads);
      EXPECT_EQ(after.locks - before.locks, 0U) << "with " << count << " events";
      most.reads = std::max(most.reads, after.reads - before.reads);
    });
  }
  return most;
}

class Turn : public ::testing::TestWithParam<Way> {};

TEST(Interposed, SeesClockAndLocks) {
  const Calls before = calls();
  (void)base::Clock::now();
  std::mutex mutex;
  mutex.lock();
  mutex.unlock();
  EXPECT_EQ(calls().clock_reads - before.clock_reads, 1U);
  EXPECT_EQ(calls().locks - before.locks, 1U);
}

TEST_P(Turn, ReadsTheClockOnceHoweverManyEventsItHas) {
  bench::BothEnds ends{GetParam().between()};
  // One for who is woken; the other before it, for how long to sleep until the next timer.
  constexpr std::size_t timed = 2;  // of one event in 1,024 the writing is timed
  EXPECT_LE(most_of_a_turn(ends, 1).clock_reads, 2U + timed);
  EXPECT_LE(most_of_a_turn(ends, 64).clock_reads, 2U + timed);
}

TEST_P(Turn, TakesNoLockForAnEvent) {
  bench::BothEnds ends{GetParam().between()};
  (void)most_of_a_turn(ends, 1);
  EXPECT_LT(most_of_a_turn(ends, 64).reads, 16U) << "too many for the bound to tell locks of events";
}

TEST_P(Turn, AsksTheKernelForNoMoreThanWhatCame) {
  bench::BothEnds ends{GetParam().between()};
  (void)most_of_a_turn(ends, 1);
  const Calls before = calls();
  for (int i = 0; i < 20; ++i) {
    Round round{ends, 1};
    round.ask_heads();
    round.turn();
  }
  EXPECT_EQ(calls().arms - before.arms, 0U);
}

TEST_P(Turn, LeavesAskingWithoutLockAndWithOneClockRead) {
  bench::BothEnds ends{GetParam().between()};
  for (int i = 0; i < 3; ++i) {
    const Calls before = calls();
    Round round{ends, 64};
    round.ask_heads();
    EXPECT_EQ(calls().locks - before.locks, 0U);
    EXPECT_EQ(calls().writes - before.writes, 0U);
    EXPECT_LE(calls().clock_reads - before.clock_reads, 1U);  // the first of what would be a turn
    round.turn();
  }
}

/// What one connection's end has moved.
struct Moved {
  std::size_t writes = 0, reads = 0;
  std::size_t written = 0, read = 0;  // bytes
  bool asks = false;                  // written to before it was read from

  /// One write for the questions of a turn, and one for the answers to what one read has brought. TLS encrypts 64 KiB
  /// in one go, and of what one read of the socket brings it hands on so much at once as a link asks for.
  [[nodiscard]] std::size_t most_writes(bool is_tls) const {
    constexpr std::size_t sealed_at_once = std::size_t{64} * 1024;
    constexpr std::size_t handed_on_at_once = std::size_t{4} * 1024;
    if (!is_tls) return asks ? 1 : reads;
    return asks ? 1 + written / sealed_at_once : reads + read / handed_on_at_once;
  }
  void add(const Transfer& transfer) {
    asks |= transfer.write && reads == 0;
    ++(transfer.write ? writes : reads);
    for (const iovec& part : transfer.parts) (transfer.write ? written : read) += part.iov_len;
  }
};

/// The questions of one turn leave in one write per connection; the answers in one per read of them.
template <class Ask>
void expect_few_writes(const Way& way, bench::BothEnds& ends, std::size_t count, Ask ask) {
  // Completions of the round before leave first: each waits for company for a while.
  for (bool quiet = false; !quiet;) {
    const Calls before = calls();
    transport::testing::turn_for(ends.worker(), 2 * session::Linger::longest);
    quiet = calls().writes == before.writes && calls().reads == before.reads;
  }
  Round round{ends, count};
  ask(round);
  Recording recording;
  round.turn();
  std::map<int, Moved> sockets;
  for (const Transfer& transfer : recording.end()) sockets[transfer.descriptor].add(transfer);
  EXPECT_EQ(std::ranges::count_if(sockets, [](const auto& one) { return one.second.asks; }) * 2, sockets.size());
  for (const auto& [descriptor, socket] : sockets)
    EXPECT_LE(socket.writes, socket.most_writes(way.is_tls())) << "descriptor " << descriptor;
}

TEST_P(Turn, WritesOncePerTurnOrReadHoweverManyEventsItHas) {
  for (const std::uint32_t connections : {1U, 4U}) {
    bench::BothEnds ends{GetParam().between(connections)};
    for (const std::size_t count : {1, 64}) {
      expect_few_writes(GetParam(), ends, count, [](Round& round) { round.ask_heads(); });
      expect_few_writes(GetParam(), ends, count, [](Round& round) { round.ask_heads(); });
    }
  }
}

TEST_P(Turn, WritesBodiesOfManyExchangesTogether) {
  bench::BothEnds ends{GetParam().between()};
  const std::string body(4096, 'b');
  expect_few_writes(GetParam(), ends, 16, [&](Round& round) { round.ask_bodies(base::as_bytes(body)); });
}

TEST_P(Turn, AnswersAHeadAlongWithTheBodyBehindItThatOneReadDoesNotHold) {
  bench::BothEnds ends{GetParam().between()};
  const std::string body(9000, 'b');
  {
    const base::MintedId id = ends.worker().ids().mint();
    pool::Exchange exchange = ends.pool().begin(ends.agent(), id);
    wire::RequestHeaders head{.metadata = {.client_ip = "192.0.2.1"}, .method = "POST", .uri = "/"};
    wire::RequestBodyChunk chunk{.data = base::as_bytes(body), .is_last = true};
    Recording recording;
    const pool::Call of_head = exchange.request_headers(head);
    const pool::Call of_body = exchange.request_body(chunk);
    ends.turn_until([&] { return of_head.done() && of_body.done(); });
    EXPECT_TRUE(of_head.result() && of_body.result());
    EXPECT_EQ(std::ranges::count_if(recording.end(), &Transfer::write), 2) << "one of questions, one of answers";
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, Turn, ::testing::ValuesIn(ways), [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace picket::tests

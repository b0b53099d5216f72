#include "apps/gateway/logs/line_queue.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace picket::apps::gateway::logs {
namespace {

std::string drained(LineQueue& queue) {
  std::string out;
  queue.drain(out);
  return out;
}

TEST(LineQueue, LinesComeOutInOrderEachWithItsLineFeed) {
  LineQueue queue{64};
  EXPECT_TRUE(queue.push("one"));
  EXPECT_TRUE(queue.push(""));
  EXPECT_TRUE(queue.push("three"));
  std::string out = "before|";
  EXPECT_TRUE(queue.drain(out));
  EXPECT_EQ(out, "before|one\n\nthree\n");
  EXPECT_FALSE(queue.drain(out));
  EXPECT_EQ(out, "before|one\n\nthree\n");
}

TEST(LineQueue, LinesAreWholeWhereverTheRingWrapsAround) {
  LineQueue queue{17};
  for (int i = 0; i < 1000; ++i) {
    const std::string line(static_cast<std::size_t>(i) % 16, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(queue.push(line)) << i;
    ASSERT_EQ(drained(queue), line + "\n") << i;
  }
  EXPECT_EQ(queue.dropped(), 0U);
}

TEST(LineQueue, ALineThatDoesNotFitIsDroppedWholeAndCounted) {
  LineQueue queue{8};
  EXPECT_TRUE(queue.push("1234"));  // 5 of 8 bytes
  EXPECT_FALSE(queue.push("567"));  // 4 more do not fit
  EXPECT_TRUE(queue.push("56"));    // 3 do
  EXPECT_FALSE(queue.push(""));     // full
  EXPECT_EQ(queue.dropped(), 2U);
  EXPECT_EQ(drained(queue), "1234\n56\n");
  EXPECT_TRUE(queue.push("7654321")) << "exactly the capacity";
  EXPECT_FALSE(queue.push("87654321")) << "never";
  EXPECT_EQ(drained(queue), "7654321\n");
}

TEST(LineQueue, OneThreadPushesWhileAnotherDrains) {
  constexpr std::uint64_t lines = 200'000;
  LineQueue queue{4096};
  std::uint64_t pushed = 0;
  std::atomic<bool> over{false};
  std::thread writer{[&] {
    for (std::uint64_t i = 0; i < lines; ++i)
      if (queue.push(std::to_string(i) + std::string(i % 50, '.'))) ++pushed;
    over.store(true, std::memory_order_release);
  }};
  std::string all;
  while (!over.load(std::memory_order_acquire)) queue.drain(all);
  writer.join();
  queue.drain(all);

  // Every line whole, in order, none twice; what is missing was counted.
  std::uint64_t seen = 0;
  std::int64_t last = -1;
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    ASSERT_NE(end, std::string_view::npos);
    const std::string line{rest.substr(0, end)};
    rest.remove_prefix(end + 1);
    const std::int64_t number = std::stoll(line);
    ASSERT_GT(number, last);
    ASSERT_EQ(line, std::to_string(number) + std::string(static_cast<std::size_t>(number % 50), '.'));
    last = number;
    ++seen;
  }
  EXPECT_EQ(seen, pushed);
  EXPECT_EQ(seen + queue.dropped(), lines);
  EXPECT_GT(seen, 0U);
}

}  // namespace
}  // namespace picket::apps::gateway::logs

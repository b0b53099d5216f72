#include "picket/base/buffer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(Buffer, WrittenBytesCountOnlyAfterCommit) {
  Buffer buffer;
  std::memcpy(buffer.prepare(3), "abc", 3);
  EXPECT_TRUE(buffer.empty());
  buffer.commit(2);
  EXPECT_EQ(buffer.text(), "ab");
}

TEST(Buffer, InterleavedAppendAndConsumeKeepOrderWithoutGrowingForEver) {
  Buffer buffer;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = std::to_string(i) + ",";
    buffer.append(text);
    expected += text;
    if (expected.size() > 300) {
      EXPECT_EQ(buffer.text().substr(0, 200), expected.substr(0, 200));
      buffer.consume(200);
      expected.erase(0, 200);
    }
  }
  EXPECT_EQ(buffer.text(), expected);
  EXPECT_LE(buffer.capacity(), 4096U);
}

TEST(Buffer, PaddingBehindTheContentIsReadable) {
  Buffer buffer;
  for (std::size_t size = 1; size < 600; ++size) {
    buffer.append('x');
    volatile char last = buffer.data()[buffer.size() + limits::tail_padding - 1];
    (void)last;
  }
  EXPECT_EQ(buffer.size(), 599U);
}

TEST(Buffer, ReleaseGivesTheMemoryBack) {
  Buffer buffer;
  buffer.append("content");
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.append("again");
  EXPECT_EQ(buffer.text(), "again");
}

}  // namespace
}  // namespace picket::base

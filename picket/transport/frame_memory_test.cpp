#include "picket/transport/frame_memory.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace picket::transport::internal {
namespace {

TEST(FrameMemory, TheNextFrameOfItsSizeGetsTheMemoryOfOneThatEnded) {
  FrameMemory memory;
  void* const first = memory.take(200);
  memory.give(first, 200);
  void* const next = memory.take(250);  // both take 256
  EXPECT_EQ(next, first);
  memory.give(next, 250);
}

TEST(FrameMemory, AFrameOfAnotherSizeGetsMemoryOfItsOwn) {
  FrameMemory memory;
  void* const first = memory.take(200);
  memory.give(first, 200);
  void* const other = memory.take(257);
  EXPECT_NE(other, first);
  memory.give(other, 257);
}

TEST(FrameMemory, FramesInUseAreApart) {
  FrameMemory memory;
  memory.give(memory.take(100), 100);
  void* const one = memory.take(100);
  void* const two = memory.take(100);
  EXPECT_NE(one, two);
  memory.give(one, 100);
  memory.give(two, 100);
}

TEST(FrameMemory, OfMoreFramesThanAreKeptTheFirstOnesAreUsedAgain) {
  FrameMemory memory;
  for (const std::size_t size : {std::size_t{1}, FrameMemory::largest}) {
    std::vector<void*> frames;
    for (std::size_t i = 0; i < FrameMemory::kept + 10; ++i) frames.push_back(memory.take(size));
    for (void* const frame : frames) memory.give(frame, size);
    for (std::size_t i = FrameMemory::kept; i != 0; --i) {
      void* const again = memory.take(size);
      EXPECT_EQ(again, frames[i - 1]);
      frames.push_back(again);
    }
    for (std::size_t i = 0; i < FrameMemory::kept; ++i) memory.give(frames[FrameMemory::kept + 10 + i], size);
  }
}

TEST(FrameMemory, AFrameThatIsTooLargeToBeKeptComesFromTheSystem) {
  FrameMemory memory;
  constexpr std::size_t size = FrameMemory::largest + 1;
  void* const first = memory.take(size);
  void* const second = memory.take(size);
  EXPECT_NE(first, second);
  memory.give(first, size);
  memory.give(second, size);
}

#if defined(__SANITIZE_ADDRESS__)
#define PICKET_TEST_HAS_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PICKET_TEST_HAS_ASAN
#endif
#endif
TEST(FrameMemoryDeathTest, TheUseOfAFrameThatEndedIsSeenByAddressSanitizer) {
#ifdef PICKET_TEST_HAS_ASAN
  FrameMemory memory;
  auto* const frame = static_cast<volatile char*>(memory.take(100));
  memory.give(const_cast<char*>(frame), 100);
  EXPECT_DEATH(frame[50] = 1, "use-after-poison");
#else
  GTEST_SKIP() << "this build has no AddressSanitizer";
#endif
}

}  // namespace
}  // namespace picket::transport::internal

#include "picket/transport/dialect_framing.hpp"

#include <random>

#include <gtest/gtest.h>

#include "picket/session/dialects/testing/dialect_end.hpp"

namespace picket::transport {
namespace {

using session::Dialect;
using session::testing::DialectEnd;
using session::testing::message;

TEST(UntypedFrames, ALengthAndWhatItCounts) {
  const std::string bytes = message("{}") + message("[1]");
  const auto first = peek_untyped_frame(bytes);
  ASSERT_TRUE(first && first->frame);
  EXPECT_EQ(first->frame->payload, "{}");
  EXPECT_EQ(first->needed, 6U);
}

TEST(UntypedFrames, WhatIsCutIsHeldAndWhatIsTooLargeIsRefused) {
  EXPECT_EQ(peek_untyped_frame({"\0\0\0\2{", 5})->needed, 6U);
  EXPECT_FALSE(peek_untyped_frame({"\0\0\0\2{", 5})->frame);
  EXPECT_EQ(peek_untyped_frame({"\0\0", 2})->needed, 4U);
  EXPECT_FALSE(peek_untyped_frame({"\0\0\0\0", 4}));
  EXPECT_FALSE(peek_untyped_frame({"\1\0\0\1", 4}));
}

TEST(FramesOfAnyType, AreTakenAsTheyAre) {
  const auto peek = peek_frame_of_any_type({"\0\0\0\3\xF1{}", 7});
  ASSERT_TRUE(peek && peek->frame);
  EXPECT_EQ(static_cast<unsigned>(peek->frame->type), 0xF1U);
  EXPECT_FALSE(peek_frame_of_any_type({"\0\0\0\0", 4}));
}

TEST(DialectFraming, EverySplitOfWhatComesIsTheSame) {
  const std::string said =
      message(R"({"version":2,"decision":{"block":{"status":403}}})") + message(R"({"version":2,"decision":"allow"})");
  for (std::size_t cut = 0; cut <= said.size(); ++cut) {
    DialectEnd end{Dialect::v1};
    ASSERT_TRUE(end.ask(end.one, 1));
    ASSERT_TRUE(end.ask(end.two, 2));
    (void)end.written();
    end.feed(std::string_view{said}.substr(0, 53));
    ASSERT_EQ(end.answered().size(), 1U);
    (void)end.written();
    const std::string_view rest = std::string_view{said}.substr(53);
    if (cut > rest.size()) break;
    end.feed(rest.substr(0, cut));
    std::size_t answers = end.answered().size();
    end.feed(rest.substr(cut));
    answers += end.answered().size();
    ASSERT_EQ(answers, 1U) << cut;
  }
}

TEST(DialectFraming, NoiseIsNobodysAnswer) {
  std::mt19937 random{7};
  for (int round = 0; round < 2000; ++round) {
    DialectEnd end{round % 2 == 0 ? Dialect::v1 : Dialect::site};
    std::string noise(random() % 64, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    if (noise.size() > 3 && round % 3 == 0) noise[0] = noise[1] = noise[2] = 0;
    end.feed(noise);
    (void)end.written();
    const bool is_open = end.conversation().session() != nullptr;
    EXPECT_TRUE(!is_open || end.answered().empty()) << round;
  }
}

}  // namespace
}  // namespace picket::transport

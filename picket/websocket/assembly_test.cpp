#include "picket/websocket/assembly.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/websocket/testing/bytes.hpp"

namespace picket::websocket {
namespace {

using testing::frame;
using testing::raw;

struct Outcome {
  std::vector<std::string> frames;  ///< "1 fin Hello"
  std::vector<std::string> sealed;
  std::optional<Breach> breach;
  [[nodiscard]] bool operator==(const Outcome&) const = default;
};

/// What comes of bytes that come in pieces of that size.
Outcome read_all(std::string bytes, std::size_t piece, std::size_t most = 1000, Sender sender = Sender::client) {
  Assembly assembly{sender, most};
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    std::span<char> part = std::span{bytes}.subspan(at, std::min(piece, bytes.size() - at));
    while (true) {
      const auto got = assembly.read(part);
      if (!got) {
        outcome.breach = got.error();
        return outcome;
      }
      if (!*got) break;
      const Frame& came = **got;
      outcome.frames.push_back(std::to_string(static_cast<int>(came.opcode)) + (came.fin ? " fin " : " ") +
                               std::string{base::as_text(came.payload)});
      if (!assembly.completes()) continue;
      outcome.sealed.emplace_back(assembly.seal(std::nullopt));
      if (assembly.has_message()) assembly.forget();
    }
    EXPECT_TRUE(part.empty());
  }
  return outcome;
}

/// The same, however the bytes come.
Outcome read_alike(const std::string& bytes, std::size_t most = 1000, Sender sender = Sender::client) {
  const Outcome whole = read_all(bytes, bytes.size() + 1, most, sender);
  for (const std::size_t piece : {1U, 2U, 3U, 7U}) EXPECT_EQ(read_all(bytes, piece, most, sender), whole) << piece;
  return whole;
}

TEST(Assembly, AMessageOfOneFrameGoesOnAsOne) {
  const Outcome got = read_alike(frame(Opcode::text, "Hello"));
  EXPECT_EQ(got.frames, (std::vector<std::string>{"1 fin Hello"}));
  EXPECT_EQ(got.sealed, (std::vector<std::string>{frame(Opcode::text, "Hello", true, {})}));
}

TEST(Assembly, FragmentsAreFramesOfTheirOwnAndGoOnAsOne) {
  const Outcome got = read_alike(frame(Opcode::text, "Hel", false) + frame(Opcode::continuation, "", false) +
                                 frame(Opcode::continuation, "lo"));
  EXPECT_EQ(got.frames, (std::vector<std::string>{"1 Hel", "0 ", "0 fin lo"}));
  EXPECT_EQ(got.sealed, (std::vector<std::string>{frame(Opcode::text, "Hello", true, {})}));
}

TEST(Assembly, AControlFrameBetweenFragmentsIsItsOwnAndLeavesTheMessageAsItIs) {
  const Outcome got = read_alike(frame(Opcode::binary, "one ", false) + frame(Opcode::ping, "are you there?") +
                                 frame(Opcode::continuation, "two"));
  EXPECT_EQ(got.frames, (std::vector<std::string>{"2 one ", "9 fin are you there?", "0 fin two"}));
  EXPECT_EQ(got.sealed, (std::vector<std::string>{frame(Opcode::ping, "are you there?", true, {}),
                                                  frame(Opcode::binary, "one two", true, {})}));
}

TEST(Assembly, WhatGoesToAServerIsMaskedAnew) {
  Assembly assembly{Sender::client, 1000};
  std::string bytes = frame(Opcode::binary, std::string(300, 'x'));
  std::span<char> rest{bytes};
  ASSERT_TRUE(assembly.read(rest).value());
  constexpr MaskKey other{1, 2, 3, 4};
  EXPECT_EQ(assembly.seal(other), frame(Opcode::binary, std::string(300, 'x'), true, other));
}

TEST(Assembly, MessagesOfAllLengthFormsGoThrough) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65'535U, 65'536U, 200'000U}) {
    const std::string payload(size, 'y');
    const Outcome got = read_all(frame(Opcode::binary, payload), 4096, 200'000);
    EXPECT_EQ(got.sealed, (std::vector<std::string>{frame(Opcode::binary, payload, true, {})})) << size;
  }
}

TEST(Assembly, AMessageOverTheLimitIsABreachByItsHead) {
  EXPECT_EQ(read_alike(frame(Opcode::binary, std::string(10, 'x')), 10).breach, std::nullopt);
  EXPECT_EQ(read_alike(frame(Opcode::binary, std::string(11, 'x')), 10).breach, Breach::too_large);
  const Outcome got =
      read_alike(frame(Opcode::binary, "123456", false) + frame(Opcode::continuation, "12345", false), 10);
  EXPECT_EQ(got.breach, Breach::too_large);
  EXPECT_EQ(got.frames.size(), 1U) << "nothing of what is too much was kept";
  EXPECT_EQ(read_alike(raw({0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}), 10, Sender::server).breach,
            Breach::too_large);
}

TEST(Assembly, AControlFrameCountsAgainstNoLimit) {
  EXPECT_EQ(read_alike(frame(Opcode::ping, std::string(125, 'x')), 10).frames.size(), 1U);
}

TEST(Assembly, AContinuationOfNothingIsABreach) {
  EXPECT_EQ(read_alike(frame(Opcode::continuation, "x")).breach, Breach::lone_continuation);
  EXPECT_EQ(read_alike(frame(Opcode::text, "x") + frame(Opcode::continuation, "x")).breach, Breach::lone_continuation);
}

TEST(Assembly, AMessageThatBeginsWithinAnotherIsABreach) {
  EXPECT_EQ(read_alike(frame(Opcode::text, "x", false) + frame(Opcode::text, "x")).breach, Breach::unfinished_message);
}

TEST(Assembly, ATextThatIsNoneIsABreachAlsoWhereItIsCut) {
  EXPECT_EQ(read_alike(frame(Opcode::text, "\xFF")).breach, Breach::bad_text);
  EXPECT_EQ(read_alike(frame(Opcode::text, "\xE2\x82")).breach, Breach::bad_text);
  EXPECT_EQ(read_alike(frame(Opcode::text, "\xE2\x82", false) + frame(Opcode::ping, "\xFF") +
                       frame(Opcode::continuation, "\xAC"))
                .breach,
            std::nullopt);
  EXPECT_EQ(read_alike(frame(Opcode::binary, "\xFF")).breach, std::nullopt);
}

TEST(Assembly, ACloseFrameThatIsNoneIsABreach) {
  EXPECT_EQ(read_alike(frame(Opcode::close, "")).breach, std::nullopt);
  EXPECT_EQ(read_alike(frame(Opcode::close, raw({0x03, 0xE8}))).breach, std::nullopt);
  EXPECT_EQ(read_alike(frame(Opcode::close, raw({0x03}))).breach, Breach::bad_close);
  EXPECT_EQ(read_alike(frame(Opcode::close, raw({0x03, 0xEE}))).breach, Breach::bad_close);
}

TEST(Assembly, WhatIsHeldIsTheMessageAndGoesWithIt) {
  Assembly assembly{Sender::client, 1'000'000};
  EXPECT_EQ(assembly.held(), 0U);
  std::string bytes = frame(Opcode::binary, std::string(100'000, 'x'), false) + frame(Opcode::continuation, "y");
  std::span<char> rest{bytes};
  ASSERT_TRUE(assembly.read(rest).value());
  EXPECT_EQ(assembly.held(), 100'000U);
  EXPECT_FALSE(assembly.completes());
  ASSERT_TRUE(assembly.read(rest).value());
  EXPECT_EQ(assembly.held(), 100'001U);
  EXPECT_TRUE(assembly.has_message());
  assembly.forget();
  EXPECT_EQ(assembly.held(), 0U);
}

TEST(Assembly, OfAMessageThatIsShedNothingIsKeptAndAllOfItCounts) {
  Assembly assembly{Sender::client, 10};
  std::string bytes = frame(Opcode::text, "four\xC3", false) + frame(Opcode::continuation, "\xA4", false) +
                      frame(Opcode::continuation, "last", true);
  std::span<char> rest{bytes};
  auto got = assembly.read(rest);
  ASSERT_TRUE(got && *got);
  assembly.shed();
  EXPECT_EQ(assembly.held(), 0U);
  got = assembly.read(rest);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ(base::as_text((*got)->payload), "\xA4") << "the letter that began before";
  EXPECT_EQ(assembly.held(), 1U);
  assembly.shed();
  got = assembly.read(rest);
  ASSERT_TRUE(got && *got);
  EXPECT_TRUE(assembly.has_message());
  assembly.forget();
  bytes = frame(Opcode::binary, "123456", false) + frame(Opcode::continuation, "78901");
  rest = bytes;
  got = assembly.read(rest);
  ASSERT_TRUE(got && *got);
  assembly.shed();
  got = assembly.read(rest);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error(), Breach::too_large);
}

}  // namespace
}  // namespace picket::websocket

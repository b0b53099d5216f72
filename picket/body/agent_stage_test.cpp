#include "picket/body/agent_stage.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::body {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = AgentStage::State;

base::SharedBytes borrowed(std::string_view text) { return base::SharedBytes::borrowed(base::as_bytes(text)); }

AgentPolicy buffering(std::uint64_t holds = 1000) { return {.holds = holds, .largest_chunk = 4}; }
AgentPolicy streaming(std::uint64_t holds = 1000) { return {.gathers = 0, .holds = holds, .largest_chunk = 4}; }
AgentPolicy hybrid(std::uint64_t gathers) { return {.gathers = gathers, .holds = 1000, .largest_chunk = 4}; }

/// A stage, and an agent that a test plays.
class Asked {
 public:
  explicit Asked(const AgentPolicy& policy) : stage(policy) {}

  void feed(std::string_view text, bool is_last = false) { stage.feed({borrowed(text), is_last}); }
  /// All that the agent may be asked now, as "number 'data'", with " last", " past" where it is.
  std::vector<std::string> ask() {
    std::vector<std::string> questions;
    while (const auto chunk = stage.next())
      questions.push_back(std::to_string(chunk->number) + " '" + std::string{base::as_text(chunk->bytes.view())} + "'" +
                          (chunk->is_last ? " last" : "") + (chunk->goes_past ? " past" : ""));
    return questions;
  }
  void allow(int times = 1, bool needs_more = false) {
    for (int i = 0; i < times; ++i) stage.allow(needs_more);
  }
  /// All that it lets out; "." stands for the end.
  std::string out() {
    std::string text;
    for (Part part = stage.take(1000); !part.is_nothing(); part = stage.take(1000)) {
      text += base::as_text(part.bytes.view());
      if (part.is_last) text += '.';
    }
    return text;
  }

  AgentStage stage;
};

// ---- buffer

TEST(Buffering, AsksNothingBeforeTheBodyIsWhole) {
  Asked agent{buffering()};
  agent.feed("abcdef");
  EXPECT_THAT(agent.ask(), IsEmpty());
  agent.feed("gh", true);
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'ef'", "2 'gh' last"));
}

TEST(Buffering, LetsNothingOutBeforeTheVerdictOnTheLastChunk) {
  Asked agent{buffering()};
  agent.feed("abcdefgh", true);
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'efgh' last"));
  agent.allow();
  EXPECT_EQ(agent.out(), "");
  agent.allow();
  EXPECT_EQ(agent.out(), "abcdefgh.");
  EXPECT_EQ(agent.stage.state(), State::passes);
}

TEST(Buffering, AnEmptyBodyIsOneEmptyLastChunk) {
  Asked agent{buffering()};
  agent.feed("", true);
  EXPECT_THAT(agent.ask(), ElementsAre("0 '' last"));
  agent.allow();
  EXPECT_EQ(agent.out(), ".");
}

TEST(Buffering, AnEmptyBodyIsHeldUntilTheLastWordOnIt) {
  Asked agent{buffering()};
  agent.feed("", true);
  EXPECT_TRUE(agent.stage.holds_any());
  agent.ask();
  EXPECT_TRUE(agent.stage.holds_any());
  agent.allow();
  EXPECT_FALSE(agent.stage.holds_any());
  EXPECT_EQ(agent.out(), ".");
}

TEST(Buffering, EachChunkSaysHowMuchCameAndHowMuchThereIs) {
  AgentStage stage{buffering()};
  stage.feed({borrowed("abcdef"), true});
  EXPECT_EQ(stage.next()->received, 4U);
  const auto last = stage.next();
  EXPECT_EQ(last->received, 6U);
  EXPECT_EQ(last->body_size, 6U);
}

TEST(Buffering, ABodyOfExactlyWhatMayBeHeldIsInspected) {
  Asked agent{buffering(4)};
  agent.feed("abcd", true);
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd' last"));
}

TEST(Buffering, ALargerOneIsStoppedBeforeAnythingIsAsked) {
  Asked agent{buffering(4)};
  agent.feed("abcde");
  EXPECT_EQ(agent.stage.stopped(), Stop::too_large);
  EXPECT_THAT(agent.ask(), IsEmpty());
  EXPECT_EQ(agent.stage.credit(), 0U);
}

TEST(Buffering, OrGoesPastTheAgentOnceItHasSaidItsLastWord) {
  Asked agent{{.holds = 4, .refuses_larger = false}};
  agent.feed("abcde");
  EXPECT_EQ(agent.stage.credit(), 0U) << "nothing more before its verdict";
  EXPECT_THAT(agent.ask(), ElementsAre("0 '' last past"));
  EXPECT_EQ(agent.out(), "");
  agent.allow();
  EXPECT_EQ(agent.out(), "abcde");
  agent.feed("fg", true);
  EXPECT_EQ(agent.out(), "fg.");
  EXPECT_THAT(agent.ask(), IsEmpty());
}

TEST(Buffering, WhatCannotBeShownGoesPastBehindTheAgentsLastWord) {
  Asked agent{buffering()};
  agent.feed("abcdef");
  agent.stage.go_past();
  EXPECT_EQ(agent.stage.credit(), 0U);
  const auto past = agent.stage.next();
  ASSERT_TRUE(past && past->is_last && past->goes_past && past->bytes.empty());
  EXPECT_EQ(past->body_size, 6U);
  agent.allow();
  EXPECT_FALSE(agent.stage.may_change());
  EXPECT_EQ(agent.out(), "abcdef");
}

TEST(Streaming, WhatCannotBeShownIsMoreThanWasSeenOfIt) {
  Asked agent{streaming()};
  agent.feed("abcd");
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'"));
  agent.stage.go_past();
  const auto past = agent.stage.next();
  ASSERT_TRUE(past);
  EXPECT_EQ(past->received, 4U);
  EXPECT_EQ(past->body_size, 5U) << "the agent can tell";
  agent.allow();
  agent.allow();
  agent.stage.forget();
  EXPECT_EQ(agent.out(), "") << "it went another way";
}

TEST(Streaming, OnlyWhatWasLetGoWithAChangeIsChanged) {
  for (const bool fails : {true, false}) {
    Asked agent{streaming()};
    agent.feed("abcdefgh");
    EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'efgh'"));
    agent.stage.replace(0, borrowed("A"));
    agent.allow(1, true);
    fails ? agent.stage.fail_open() : agent.stage.skip();
    EXPECT_EQ(agent.out(), fails ? "abcdefgh" : "Aefgh");
    EXPECT_EQ(agent.stage.may_change(), !fails);
  }
}

TEST(Buffering, WhatSaysThatItIsTooLargeNeedNotComeFirst) {
  Asked open{{.holds = 4, .refuses_larger = false}};
  EXPECT_FALSE(open.stage.expect(5, true));
  EXPECT_EQ(open.stage.credit(), 0U);
  const auto past = open.stage.next();
  ASSERT_TRUE(past);
  EXPECT_EQ(past->body_size, 5U);
  EXPECT_EQ(past->received, 0U);
  open.allow();
  EXPECT_TRUE(open.stage.expect(5, true)) << "the next one gets it as it is";
  Asked closed{buffering(4)};
  EXPECT_FALSE(closed.stage.expect(5, true));
  EXPECT_EQ(closed.stage.stopped(), Stop::too_large);
}

TEST(Buffering, WhatAnotherMayStillChangeIsStoppedForItsSizeButDoesNotGoPast) {
  Asked open{{.holds = 4, .refuses_larger = false}};
  EXPECT_FALSE(open.stage.expect(5, false));
  EXPECT_EQ(open.stage.state(), State::gathers);
  Asked closed{buffering(4)};
  EXPECT_FALSE(closed.stage.expect(5, false));
  EXPECT_EQ(closed.stage.stopped(), Stop::too_large);
}

TEST(Buffering, JoinedChunksMaySpanPieces) {
  base::BlockPool pool;
  Asked agent{{.largest_chunk = 5, .joins_in = &pool}};
  agent.feed("abc");
  agent.feed("defg");
  agent.feed("hijkl", true);
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcde'", "1 'fghij'", "2 'kl' last"));
  agent.allow(3);
  EXPECT_EQ(agent.out(), "abcdefghijkl.");
}

// ---- stream

TEST(Streaming, EachChunkGoesOnWithItsVerdict) {
  Asked agent{streaming()};
  agent.feed("abcdef");
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'ef'"));
  EXPECT_EQ(agent.out(), "");
  agent.allow();
  EXPECT_EQ(agent.out(), "abcd");
  agent.feed("g", true);
  EXPECT_THAT(agent.ask(), ElementsAre("2 'g' last"));
  agent.allow(2);
  EXPECT_EQ(agent.out(), "efg.");
}

TEST(Streaming, AnEndThatComesAloneIsAnEmptyLastChunk) {
  Asked agent{streaming()};
  agent.feed("ab");
  EXPECT_THAT(agent.ask(), ElementsAre("0 'ab'"));
  agent.feed("", true);
  EXPECT_THAT(agent.ask(), ElementsAre("1 '' last"));
  agent.allow(2);
  EXPECT_EQ(agent.out(), "ab.");
}

TEST(Streaming, AnEndIsHeldWhereAllBeforeItHasGoneOn) {
  Asked agent{streaming()};
  agent.feed("abcd");
  agent.ask();
  agent.allow();
  EXPECT_FALSE(agent.stage.holds_any());
  agent.feed("", true);
  EXPECT_TRUE(agent.stage.holds_any());
}

TEST(Streaming, NeedsMoreHoldsWhatIsThereUntilALaterAnswer) {
  Asked agent{streaming()};
  agent.feed("abcdefgh");
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'efgh'"));
  agent.allow(1, true);
  EXPECT_EQ(agent.out(), "");
  agent.allow();
  EXPECT_EQ(agent.out(), "abcdefgh");
}

TEST(Streaming, WhatPassesHasNoLimitAndWhatIsUnderWayHas) {
  Asked agent{streaming(16)};
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(agent.stage.credit(), 16U) << i;
    agent.feed("abcdefghijklmnop");
    EXPECT_EQ(agent.stage.credit(), 0U);
    EXPECT_EQ(agent.ask().size(), 4U);
    agent.allow(4);
    EXPECT_EQ(agent.stage.credit(), 0U) << "nobody has taken it";
    EXPECT_EQ(agent.out(), "abcdefghijklmnop");
  }
}

TEST(Streaming, AnAgentThatWantsMoreThanMayBeHeldIsOverItsLimit) {
  Asked agent{streaming(6)};
  agent.feed("abcdef");
  EXPECT_EQ(agent.ask().size(), 2U);
  agent.allow(1, true);
  EXPECT_EQ(agent.stage.credit(), 0U) << "the second answer may release all";
  agent.allow(1, true);
  ASSERT_GT(agent.stage.credit(), 0U) << "only more can";
  agent.feed("g");
  EXPECT_EQ(agent.stage.stopped(), Stop::too_large);
}

TEST(Streaming, OrTheRestGoesPastItBehindAnEmptyLastChunk) {
  AgentPolicy policy = streaming(4);
  policy.refuses_larger = false;
  Asked agent{policy};
  agent.feed("abcd");
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'"));
  agent.allow(1, true);
  agent.feed("e");
  EXPECT_THAT(agent.ask(), ElementsAre("1 '' last past"));
  EXPECT_EQ(agent.out(), "");
  agent.allow();
  EXPECT_EQ(agent.out(), "abcde");
}

TEST(Streaming, ALimitOfNothingIsReachedByTheFirstByte) {
  Asked agent{streaming(0)};
  ASSERT_GT(agent.stage.credit(), 0U);
  agent.feed("a");
  EXPECT_EQ(agent.stage.stopped(), Stop::too_large);
}

TEST(Streaming, ADeclaredSizeIsNoReasonToStopIt) {
  Asked agent{streaming(4)};
  EXPECT_FALSE(agent.stage.expect(1000, true));
  EXPECT_EQ(agent.stage.stopped(), Stop::none);
}

// ---- hybrid

TEST(Hybrid, TakesNoMoreThanItGathersSoThatNoCutOfABodyMakesItTooLarge) {
  const std::string body(3 * base::block_size, 'a');
  for (const std::size_t first : {std::size_t{1}, std::size_t{60'000}, base::block_size - 1, base::block_size}) {
    Asked agent{{.gathers = base::block_size, .holds = base::block_size}};
    std::string_view left = body;
    std::size_t size = first;
    for (int piece = 0; piece < 100 && !left.empty() && agent.stage.stopped() == Stop::none; ++piece) {
      agent.feed(left.substr(0, size), size == left.size());
      left.remove_prefix(size);
      agent.allow(static_cast<int>(agent.ask().size()));
      agent.out();
      size = std::min(agent.stage.credit(), left.size());
    }
    EXPECT_EQ(agent.stage.stopped(), Stop::none) << "first " << first;
    EXPECT_EQ(left, "") << "first " << first;
  }
}

TEST(Hybrid, GathersAndThenStreams) {
  Asked agent{hybrid(6)};
  agent.feed("abcd");
  EXPECT_THAT(agent.ask(), IsEmpty());
  agent.feed("ef");
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'ef'"));
  agent.allow();
  EXPECT_EQ(agent.out(), "") << "what was gathered goes on together";
  agent.allow();
  EXPECT_EQ(agent.out(), "abcdef");
  agent.feed("ghijkl");
  EXPECT_THAT(agent.ask(), ElementsAre("2 'ghij'", "3 'kl'"));
  agent.allow();
  EXPECT_EQ(agent.out(), "ghij");
  agent.feed("", true);
  EXPECT_THAT(agent.ask(), ElementsAre("4 '' last"));
  agent.allow(2);
  EXPECT_EQ(agent.out(), "kl.");
}

TEST(Hybrid, ASmallBodyIsBuffered) {
  Asked agent{hybrid(100)};
  agent.feed("abcdef", true);
  EXPECT_THAT(agent.ask(), ElementsAre("0 'abcd'", "1 'ef' last"));
  agent.allow();
  EXPECT_EQ(agent.out(), "");
  agent.allow();
  EXPECT_EQ(agent.out(), "abcdef.");
}

// ---- what agents do to bodies

TEST(Replacing, ChunksAreReplacedDroppedAndKept) {
  Asked agent{buffering()};
  agent.feed("aaaabbbbcc", true);
  EXPECT_EQ(agent.ask().size(), 3U);
  EXPECT_EQ(agent.stage.size_with(0, 6), 12U);
  agent.stage.replace(0, borrowed("PREFIX"));
  agent.allow();
  agent.stage.replace(1, {});
  agent.allow();
  agent.allow();
  EXPECT_EQ(agent.out(), "PREFIXcc.");
}

TEST(Replacing, AChunkThatIsStillHeldMayBeReplacedLaterAndTheLastWordCounts) {
  Asked agent{streaming()};
  agent.feed("aaaabbbb");
  EXPECT_EQ(agent.ask().size(), 2U);
  EXPECT_TRUE(agent.stage.holds(0));
  EXPECT_FALSE(agent.stage.holds(1)) << "its answer has not come";
  agent.stage.replace(0, borrowed("x"));
  agent.allow(1, true);
  EXPECT_TRUE(agent.stage.holds(0));
  EXPECT_TRUE(agent.stage.holds(1));
  EXPECT_EQ(agent.stage.size_with(0, 2), 6U);
  agent.stage.replace(0, borrowed("yy"));
  agent.allow();
  EXPECT_EQ(agent.out(), "yybbbb");
  EXPECT_FALSE(agent.stage.holds(0)) << "it has gone on";
}

TEST(Replacing, WhoComesNextDoesNotGetTheBodyAsItWasSent) {
  Asked agent{buffering()};
  agent.feed("aaaa", true);
  EXPECT_EQ(agent.ask().size(), 1U);
  agent.stage.replace(0, borrowed("b"));
  agent.allow();
  EXPECT_FALSE(agent.stage.expect(4, true));
}

TEST(Failing, AnAgentThatFailsOpenHasChangedNothing) {
  for (const auto& policy : {buffering(), streaming(), hybrid(6)}) {
    Asked agent{policy};
    agent.feed("aaaabbbbcccc", policy.gathers == whole);
    EXPECT_EQ(agent.ask().size(), 3U);
    agent.stage.replace(0, borrowed("x"));
    agent.allow(1, true);
    agent.stage.fail_open();
    EXPECT_THAT(agent.ask(), IsEmpty());
    if (policy.gathers != whole) agent.feed("", true);
    EXPECT_EQ(agent.out(), "aaaabbbbcccc.");
  }
}

TEST(Failing, WhatHasGoneOnStaysAsItWasMade) {
  Asked agent{streaming()};
  agent.feed("aaaabbbb");
  EXPECT_EQ(agent.ask().size(), 2U);
  agent.stage.replace(0, borrowed("x"));
  agent.allow();
  EXPECT_EQ(agent.out(), "x");
  agent.stage.fail_open();
  EXPECT_EQ(agent.out(), "bbbb");
}

TEST(Failing, AnAgentThatIsSkippedKeepsWhatItMade) {
  Asked agent{buffering()};
  agent.feed("aaaabbbb", true);
  EXPECT_EQ(agent.ask().size(), 2U);
  agent.stage.replace(0, borrowed("x"));
  agent.allow();
  agent.stage.skip();
  EXPECT_EQ(agent.out(), "xbbbb.");
}

TEST(Failing, BeforeAnythingCameIsAsIfItWereNotThere) {
  Asked agent{buffering()};
  agent.stage.fail_open();
  agent.feed("ab");
  EXPECT_EQ(agent.out(), "ab");
  agent.feed("c", true);
  EXPECT_EQ(agent.out(), "c.");
}

// ---- held back

AgentPolicy holding_back(std::uint64_t bytes, std::uint64_t holds = 1000) {
  return {.gathers = 0, .holds = holds, .holds_back = bytes, .largest_chunk = 4};
}

TEST(HoldingBack, AChangeThatIsOnlyHeldBackIsMadeAndOneThatWaitsIsNot) {
  for (const bool waits : {false, true}) {
    Asked agent{holding_back(5)};
    agent.feed("aaaa");
    EXPECT_EQ(agent.ask().size(), 1U);
    agent.stage.replace(0, borrowed("x"));
    EXPECT_TRUE(agent.stage.is_as_sent());
    agent.allow(1, waits);
    EXPECT_EQ(agent.stage.is_as_sent(), waits);
    EXPECT_EQ(agent.out(), "");
    agent.stage.fail_open();
    EXPECT_EQ(agent.stage.is_as_sent(), waits);
    EXPECT_EQ(agent.out(), waits ? "aaaa" : "x");
  }
}

TEST(HoldingBack, KeepsTheLastChunksThatTheAgentHasAllowedUntilTheEnd) {
  Asked agent{holding_back(5)};
  agent.feed("aaaabbbbcccc");
  EXPECT_EQ(agent.ask().size(), 3U);
  agent.allow(2);
  EXPECT_EQ(agent.out(), "") << "four bytes behind the first chunk are too few";
  agent.allow();
  EXPECT_EQ(agent.out(), "aaaa");
  agent.feed("d", true);
  EXPECT_EQ(agent.ask().size(), 1U);
  agent.allow();
  EXPECT_EQ(agent.out(), "bbbbccccd.");
}

TEST(HoldingBack, LetsTheAgentChangeWhatABorderHasCut) {
  Asked agent{holding_back(4)};
  agent.feed("x 4111 1111 y", true);
  EXPECT_EQ(agent.ask().size(), 4U);
  agent.allow();
  ASSERT_TRUE(agent.stage.holds(0));
  agent.stage.replace(0, borrowed("x **"));
  agent.stage.replace(1, borrowed("****"));
  agent.allow(3);
  EXPECT_EQ(agent.out(), "x ******111 y.");
}

TEST(HoldingBack, AnAgentThatFailsOpenHasHadItsWordOnWhatIsOnlyHeldBack) {
  Asked agent{holding_back(100)};
  agent.feed("aaaabbbbcccc");
  EXPECT_EQ(agent.ask().size(), 3U);
  agent.stage.replace(0, borrowed("****"));
  agent.allow();
  agent.stage.replace(1, borrowed("----"));
  agent.allow(1, true);
  agent.stage.fail_open();
  EXPECT_EQ(agent.out(), "****bbbbcccc");
}

TEST(HoldingBack, GoesOnWhereItHoldsAlmostAllThatItMay) {
  AgentPolicy policy = holding_back(900, 1000);
  policy.largest_chunk = 64;
  Asked agent{policy};
  std::string sent;
  for (int i = 0; i < 10'000; ++i) sent += static_cast<char>('a' + i % 26);
  std::string out;
  for (std::size_t fed = 0; fed != sent.size();) {
    const std::size_t size = std::min({agent.stage.credit(), std::size_t{37}, sent.size() - fed});
    ASSERT_NE(size, 0U);
    agent.feed(std::string_view{sent}.substr(fed, size));
    fed += size;
    agent.allow(static_cast<int>(agent.ask().size()));
    ASSERT_EQ(agent.stage.stopped(), Stop::none) << fed;
    out += agent.out();
  }
  EXPECT_EQ(out, sent.substr(0, out.size()));
  EXPECT_GE(sent.size() - out.size(), 900U);
  EXPECT_LT(sent.size() - out.size(), 1000U);
}

TEST(Refusing, NothingIsHeldAndNothingGoesOn) {
  base::BlockPool pool;
  const base::Block block = pool.take();
  Asked agent{streaming()};
  agent.stage.feed({{block, base::as_bytes({block.bytes().data(), 8})}, false});
  EXPECT_EQ(agent.ask().size(), 2U);
  agent.stage.refuse();
  EXPECT_EQ(agent.stage.stopped(), Stop::decided);
  EXPECT_EQ(agent.stage.credit(), 0U);
  EXPECT_THAT(agent.ask(), IsEmpty());
  EXPECT_TRUE(block.is_only_share());
}

}  // namespace
}  // namespace picket::body

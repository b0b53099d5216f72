#include "picket/guardrail/text_run.hpp"

#include <gtest/gtest.h>

namespace picket::guardrail {
namespace {

TextRun::Piece asked(TextRun& run) { return run.ask(1000); }

TEST(TextRun, AsksOnlyWhereAnAnswerLetsSomethingGo) {
  TextRun run{4};
  run.append("abcd");
  EXPECT_FALSE(run.has_question());
  run.append("e");
  ASSERT_TRUE(run.has_question());
  const auto piece = asked(run);
  EXPECT_EQ(piece.text, "abcde");
  EXPECT_EQ(run.border(), 0U);
  run.answer(piece, {});
  EXPECT_EQ(run.border(), 1U);
}

TEST(TextRun, TheEndLetsTheRestGo) {
  TextRun run{4};
  run.append("ab");
  run.end();
  ASSERT_TRUE(run.has_question());
  const auto piece = asked(run);
  run.answer(piece, {});
  EXPECT_EQ(run.border(), 2U);
  EXPECT_FALSE(run.has_question());
}

TEST(TextRun, PiecesOverlapByTheWindow) {
  TextRun run{3};
  run.append("abcdefgh");
  run.end();
  EXPECT_EQ(run.ask(4).text, "abcd");
  EXPECT_EQ(run.ask(4).text, "bcdefgh");
  EXPECT_FALSE(run.has_question());
}

TEST(TextRun, BordersAreThoseOfCodePoints) {
  TextRun run{1};
  run.append("\xC3\xA9\xC3\xA9");
  const auto piece = asked(run);
  run.answer(piece, {});
  EXPECT_EQ(run.border(), 2U);
  TextRun other{1};
  other.append("a\xC3\xA9z");
  other.end();
  EXPECT_EQ(other.ask(2).text, "a");
  EXPECT_EQ(other.ask(1).text, "a\xC3\xA9z");
}

TEST(TextRun, WhatGrowsIsFoundAsWhatItHasBecome) {
  TextRun run{8};
  run.append("....12345");
  auto piece = asked(run);
  run.answer(piece, std::vector<Redaction>{{4, 9, "[x]"}});
  run.release(run.border());
  run.append("67");
  piece = asked(run);
  EXPECT_EQ(piece.text, "...1234567");
  run.answer(piece, std::vector<Redaction>{{3, 10, "[y]"}});
  const auto* const span = run.span_at(4);
  ASSERT_NE(span, nullptr);
  EXPECT_EQ(span->begin, 4U);
  EXPECT_EQ(span->end, 11U);
  EXPECT_EQ(span->replacement, "[x]");
  EXPECT_EQ(run.span_at(3), nullptr);
}

TEST(TextRun, AnEarlierFindingCountsThoughALaterAnswerHasNone) {
  TextRun run{8};
  run.append("....12345");
  auto piece = asked(run);
  run.answer(piece, std::vector<Redaction>{{4, 9, "[x]"}});
  run.append("...");
  piece = asked(run);
  run.answer(piece, {});
  EXPECT_NE(run.span_at(5), nullptr);
}

TEST(TextRun, ASpanThatHasBegunToLeaveHasNoWordsLeft) {
  TextRun run{2};
  run.append("abcdef");
  const auto piece = asked(run);
  run.answer(piece, std::vector<Redaction>{{1, 6, "[x]"}});
  ASSERT_EQ(run.border(), 4U);
  run.span_at(1)->replacement.clear();  // written
  run.release(4);
  run.append("gh");
  run.answer(asked(run), std::vector<Redaction>{{0, 4, "[y]"}});
  ASSERT_NE(run.span_at(4), nullptr);
  EXPECT_EQ(run.span_at(4)->replacement, "");
  EXPECT_EQ(run.span_at(7), run.span_at(4));
}

TEST(TextRun, WhatStreamsIsAskedAboutOnceAtATime) {
  TextRun run{1};
  run.append("ab");
  const auto piece = asked(run);
  run.append("cd");
  EXPECT_FALSE(run.has_question());
  run.answer(piece, {});
  EXPECT_TRUE(run.has_question());
}

}  // namespace
}  // namespace picket::guardrail

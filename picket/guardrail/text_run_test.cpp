#include "picket/guardrail/text_run.hpp"

#include <string>
#include <utility>
#include <vector>

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
  const auto first = run.ask(4);
  EXPECT_EQ(first.text, "abcd");
  EXPECT_FALSE(run.has_question());
  run.answer(first, {});
  ASSERT_TRUE(run.has_question());
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
  const auto first = other.ask(2);
  EXPECT_EQ(first.text, "a");
  other.answer(first, {});
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

TEST(TextRun, TwoThatTouchAreTwo) {
  TextRun run{4};
  run.append("41114222");
  run.end();
  const auto piece = run.ask(100);
  run.answer(piece, std::vector<Redaction>{{0, 4, "[a]"}, {4, 8, "[b]"}});
  ASSERT_NE(run.span_at(3), nullptr);
  ASSERT_NE(run.span_at(4), nullptr);
  EXPECT_EQ(run.span_at(3)->replacement, "[a]");
  EXPECT_EQ(run.span_at(4)->replacement, "[b]");
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
  run.answer(asked(run), std::vector<Redaction>{{0, 7, "[y]"}});
  ASSERT_NE(run.span_at(4), nullptr);
  EXPECT_EQ(run.span_at(4)->replacement, "");
  EXPECT_EQ(run.span_at(7), run.span_at(4));
}

/// Finds what stands between "<<" and ">>", and what of it has come where that is cut off.
std::vector<Redaction> values_in(std::string_view text) {
  std::vector<Redaction> found;
  for (std::size_t begin = text.find("<<"); begin != std::string_view::npos;) {
    const std::size_t closing = text.find(">>", begin);
    const std::size_t end = closing == std::string_view::npos ? text.size() : closing + 2;
    found.push_back({begin, end, "[x]"});
    begin = text.find("<<", end);
  }
  return found;
}

/// What goes on of a text that comes in pieces of that size, the first smaller by `off`.
std::string redacted_in_pieces(const std::string& text, std::size_t window, std::size_t size, std::size_t off) {
  TextRun run{window};
  std::string out;
  std::uint64_t at = 0;
  const auto go_on = [&] {
    while (run.has_question()) {
      const auto piece = run.ask(1000);
      const std::string content{piece.text};
      run.answer(piece, values_in(content));
    }
    for (const std::uint64_t border = run.border(); at < border; ++at) {
      TextRun::Span* const span = run.span_at(at);
      if (span == nullptr) {
        out += text[at];
      } else {
        out += std::exchange(span->replacement, {});
      }
    }
    run.release(at);
  };
  for (std::size_t from = 0, next = size - off; from < text.size(); from = next, next += size) {
    run.append(std::string_view{text}.substr(from, next - from));
    go_on();
  }
  run.end();
  go_on();
  return out;
}

TEST(TextRun, OfAValueLongerThanTheWindowNothingGoesOnHoweverItIsCut) {
  const std::string text =
      "before <<" + std::string(40, 'k') + ">> between <<short>> and <<" + std::string(20, 'k') + ">> behind it";
  for (const std::size_t window : {2U, 5U, 16U})
    for (std::size_t size = 1; size <= text.size(); ++size)
      for (std::size_t off = 0; off < size; ++off)
        ASSERT_EQ(redacted_in_pieces(text, window, size, off), "before [x] between [x] and [x] behind it")
            << "window " << window << ", pieces of " << size << ", the first smaller by " << off;
}

TEST(TextRun, WhatIsOpenForTooLongGoesOnToTheEnd) {
  const std::string text = "before <<" + std::string(longest_value + 2000, 'k') + ">> behind it";
  EXPECT_EQ(redacted_in_pieces(text, 16, 999, 0), "before [x]");
}

TEST(TextRun, AValueThatWasOpenAtTheEndOfATextGoesOnWithIt) {
  TextRun run{16};
  run.append("before <<kkkk");
  run.end();
  run.answer(asked(run), std::vector<Redaction>{{7, 13, "[x]"}});
  run.release(run.border());
  ASSERT_TRUE(run.reopen());
  run.append("kk>> behind it");
  run.end();
  const auto piece = asked(run);
  EXPECT_EQ(piece.text, "<<kkkkkk>> behind it");
  run.answer(piece, std::vector<Redaction>{{0, 10, "[x]"}});
  const auto* const span = run.span_at(13);
  ASSERT_NE(span, nullptr);
  EXPECT_EQ(span->replacement, "") << "they have left";
  EXPECT_EQ(span->end, 17U);
}

/// As of an expression that ends in `$`, which matches before the last line's end.
TEST(TextRun, AValueThatIsFoundUpToTheSpaceAtAPiecesEndIsOpen) {
  TextRun run{2};
  run.append("a <<kkkk\r\n");
  run.answer(asked(run), std::vector<Redaction>{{2, 8, "[x]"}});
  run.release(run.border());
  run.append("kkkk>> b");
  EXPECT_EQ(asked(run).text, "<<kkkk\r\nkkkk>> b");
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

#include "picket/inspection/chunks.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<base::ByteView> pieces(std::initializer_list<std::string_view> texts) {
  std::vector<base::ByteView> result;
  for (const auto text : texts) result.push_back(base::as_bytes(text));
  return result;
}

std::vector<std::string> texts(const std::vector<base::ByteView>& views) {
  std::vector<std::string> result;
  for (const auto view : views) result.emplace_back(base::as_text(view));
  return result;
}

TEST(Chunks, NoneIsLargerThanTheLimitAndNoneSpansTwoPieces) {
  EXPECT_THAT(texts(split(pieces({"abcdefg", "hi", "jklm"}), 3)), ElementsAre("abc", "def", "g", "hi", "jkl", "m"));
  EXPECT_THAT(texts(split(pieces({"abc"}), 3)), ElementsAre("abc"));
  EXPECT_THAT(texts(split(pieces({"abc"}), 1'000'000)), ElementsAre("abc"));
}

TEST(Chunks, AreTheBodysOwnBytes) {
  const auto body = pieces({"abcdef"});
  EXPECT_EQ(split(body, 4).at(1).data(), body[0].data() + 4);
}

TEST(Chunks, AnEmptyBodyHasOneThatIsEmpty) {
  EXPECT_THAT(texts(split({}, 3)), ElementsAre(""));
  EXPECT_THAT(texts(split(pieces({"", ""}), 3)), ElementsAre(""));
  EXPECT_THAT(texts(split(pieces({"", "a"}), 3)), ElementsAre("a"));
}

TEST(Chunks, SizesAddUp) {
  EXPECT_EQ(size_of({}), 0U);
  EXPECT_EQ(size_of(pieces({"abc", "", "de"})), 5U);
}

TEST(Chunks, JoinedPiecesAreOneChunkAsFarAsOneMayReach) {
  std::vector<std::unique_ptr<std::byte[]>> copies;
  EXPECT_THAT(texts(join(pieces({"abc", "", "de", "f"}), 100, copies)), ElementsAre("abcdef"));
  EXPECT_EQ(copies.size(), 1U);
  EXPECT_THAT(texts(join(pieces({"abc", "defg", "h"}), 3, copies)), ElementsAre("abc", "def", "gh"));
  EXPECT_EQ(copies.size(), 2U) << "what lies in one piece is not copied";
  EXPECT_THAT(texts(join(pieces({"abcdefgh"}), 3, copies)), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(texts(join({}, 3, copies)), ElementsAre(""));
  EXPECT_THAT(texts(join(pieces({"", ""}), 3, copies)), ElementsAre(""));
  EXPECT_EQ(copies.size(), 2U);
}

TEST(Chunks, JoiningAnyPiecesChangesNoByte) {
  const std::string body = "The quick brown fox jumps over the lazy dog";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    std::vector<base::ByteView> cut = split(std::array{base::as_bytes(body)}, piece);
    for (std::size_t largest = 1; largest <= body.size() + 1; ++largest) {
      std::vector<std::unique_ptr<std::byte[]>> copies;
      std::string joined;
      for (const auto& chunk : texts(join(cut, largest, copies))) {
        EXPECT_LE(chunk.size(), largest);
        joined += chunk;
      }
      ASSERT_EQ(joined, body) << piece << " " << largest;
    }
  }
}

TEST(RewrittenBody, MutationsReplaceAndDropTheChunkTheyName) {
  const auto chunks = pieces({"one", "two", "three"});
  RewrittenBody body{chunks};
  EXPECT_FALSE(body.is_changed());
  EXPECT_EQ(body.size_with(2, base::as_bytes("3")), 7U) << "one, two, 3";
  body.replace(0, base::as_bytes("uno"));
  body.replace(1, {});
  EXPECT_TRUE(body.is_changed());
  EXPECT_THAT(texts(body.pieces()), ElementsAre("uno", "three"));
  EXPECT_EQ(body.size_with(1, base::as_bytes("dos")), 11U) << "a dropped chunk may come back";
  body.replace(0, base::as_bytes("last word"));
  EXPECT_THAT(texts(body.pieces()), ElementsAre("last word", "three"));
}

}  // namespace
}  // namespace picket::inspection

#include "apps/gateway/inspection/chunks.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::apps::gateway::inspection {
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

TEST(Chunks, AMutationKeepsDropsOrReplaces) {
  std::vector<base::ByteView> made;
  const base::ByteView chunk = base::as_bytes("chunk");
  append(made, chunk, std::nullopt);
  append(made, chunk, wire::BodyMutation{});                          // null: unchanged
  append(made, chunk, wire::BodyMutation{.data = base::ByteView{}});  // empty: dropped
  append(made, chunk, wire::BodyMutation{.data = base::as_bytes("other")});
  append(made, base::ByteView{}, std::nullopt);
  EXPECT_THAT(texts(made), ElementsAre("chunk", "chunk", "other"));
}

}  // namespace
}  // namespace picket::apps::gateway::inspection

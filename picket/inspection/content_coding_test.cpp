#include "picket/inspection/content_coding.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

ContentCoding coding_of(const std::vector<std::string_view>& values, std::string_view more = "x-other") {
  std::vector<base::Header> head{{more, "bytes 0-3/4"}};
  for (const auto value : values) head.push_back({"Content-Encoding", value});
  return ContentCoding{base::Headers{std::span<const base::Header>{head}}};
}

TEST(ContentCoding, IdentityAndEmptyItemsAreNone) {
  for (const auto& values : {std::vector<std::string_view>{}, {""}, {"identity"}, {"", "Identity", " , identity,"}})
    EXPECT_TRUE(coding_of(values).is_none());
}

TEST(ContentCoding, TheOneThatThereIsCanBeUndoneInWhicheverFieldItStands) {
  for (const auto& values : {std::vector<std::string_view>{"gzip"},
                             {"identity", "gzip"},
                             {"", "GZIP"},
                             {"gzip", ""},
                             {"gzip", "identity"},
                             {", gzip ,"},
                             {"identity, x-gzip"}})
    EXPECT_EQ(coding_of(values).undoable(), body::Coding::gzip);
}

TEST(ContentCoding, SeveralAndUnknownOnesCannotBeUndone) {
  for (const auto& values : {std::vector<std::string_view>{"gzip, br"},
                             {"gzip", "gzip"},
                             {"gzip", "br"},
                             {"identity", "gzip", "gzip"},
                             {"zstd"},
                             {"zstd", "gzip"},
                             {"gzip;q=1"}}) {
    EXPECT_FALSE(coding_of(values).is_none());
    EXPECT_EQ(coding_of(values).undoable(), std::nullopt);
  }
}

TEST(ContentCoding, APartOfSomethingPackedCannotBeUndone) {
  EXPECT_EQ(coding_of({"gzip"}, "Content-Range").undoable(), std::nullopt);
  EXPECT_FALSE(coding_of({"gzip"}, "Content-Range").is_none());
  EXPECT_TRUE(coding_of({}, "Content-Range").is_none()) << "of what is not packed any part can be seen";
}

}  // namespace
}  // namespace picket::inspection

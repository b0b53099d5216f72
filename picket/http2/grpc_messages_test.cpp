#include "picket/http2/grpc_messages.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message(std::string_view text) {
  std::string bytes(grpc_prefix_size, '\0');
  write_grpc_prefix(bytes.data(), text.size());
  return bytes + std::string(text);
}

class Read {
 public:
  base::Status feed(std::string_view bytes) {
    return reader_.feed(bytes, [this](std::string_view text) -> base::Status {
      messages.emplace_back(text);
      return {};
    });
  }
  std::vector<std::string> messages;

 private:
  GrpcMessages reader_;
};

TEST(GrpcMessages, SeveralInOnePieceAreReadInTheirOrder) {
  Read read;
  EXPECT_TRUE(read.feed(message("one") + message("") + message("three")));
  EXPECT_THAT(read.messages, ElementsAre("one", "", "three"));
}

TEST(GrpcMessages, EveryCutGivesTheSame) {
  const std::string all = message("one") + message("") + message(std::string(300, 'x')) + message("end");
  for (std::size_t first = 0; first <= all.size(); ++first) {
    for (const std::size_t second : {first, first + (all.size() - first) / 2, all.size()}) {
      Read read;
      EXPECT_TRUE(read.feed(all.substr(0, first)));
      EXPECT_TRUE(read.feed(all.substr(first, second - first)));
      EXPECT_TRUE(read.feed(all.substr(second)));
      EXPECT_THAT(read.messages, ElementsAre("one", "", std::string(300, 'x'), "end")) << first << ' ' << second;
    }
  }
}

TEST(GrpcMessages, EveryByteByItselfGivesTheSame) {
  Read read;
  for (const char byte : message("one") + message("") + message("three")) EXPECT_TRUE(read.feed({&byte, 1}));
  EXPECT_THAT(read.messages, ElementsAre("one", "", "three"));
}

TEST(GrpcMessages, ACompressedOneIsRefused) {
  std::string bytes = message("one");
  bytes[0] = 1;
  Read read;
  const auto status = read.feed(bytes);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("compressed"));
}

TEST(GrpcMessages, OneOverTheLimitIsRefusedByItsPrefix) {
  std::string prefix(grpc_prefix_size, '\0');
  write_grpc_prefix(prefix.data(), base::limits::max_frame_length + 1);
  Read read;
  EXPECT_TRUE(read.feed(prefix.substr(0, 4)));
  const auto status = read.feed(prefix.substr(4));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("16777217 bytes"));
}

}  // namespace
}  // namespace picket::http2

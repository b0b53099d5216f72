#include "picket/http/response_reader.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace picket::http {
namespace {

class Responses : public ::testing::Test {
 protected:
  base::Buffer buffered_;
  base::Arena arena_;
  std::vector<std::uint16_t> interim_;
  ResponseReader reader_{buffered_, false, arena_,
                         [this](const ResponseHead& response) { interim_.push_back(response.status); }};
};

TEST_F(Responses, AHeadIsFoundOnceItsLastByteIsThereAndTheBodyStays) {
  constexpr std::string_view head = "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n";
  for (const char byte : head.substr(0, head.size() - 1)) {
    buffered_.append(byte);
    ASSERT_FALSE(reader_.take());
  }
  buffered_.append("\nbody");
  const auto found = reader_.take();
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->status, 204);
  EXPECT_EQ((*found)->headers.find("x-a"), "b");
  EXPECT_EQ(buffered_.text(), "body");
}

TEST_F(Responses, InterimResponsesAreToldOfAndPassedOver) {
  EXPECT_FALSE(reader_.has_begun());
  buffered_.append("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 20");
  EXPECT_FALSE(reader_.take());
  EXPECT_EQ(interim_, (std::vector<std::uint16_t>{100, 103}));
  EXPECT_TRUE(reader_.has_begun());
  EXPECT_EQ(buffered_.text(), "HTTP/1.1 20");
  buffered_.append("0 OK\r\nContent-Length: 0\r\n\r\n");
  const auto found = reader_.take();
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->status, 200);
}

TEST_F(Responses, AnInterimResponseWithABodyTaintsTheConnectionOfTheFinalOne) {
  buffered_.append("HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto found = reader_.take();
  ASSERT_TRUE(found && *found);
  EXPECT_FALSE((*found)->keep_alive);
}

TEST_F(Responses, InterimResponsesAreNotPassedOverForEver) {
  constexpr std::string_view interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
  for (int i = 0; i < 16; ++i) {
    buffered_.append(interim);
    ASSERT_FALSE(reader_.take()) << i;
  }
  buffered_.append(interim);
  const auto found = reader_.take();
  ASSERT_TRUE(found);
  ASSERT_FALSE(*found);
  EXPECT_EQ(found->error().detail(), "the upstream sent more than 16 interim responses");
}

TEST_F(Responses, AProtocolThatNobodyAskedForIsAnError) {
  buffered_.append("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  const auto found = reader_.take();
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(Responses, AHeadThatNeverEndsIsAnErrorAtTheLimit) {
  buffered_.append("HTTP/1.1 200 OK\r\nX-Endless: " + std::string(64 * 1024, 'a'));
  const auto found = reader_.take();
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(Responses, WhatIsNoHttpIsAnError) {
  buffered_.append("this is not HTTP\r\n\r\n");
  const auto found = reader_.take();
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

}  // namespace
}  // namespace picket::http

#include "apps/gateway/answers/answer_writer.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace picket::apps::gateway::answers {
namespace {

class Written : public ::testing::Test {
 protected:
  std::string answer(std::uint16_t status, std::string_view body, const AnswerTerms& terms,
                     std::string_view request_id = {}) {
    base::Buffer out;
    write_answer(out, {.status = status, .fields = fields_, .body = body}, request_id, terms);
    return std::string{out.text()};
  }

  base::Arena arena_;
  http::FieldList fields_{arena_};
};

TEST_F(Written, HasItsDateItsRequestsIdAndItsLength) {
  fields_.push_back({"X-A", "1"});
  EXPECT_EQ(answer(403, "no\n", {.date = "today", .keep_alive = true}, "4bf9"),
            "HTTP/1.1 403 Forbidden\r\nX-A: 1\r\nDate: today\r\nX-Request-Id: 4bf9\r\nContent-Length: 3\r\n\r\nno\n");
}

TEST_F(Written, SaysOnceWhatItHasAlready) {
  fields_.push_back({"date", "yesterday"});
  fields_.push_back({"x-request-id", "own"});
  EXPECT_EQ(answer(200, "", {.date = "today", .keep_alive = true}, "4bf9"),
            "HTTP/1.1 200 OK\r\ndate: yesterday\r\nx-request-id: own\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(Written, SaysOfItsConnectionWhatTheVersionDoesNot) {
  EXPECT_EQ(answer(200, "", {.date = "today", .keep_alive = false}),
            "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer(200, "", {.date = "today", .version = 10, .keep_alive = true}),
            "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST_F(Written, ToHeadHasTheLengthAndNotTheBody) {
  EXPECT_EQ(answer(200, "body", {.date = "today", .keep_alive = true, .with_body = false}),
            "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 4\r\n\r\n");
}

/// RFC 9110 §8.6, §15.4.5.
TEST_F(Written, HasNoLengthWhereItsStatusHasNoBody) {
  for (const std::uint16_t status : {204, 304})
    EXPECT_EQ(answer(status, "", {.date = "today", .keep_alive = true}).find("Content-Length"), std::string::npos);
}

TEST(NumberField, HasTheLargestNumber) {
  base::Buffer out;
  write_number_field(out, "N", std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(out.text(), "N: 18446744073709551615\r\n");
}

}  // namespace
}  // namespace picket::apps::gateway::answers

#include "apps/gateway/serving/client_connection.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "apps/gateway/serving/shard.hpp"
#include "apps/gateway/serving/testing/served.hpp"

namespace picket::apps::gateway::serving {
namespace {

using testing::Client;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A shard with two routes, which answer by themselves.
class Serving : public ::testing::Test {
 protected:
  Serving() {
    auto config = testing::answering("one", port_.number());
    config.routes.insert(config.routes.begin(),
                         {.id = "two", .matches = {.path = "/two"}, .respond = config::FixedAnswer{.text = "two"}});
    testing::serve(shard_, std::move(config));
  }

  testing::Port port_;
  downstream::Admission admission_;
  spdlog::logger log_{"nowhere"};
  Shard shard_{0, 1, false, admission_, log_};
};

class Connections : public Serving {
 protected:
  Client client_{port_.number()};
};

constexpr std::string_view one = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
constexpr std::string_view two = "GET /two HTTP/1.1\r\nHost: a.test\r\n\r\n";

TEST_F(Connections, RequestsThatCameTogetherAreAnsweredInTheirOrder) {
  client_.send(std::string{one} + std::string{two} + std::string{one});
  for (const std::string_view body : {"one", "two", "one"}) EXPECT_THAT(client_.answer(), EndsWith(body));
  EXPECT_EQ(shard_.metrics().connections.value(), 1U);
}

TEST_F(Connections, AHeadThatComesByteByByteIsOne) {
  for (const char& byte : two) client_.send({&byte, 1});
  EXPECT_THAT(client_.answer(), EndsWith("two"));
}

TEST_F(Connections, OneEmptyLineBeforeARequestIsSkippedAndASecondIsNot) {
  client_.send("\r\n" + std::string{two});
  EXPECT_THAT(client_.answer(), EndsWith("two"));
  client_.send("\r\n\r\n" + std::string{two});
  EXPECT_THAT(client_.answer(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(Connections, AHeadThatIsRefusedIsTheLastOne) {
  client_.send("GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string{two});
  const std::string answer = client_.answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("x-picket-reason: bad_request"));
  EXPECT_TRUE(client_.is_closed()) << "what stands behind it is not taken for a request";
  EXPECT_EQ(shard_.metrics().requests_by_class[4].value(), 1U);
  EXPECT_EQ(shard_.metrics().answers_by_reason[static_cast<std::size_t>(answers::Reason::bad_request)].value(), 1U);
}

TEST_F(Connections, ABodyThatNobodyHasReadIsNotTakenForTheNextRequest) {
  client_.send("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n" + std::string{two});
  EXPECT_THAT(client_.answer(), HasSubstr("Connection: close"));
  EXPECT_TRUE(client_.is_closed());
}

TEST_F(Connections, ABodyIsReadBeforeTheNextRequest) {
  client_.send("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc" + std::string{two});
  EXPECT_THAT(client_.answer(), EndsWith("one"));
  EXPECT_THAT(client_.answer(), EndsWith("two"));
}

TEST_F(Connections, WhoAsksForTheEndGetsIt) {
  client_.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" + std::string{two});
  EXPECT_THAT(client_.answer(), EndsWith("one"));
  EXPECT_TRUE(client_.is_closed());
}

}  // namespace
}  // namespace picket::apps::gateway::serving

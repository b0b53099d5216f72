#include "picket/transport/grpc/reflection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::transport::grpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char file_containing_symbol = '\x22';
constexpr char file_by_filename = '\x1a';

std::string answer(char asked, std::string_view name) {
  std::string request{asked};
  request += static_cast<char>(name.size());
  const auto said = reflect(request.append(name));
  return said ? *said : said.error().message();
}

TEST(Reflection, FindsTheFileThatDeclaresASymbol) {
  for (const auto* const symbol :
       {"zentinel.agent.v2.AgentServiceV2", "zentinel.agent.v2.AgentServiceV2.ProcessEvent", "zentinel.agent.v2.Ping",
        "zentinel.agent.v2.Ping.sequence", "zentinel.agent.v2.ProxyToAgent.message"}) {
    EXPECT_THAT(answer(file_containing_symbol, symbol), HasSubstr("agent_v2.proto")) << symbol;
  }
  for (const auto* const symbol : {"grpc.health.v1.Health", "grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING",
                                   "grpc.health.v1.HealthCheckResponse.ServingStatus"})
    EXPECT_THAT(answer(file_containing_symbol, symbol), HasSubstr("health.proto")) << symbol;
}

TEST(Reflection, FindsAFileByItsName) {
  EXPECT_THAT(answer(file_by_filename, "agent_v2.proto"), HasSubstr("AgentServiceV2"));
  EXPECT_THAT(answer(file_by_filename, "other.proto"), HasSubstr("nothing of that name"));
}

TEST(Reflection, SaysWhatIsNotThere) {
  for (const auto* const symbol :
       {"", ".", "zentinel", "zentinel.agent.v2", "zentinel.agent.v2.", "zentinel.agent.v2.Nobody",
        "zentinel.agent.v2.Ping.", "zentinel.agent.v2.Ping.nothing", "zentinel.agent.v2x.Ping",
        "zentinel.agent.v2.AgentServiceV2.ProcessEvent.more"})
    EXPECT_THAT(answer(file_containing_symbol, symbol), HasSubstr("nothing of that name")) << symbol;
  EXPECT_THAT(answer('\x32', "zentinel.agent.v2.Ping"), HasSubstr("extensions"));
}

TEST(Reflection, RepeatsTheHostAndTheRequest) {
  const auto said = reflect("\x0a\x01h\x3a\x01*");
  ASSERT_TRUE(said);
  EXPECT_THAT(*said, HasSubstr("\x0a\x01h\x12\x06\x0a\x01h\x3a\x01*"));
}

TEST(Reflection, ARequestThatAsksNothingIsAnErrorInTheAnswer) {
  const auto said = reflect("");
  ASSERT_TRUE(said);
  EXPECT_THAT(*said, HasSubstr("asks nothing"));
}

TEST(Reflection, BytesThatAreNoRequestAreRefused) {
  for (const std::string_view bytes :
       {std::string_view{"\x22\x7fx"}, std::string_view{"\xff\xff\xff"}, std::string_view{"\x23"},
        std::string_view{"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}})
    EXPECT_FALSE(reflect(bytes));
}

}  // namespace
}  // namespace picket::transport::grpc

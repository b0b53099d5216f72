#include "apps/cli/recording/masking.hpp"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/wire/testing/padded.hpp"

namespace picket::apps::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::FrameType;
using wire::testing::Padded;

constexpr std::array<wire::Format, 2> formats{
    {{}, {.encoding = wire::Encoding::msgpack, .raw_bytes = true, .event_reply = true}}};

template <class Message>
std::string masked_of(const wire::Format& format, const Message& message) {
  wire::Output out;
  EXPECT_TRUE(wire::encode(format, message, out));
  const Padded payload{out.flatten()};
  return masked(format, {Message::type, payload.view()});
}

TEST(Masking, HidesTheHeadersThatCarrySecretsAndNoOther) {
  const std::array<wire::Header, 6> headers{{{"Authorization", "secret-1"},
                                             {"proxy-authorization", "secret-2"},
                                             {"cookie", "secret-3"},
                                             {"set-cookie", "secret-4"},
                                             {"cookie2", "plain-1"},
                                             {"host", "plain-2"}}};
  for (const auto& format : formats) {
    for (const std::string& text :
         {masked_of(format, wire::RequestHeaders{.headers = std::span<const wire::Header>{headers}}),
          masked_of(format, wire::ResponseHeaders{.headers = std::span<const wire::Header>{headers}})}) {
      EXPECT_THAT(text, Not(HasSubstr("secret-")));
      EXPECT_THAT(text, HasSubstr("plain-1"));
      EXPECT_THAT(text, HasSubstr("plain-2"));
      EXPECT_THAT(text, HasSubstr(std::string{mask}));
    }
  }
}

TEST(Masking, HidesThemInWhatAnAnswerDoesToHeadersAndInTheHeadersOfABlock) {
  const std::array<wire::HeaderOp, 2> operations{
      {{wire::HeaderOp::Kind::set, "authorization", "secret-1"}, {wire::HeaderOp::Kind::remove, "cookie", ""}}};
  const std::array<wire::TextPair, 2> block_headers{{{"Set-Cookie", "secret-2"}, {"x-plain", "plain"}}};
  const wire::AgentResponse response{.decision = wire::Block{.headers = wire::TextMap{block_headers}},
                                     .request_headers = operations,
                                     .response_headers = operations};
  for (auto format : formats) {
    format.event_reply = false;
    const std::string text = masked_of(format, response);
    EXPECT_THAT(text, Not(HasSubstr("secret-")));
    EXPECT_THAT(text, HasSubstr("plain"));
  }
}

TEST(Masking, HidesEachValueOfAConfigurationAndKeepsItsForm) {
  base::Arena arena;
  const auto config = wire::parse_json(R"({"user":"a","list":[1,{"deep":true}],"none":null})", arena).value();
  const std::string expected = R"({"user":"[masked]","list":["[masked]",{"deep":"[masked]"}],"none":null})";
  EXPECT_THAT(masked_of({}, wire::Configure{.config = config, .config_version = {}, .correlation_id = "c"}),
              HasSubstr(expected));
  EXPECT_THAT(masked_of({}, wire::HandshakeRequest{.config = config}), HasSubstr(expected));
  EXPECT_THAT(masked_of({}, wire::ReverseAnswer{.success = true, .config = config}), HasSubstr(expected));
  EXPECT_THAT(masked_of({}, wire::ReverseRegistration{.agent_id = "a", .auth_token = "s3cret"}),
              Not(HasSubstr("s3cret")));
}

TEST(Masking, WhatDoesNotDecodeIsHiddenWhole) {
  const Padded payload{R"({"headers":{"cookie":["secret"]})"};
  for (const auto type : {FrameType::request_headers, FrameType::configure, FrameType::handshake_request})
    EXPECT_EQ(masked({}, {type, payload.view()}), mask);
}

TEST(Masking, OtherMessagesStayAsTheyAre) {
  const Padded payload{"whatever"};
  EXPECT_EQ(masked({}, {FrameType::ping, payload.view()}), "whatever");
  EXPECT_EQ(masked({}, {FrameType::pong, Padded{""}.view()}), "");
}

}  // namespace
}  // namespace picket::apps::cli

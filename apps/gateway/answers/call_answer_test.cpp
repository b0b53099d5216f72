#include "apps/gateway/answers/call_answer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::answers {
namespace {

inspection::Answer made(base::Arena& arena, std::uint16_t status, std::string_view body, std::string_view type = {}) {
  inspection::Answer answer{.status = status, .fields = http::FieldList{arena}, .body = body};
  if (!type.empty()) answer.fields.push_back({"Content-Type", type});
  make_grpc(answer, arena);
  return answer;
}

std::string value(const inspection::Answer& answer, std::string_view name) {
  const auto* const field = http::find(answer.fields, name);
  return field == nullptr ? "none" : std::string{field->value};
}

TEST(CallAnswer, ACallIsToldByItsContentType) {
  const auto is = [](std::string_view type) {
    const base::Header field{"Content-Type", type};
    return is_grpc(base::Headers{std::span{&field, 1}});
  };
  for (const auto* type : {"application/grpc", "Application/GRPC", "application/grpc+proto", "application/grpc;a=b"})
    EXPECT_TRUE(is(type)) << type;
  for (const auto* type : {"application/grpc-web", "application/grpcx", "application/json", ""})
    EXPECT_FALSE(is(type)) << type;
  EXPECT_FALSE(is_grpc({}));
}

TEST(CallAnswer, EndsACallInItsHead) {
  base::Arena arena;
  const auto answer = made(arena, 403, "no 100% of it\n", "text/plain; charset=utf-8");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(value(answer, "content-type"), "application/grpc");
  EXPECT_EQ(value(answer, "grpc-status"), "7");
  EXPECT_EQ(value(answer, "grpc-message"), "no 100%25 of it");
}

TEST(CallAnswer, WhatIsNoShortTextIsThePhraseOfItsStatus) {
  base::Arena arena;
  EXPECT_EQ(value(made(arena, 503, "<html>", "text/html"), "grpc-message"), "Service Unavailable");
  EXPECT_EQ(value(made(arena, 503, std::string(257, 'x')), "grpc-message"), "Service Unavailable");
  EXPECT_EQ(value(made(arena, 503, ""), "grpc-message"), "Service Unavailable");
}

TEST(CallAnswer, StatusesAreThoseThatClientsMakeOfThem) {
  const std::vector<std::pair<std::uint16_t, int>> table{{400, 13}, {401, 16}, {403, 7},  {404, 12},
                                                         {413, 8},  {429, 14}, {502, 14}, {503, 14},
                                                         {504, 14}, {302, 2},  {500, 2}};
  for (const auto& [http, grpc] : table) EXPECT_EQ(grpc_status_of(http), grpc) << http;
}

}  // namespace
}  // namespace picket::apps::gateway::answers

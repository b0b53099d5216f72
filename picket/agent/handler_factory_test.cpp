#include "picket/agent/handler_factory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/session/agent_info.hpp"

namespace picket::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::EventKind;

struct Named : Handler {
  Info info() const override { return {.id = "a", .version = "1"}; }
};
struct Heads : Named {
  Reply on_request_headers(const RequestHeaders&, Context&) override { return Decision::allow(); }
};
struct Bodies : Heads {
  Reply on_request_body(const RequestBodyChunk&, Context&) noexcept override { return Decision::allow(); }
};
struct Everything : HandlerWith<std::string, int> {
  Info info() const override {
    return {.id = "b", .name = "Bee", .limits = {.max_body_size = 7, .max_concurrency = 3}};
  }
  Reply on_request_headers(const RequestHeaders&, Context&) override { return Unanswered{}; }
  Reply on_request_body(const RequestBodyChunk&, Context&) override { return Unanswered{}; }
  Reply on_response_headers(const ResponseHeaders&, Context&) override { return Unanswered{}; }
  Reply on_response_body(const ResponseBodyChunk&, Context&) override { return Unanswered{}; }
  Reply on_websocket_frame(const WebSocketFrame&, Context&) override { return Unanswered{}; }
  Reply on_guardrail(const GuardrailInspect&, Context&) override { return Unanswered{}; }
  void on_complete(const RequestComplete&, Context&) override {}
  Acceptance on_configure(const wire::Value&, Context&) override { return base::Status{}; }
};

template <class H>
session::AgentInfo declared() {
  const HandlerFactory factory{[] { return std::make_unique<H>(); }};
  return factory.declaration(factory.make()->info());
}

TEST(HandlerFactory, WhatIsOverriddenIsDeclaredAndNothingElse) {
  EXPECT_THAT(declared<Named>().events, IsEmpty());
  EXPECT_THAT(declared<Heads>().events, ElementsAre(EventKind::request_headers));
  EXPECT_THAT(declared<Bodies>().events, ElementsAre(EventKind::request_headers, EventKind::request_body_chunk))
      << "what a base class overrides counts";
  EXPECT_THAT(declared<Everything>().events,
              ElementsAre(EventKind::configure, EventKind::request_headers, EventKind::request_body_chunk,
                          EventKind::response_headers, EventKind::response_body_chunk, EventKind::request_complete,
                          EventKind::websocket_frame, EventKind::guardrail_inspect));
}

TEST(HandlerFactory, FeaturesFollowFromTheEvents) {
  const auto some = declared<Heads>();
  EXPECT_FALSE(some.features.streaming_body || some.features.websocket || some.features.guardrails ||
               some.features.config_push);
  const auto all = declared<Everything>();
  EXPECT_TRUE(all.features.streaming_body && all.features.websocket && all.features.guardrails &&
              all.features.config_push && all.features.cancellation);
  EXPECT_EQ(all.features.concurrent_requests, 3U);
  EXPECT_EQ(all.limits.max_body_size, 7U);
}

TEST(HandlerFactory, TheNameForPeopleIsTheIdUnlessThereIsOne) {
  EXPECT_EQ(declared<Heads>().name, "a");
  EXPECT_EQ(declared<Everything>().name, "Bee");
}

TEST(HandlerFactory, AHandlerThatIsMoreThanTheFunctionSaysIsRefusedAtStartUp) {
  const HandlerFactory factory{[]() -> std::unique_ptr<Heads> { return std::make_unique<Bodies>(); }};
  EXPECT_THROW((void)factory.make(), std::logic_error) << "its bodies would never be delivered";
}

}  // namespace
}  // namespace picket::agent

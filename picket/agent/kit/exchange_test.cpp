#include "picket/agent/kit/exchange.hpp"

#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace picket::agent::kit {
namespace {

/// Uses everything that a handler has: state, deferral, configuration.
class Sample final : public HandlerWith<std::string> {
 public:
  [[nodiscard]] Info info() const override { return {.id = "s", .version = "1"}; }

  Reply on_request_headers(const RequestHeaders& event, Context& context) override {
    context.state() = event.uri;
    if (event.uri == "/misfit") return Decision::drop_frame();
    if (event.uri == "/evil") return Decision::block(403);
    if (event.uri == "/never") return Unanswered{};
    if (event.uri == "/lost") return context.defer().deferred();
    if (event.uri != "/later") return Decision::allow().tag(std::string{event.headers.find("host").value_or("none")});
    auto completion = context.defer();
    const auto deferred = completion.deferred();
    threads_.emplace_back([held = std::move(completion)]() mutable { std::move(held).complete(Decision::block(429)); });
    return deferred;
  }
  Reply on_request_body(const RequestBodyChunk& event, Context& context) override {
    return Decision::allow().tag(context.state() + std::to_string(event.chunk_index) + ":" +
                                 std::to_string(event.bytes_received));
  }
  Reply on_response_headers(const ResponseHeaders& event, Context&) override {
    return Decision::allow().tag(std::to_string(event.status));
  }
  void on_complete(const RequestComplete& event, Context&) override {
    end = "complete " + std::to_string(event.status) + " " + std::to_string(event.request_body_size);
  }
  void on_cancel(Context&) override { end = "cancel"; }
  Acceptance on_configure(const wire::Value& config, Context&) override {
    if (config.find("known") != nullptr) return {};
    return base::fail(base::ErrorKind::invalid_message, "no such key");
  }

  std::string end;

 private:
  std::vector<std::jthread> threads_;
};

TEST(AgentKit, OneLinePerExchange) {
  Sample handler;
  EXPECT_EQ(Exchange{handler}.get("/evil").block_status(), 403);
  EXPECT_TRUE(Exchange{handler}.get("/good").is_allow());
  EXPECT_EQ(Exchange{handler}.get("/", {{"Host", "a"}}).tags(), std::vector<std::string>{"a"});
}

TEST(AgentKit, EventsOfOneExchangeShareItsState) {
  Sample handler;
  Exchange exchange{handler};
  (void)exchange.request("POST", "/form");
  EXPECT_EQ(exchange.body("abc", false).tags(), std::vector<std::string>{"/form0:3"});
  EXPECT_EQ(exchange.body("de").tags(), std::vector<std::string>{"/form1:5"});
  EXPECT_EQ(exchange.response(404).tags(), std::vector<std::string>{"404"});
}

TEST(AgentKit, DeferredAnswersAreWaitedFor) {
  Sample handler;
  EXPECT_EQ(Exchange{handler}.get("/later").block_status(), 429);
}

TEST(AgentKit, EventLeftUnansweredIsAnError) {
  Sample handler;
  Exchange exchange{handler};
  EXPECT_THROW((void)exchange.get("/never"), std::runtime_error);
  EXPECT_THROW((void)exchange.get("/lost"), std::runtime_error);
}

TEST(AgentKit, ADecisionThatTheEventCannotHonourIsAnErrorThatNamesIt) {
  Sample handler;
  Exchange exchange{handler};
  try {
    (void)exchange.get("/misfit");
    FAIL() << "nothing was thrown";
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "request_headers cannot honour drop_frame()");
  }
}

TEST(AgentKit, EndOfTheExchangeReachesTheHandler) {
  Sample handler;
  {
    Exchange exchange{handler};
    (void)exchange.body("abcd");
    (void)exchange.response(201);
  }
  EXPECT_EQ(handler.end, "complete 201 4");
  Exchange{handler}.cancel();
  EXPECT_EQ(handler.end, "cancel");
}

/// Holds what comes until a full stop, which it makes an exclamation mark; refuses "!".
class Sentences final : public HandlerWith<int> {
 public:
  [[nodiscard]] Info info() const override { return {.id = "s", .version = "1"}; }
  Reply on_request_body(const RequestBodyChunk& event, Context&) override {
    return judge(base::as_text(event.data), event.is_last);
  }
  Reply on_response_body(const ResponseBodyChunk& event, Context&) override {
    return judge(base::as_text(event.data), event.is_last);
  }
  Reply on_guardrail(const GuardrailInspect& event, Context&) override {
    return Decision::allow().route("seen", std::string{event.content} + std::to_string(event.categories.size()));
  }

 private:
  static Reply judge(std::string_view text, bool is_last) {
    if (text.contains('!')) return Decision::block(400);
    if (text.ends_with('.')) return Decision::allow().replace_body(std::string{text.substr(0, text.size() - 1)} + "!");
    if (is_last && text != "stuck") return Decision::allow();
    return Decision::allow().needs_more();
  }
};

TEST(AgentKit, AStreamGivesWhatItsReceiverWouldHave) {
  Sentences handler;
  Exchange exchange{handler};
  const auto request = exchange.stream_body({"a", "b.", "c", "d"});
  EXPECT_EQ(request.received, "ab!cd");
  EXPECT_FALSE(request.refusal);
  EXPECT_EQ(request.answers, 4U);
  const auto response = exchange.stream_response_body({"a.", "b", "c!", "d"});
  EXPECT_EQ(response.received, "a!");  // b was held when it was refused
  ASSERT_TRUE(response.refusal);
  EXPECT_EQ(response.refusal->block_status(), 400);
  EXPECT_EQ(response.answers, 3U);
}

TEST(AgentKit, AStreamThatIsHeldForEverIsAnError) {
  Sentences handler;
  Exchange exchange{handler};
  EXPECT_THROW((void)exchange.stream_body({"a", "stuck"}), std::logic_error);
}

TEST(AgentKit, PiecesAreTheWholeBody) {
  using Pieces = std::vector<std::string_view>;
  EXPECT_EQ(Exchange::pieces("abcde", 2), (Pieces{"ab", "cd", "e"}));
  EXPECT_EQ(Exchange::pieces("abcd", 2), (Pieces{"ab", "cd"}));
  EXPECT_EQ(Exchange::pieces("", 2), (Pieces{""}));
}

TEST(AgentKit, TextsForModelsAreAnsweredForTheProxy) {
  Sentences handler;
  Exchange exchange{handler};
  const std::array<wire::Text, 1> categories{"pii"};
  const Decision answer = exchange.guardrail("hello", wire::InspectionType::pii_detection, categories);
  EXPECT_EQ(answer.routing("seen"), "hello1");
  EXPECT_EQ(answer.routing("other"), std::nullopt);
}

TEST(AgentKit, ConfigurationIsAcceptedOrRefused) {
  Sample handler;
  Exchange exchange{handler};
  const std::array<wire::Member, 1> known{{{"known", {}}}};
  EXPECT_TRUE(exchange.configure(wire::Value{wire::Value::Object{known}}));
  EXPECT_FALSE(exchange.configure(wire::Value{}));
}

}  // namespace
}  // namespace picket::agent::kit

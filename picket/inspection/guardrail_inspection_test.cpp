#include "picket/inspection/guardrail_inspection.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/inspection/inspection.hpp"
#include "picket/inspection/testing/inspected.hpp"

/// Agents that look at texts; what becomes of the texts is guardrail::TextStage's, and tested there.
namespace picket::inspection {
namespace {

using agent::Decision;
using testing::Script;
using testing::Terms;

class TextsOfBodies : public testing::InspectionTest {
 protected:
  static constexpr Events texts_only{.guardrail = true};
  static constexpr Events texts_and_answers{.response_body = true, .guardrail = true};

  static std::string delta(std::string_view text, std::string_view model, int choice = 0) {
    return R"(data: {"model":")" + std::string{model} + R"(","choices":[{"index":)" + std::to_string(choice) +
           R"(,"delta":{"content":")" + std::string{text} + "\"}}]}\n\n";
  }
  /// An answer's body on its way.
  void feed(Request& request, const std::string& bytes, bool is_last = false) {
    BodyInspection& body = request->response_body();
    body.begin(0);
    body.feed(base::SharedBytes::borrowed(base::as_bytes(kept_.emplace_back(bytes))), is_last);
  }
  static std::string out_of(Request& request) {
    std::string out;
    while (request->response_body().lets_out()) out += base::as_text(request->response_body().take().bytes.view());
    return out;
  }
  bool ended(const std::optional<Verdict>& verdict) {
    return until([&] { return verdict.has_value(); });
  }

 private:
  std::deque<std::string> kept_;
};

TEST_F(TextsOfBodies, AQuestionThatWaitsForItsTurnKeepsTheModelThatWasNamed) {
  auto& waits = agent({}, {.events = {}});
  Script script;
  script.guardrail = [&waits](const auto&, agent::Context& context) { return waits.hold(context); };
  script.limits.max_concurrency = 1;
  auto& asked = agent(std::move(script), {.events = texts_only});
  guardrail({.filter = 1, .window = 4});
  Request request{*this};
  feed(request, delta("hello", "model-1") + delta("world", "model-1", 1));
  std::optional<Verdict> of_hello;
  begin(request->response_body().judge(), of_hello);
  EXPECT_TRUE(until([&] { return asked.has_seen("text 'hello' of model-1"); }));
  Request other{*this};
  feed(other, delta("others", "model-2"));
  std::optional<Verdict> of_others;
  begin(other->response_body().judge(), of_others);
  waits.answer_held(Decision::allow());
  ASSERT_TRUE(ended(of_hello));
  EXPECT_NE(out_of(request), "") << "some of the first text; the second one's question waits behind the other body's";

  feed(request, delta("!", "model-3"));
  std::optional<Verdict> of_world;
  begin(request->response_body().judge(), of_world);
  waits.answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return asked.seen().size() >= 3; }));
  EXPECT_EQ(asked.seen(), (std::vector<std::string>{"text 'hello' of model-1", "text 'others' of model-2",
                                                    "text 'world' of model-1"}));
  waits.answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return asked.seen().size() >= 4; })) << "what has come since";
  waits.answer_held(Decision::allow());
  EXPECT_TRUE(ended(of_others) && ended(of_world));
}

TEST_F(TextsOfBodies, WhatGoesPastAGuardrailIsStillJudgedByTheFilterThatItsAgentIs) {
  constexpr std::size_t chunk = 256;
  const auto padded = [](std::string text) {
    text += ": ";
    text.append(chunk - text.size() - 2, '.');
    return text + "\n\n";
  };
  auto& waits = agent({}, {.events = {}});
  Script script;
  script.response_body = [&waits](const wire::ResponseBodyChunk& event, agent::Context& context) -> agent::Reply {
    return event.chunk_index == 0 ? agent::Reply{Decision::allow()} : waits.hold(context);
  };
  script.guardrail = [&waits](const auto&, agent::Context& context) { return waits.hold(context); };
  auto& asked =
      agent(std::move(script),
            {.events = texts_and_answers, .failure_mode = FailureMode::open, .chunk_size = chunk, .gathers = 0});
  guardrail({.filter = 1, .window = 4});
  Request request{*this};
  const std::string known = padded(delta("hello", "m"));
  const std::string unknown = padded("data: {\"type\":\"secret\"}\n\n");
  feed(request, known + unknown + "last", true);
  std::optional<Verdict> verdict;
  begin(request->response_body().judge(), verdict);
  EXPECT_TRUE(until([&] { return asked.seen().size() >= 4; })) << "three chunks and a text";
  waits.answer_held(Decision::allow());  // of the second chunk
  ASSERT_TRUE(ended(verdict));
  EXPECT_EQ(out_of(request), known + unknown);
  EXPECT_EQ(counters(1).bodies_uninspected.value(), 1U);
  std::optional<Verdict> of_last;
  begin(request->response_body().judge(), of_last);
  waits.answer_held(Decision::allow().replace_body("end"));
  ASSERT_TRUE(ended(of_last));
  EXPECT_EQ(out_of(request), "end");
  EXPECT_EQ(counters(1).failed_open.value(), 0U);
  EXPECT_FALSE(asked.has_seen("cancel"));
  waits.answer_held(Decision::allow());  // of the text: nobody looks
}

TEST_F(TextsOfBodies, AFindingCountsOnceItsAnswerCanBeHonoured) {
  Script script;
  script.guardrail = [](const auto&, agent::Context&) -> agent::Reply {
    auto answer = Decision::allow().route("guardrail_response",
                                          R"({"detected":true,"detections":[{"category":"x","span":[0,5]}]})");
    for (int i = 0; i < 150; ++i) answer.set_response_header("x-" + std::to_string(i), "1");
    return answer;
  };
  agent(std::move(script), {.events = texts_only, .failure_mode = FailureMode::open});
  guardrail({.filter = 0});
  Request request{*this};
  feed(request, delta("hello", "m"), true);
  EXPECT_TRUE(transport::testing::run(worker_, request->response_body().judge()).goes_on());
  EXPECT_EQ(out_of(request), delta("hello", "m"));
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_EQ(counters(0).findings_redacted.value(), 0U);
}

TEST_F(TextsOfBodies, AFindingThatIsRedactedCounts) {
  Script script;
  script.guardrail = [](const auto&, agent::Context&) -> agent::Reply {
    return Decision::allow().route("guardrail_response",
                                   R"({"detected":true,"detections":[{"category":"x","span":[0,5]}]})");
  };
  agent(std::move(script), {.events = texts_only});
  guardrail({.filter = 0});
  Request request{*this};
  feed(request, delta("hello", "m"), true);
  EXPECT_TRUE(transport::testing::run(worker_, request->response_body().judge()).goes_on());
  EXPECT_EQ(out_of(request), delta("[redacted]", "m"));
  EXPECT_EQ(counters(0).findings_redacted.value(), 1U);
}

TEST_F(TextsOfBodies, ABodyThatCannotBeUnpackedGoesPastAnAgentOnce) {
  agent({}, {.events = texts_and_answers, .failure_mode = FailureMode::open, .decompress = true});
  guardrail({.filter = 0});
  Request request{*this};
  const base::Header coding{"Content-Encoding", "x-unheard-of"};
  request->response_body().set_coding(std::span{&coding, 1});
  feed(request, "packed", true);
  EXPECT_EQ(out_of(request), "") << "before the agent's last word";
  EXPECT_TRUE(transport::testing::run(worker_, request->response_body().judge()).goes_on());
  EXPECT_EQ(out_of(request), "packed");
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
  EXPECT_EQ(audit_.outcomes.size(), 1U);
}

}  // namespace
}  // namespace picket::inspection

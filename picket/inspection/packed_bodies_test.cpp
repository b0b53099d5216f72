#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "picket/inspection/testing/inspected.hpp"

/// Bodies in a content coding that cannot be shown, or that nobody looks at to their end.
namespace picket::inspection {
namespace {

using agent::Decision;
using ::testing::ElementsAre;
using testing::ScriptedAgent;
using testing::Terms;

/// One block as it is, and no end (RFC 1952, RFC 1951 §3.2.4).
std::string begun_with(std::string_view content) {
  const auto size = static_cast<unsigned>(content.size());
  std::string packed{"\x1F\x8B\x08\0\0\0\0\0\0\xFF\0", 11};
  for (const unsigned length : {size, ~size}) {
    packed += static_cast<char>(length & 0xFFU);
    packed += static_cast<char>(length >> 8U & 0xFFU);
  }
  return packed.append(content);
}
const std::string begun = begun_with("hello");
/// What is no block of it.
const std::string wrong = "\xFF\xFF\xFF";

/// Much that is little: zeros, a thousand of them to a byte.
std::string packed_zeros(std::size_t size) {
  const std::string zeros(size, '\0');
  uLongf made = compressBound(size);
  std::string packed(made, '\0');
  EXPECT_EQ(
      compress(reinterpret_cast<Bytef*>(packed.data()), &made, reinterpret_cast<const Bytef*>(zeros.data()), size),
      Z_OK);
  packed.resize(made);
  return packed;
}

agent::Reply changes_the_first(const wire::RequestBodyChunk& event, agent::Context& /*context*/) {
  if (event.chunk_index == 0) return Decision::allow().replace_body("HELLO");
  return Decision::allow();
}

class PackedBodies : public testing::InspectionTest {
 protected:
  static Terms looks(FailureMode mode, std::uint64_t gathers = body::whole) {
    return {.events = {.request_body = true, .response_headers = true},
            .failure_mode = mode,
            .gathers = gathers,
            .decompress = true};
  }
  static BodyInspection& begin(Request& request, std::string_view coding = "gzip") {
    const base::Header field{"Content-Encoding", coding};
    request->request_body().set_coding(std::span{&field, 1});
    EXPECT_TRUE(request->request_body().begin(0));
    EXPECT_TRUE(request->request_body().is_unpacked() || coding == "zstd");
    return request->request_body();
  }
  static void begin_answer(Request& request) {
    static constexpr base::Header coding{"Content-Encoding", "gzip"};
    request->response_body().set_coding(std::span{&coding, 1});
    EXPECT_TRUE(request->response_body().begin(0));
  }
  void feed_answer(Request& request, std::string bytes) {
    const std::string& kept = kept_.emplace_back(std::move(bytes));
    request->response_body().feed(base::SharedBytes::borrowed(base::as_bytes(kept)), false);
  }
  Verdict judged_answer(Request& request) { return transport::testing::run(worker_, request->response_body().judge()); }

 private:
  std::deque<std::string> kept_;
};

TEST_F(PackedBodies, GoPastWhoFailsOpenAsTheyCame) {
  auto& looks_on = agent({}, looks(FailureMode::open));
  agent({}, looks(FailureMode::open));
  Request request{*this};
  BodyInspection& body = begin(request);
  request.feed(begun);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), "");
  request.feed(wrong);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), begun + wrong);
  EXPECT_FALSE(body.is_unpacked() || body.is_watched() || body.may_change());
  EXPECT_TRUE(body.is_inspected()) << "the rest goes this way, too";
  request.feed("and more", true);
  EXPECT_EQ(request.body(), begun + wrong + "and more");
  EXPECT_EQ(audit_.outcomes, (std::vector<std::string>{"agent-0 request_body uninspected - [] []",
                                                       "agent-1 request_body uninspected - [] []"}));
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
  EXPECT_THAT(looks_on.seen(), ElementsAre("body 0 '' last")) << "its last word";
  EXPECT_TRUE(request.response(200).goes_on());
  EXPECT_TRUE(looks_on.has_seen("response 200")) << "it has failed about that body alone";
}

TEST_F(PackedBodies, ThatEndEarlyDoSoToo) {
  agent({}, looks(FailureMode::open));
  Request request{*this};
  begin(request);
  request.feed(begun, true);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), begun);
}

TEST_F(PackedBodies, AreRefusedWhereOneFailsClosed) {
  agent({}, looks(FailureMode::open));
  agent({}, looks(FailureMode::closed));
  Request request{*this};
  begin(request);
  request.feed(begun + wrong, true);
  const Verdict verdict = request.judged_body();
  EXPECT_EQ(verdict.failure, Failure::body_undecodable);
  EXPECT_FALSE(verdict.cause.empty());
  EXPECT_EQ(verdict.agent, "agent-1");
  EXPECT_EQ(request.body(), "");
  EXPECT_EQ(audit_.outcomes, (std::vector<std::string>{"agent-1 request_body failed_closed 415 [] []"}));
  EXPECT_EQ(counters(1).failed_closed.value(), 1U);
}

TEST_F(PackedBodies, ThatBecomeTooMuchGoPastWhoFailsOpenAsTheyCame) {
  auto terms = looks(FailureMode::open);
  terms.max_body = 8'000'000;  // more than a hundred bytes for each
  const auto& first = agent({}, terms);
  terms.gathers = 1'000'000;
  agent({}, terms);
  const std::string packed = packed_zeros(5'000'000);
  Request request{*this};
  BodyInspection& body = begin(request, "deflate");
  request.feed(packed, true);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_TRUE(request.body() == packed);
  EXPECT_FALSE(body.is_unpacked() || body.may_change());
  EXPECT_THAT(first.seen(), ElementsAre("body 0 '' last"));
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
  EXPECT_EQ(counters(1).bodies_uninspected.value(), 1U);
}

TEST_F(PackedBodies, ThatBecomeTooMuchAreRefusedWhereOneFailsClosed) {
  auto terms = looks(FailureMode::closed);
  terms.max_body = 8'000'000;
  agent({}, terms);
  Request request{*this};
  begin(request, "deflate");
  request.feed(packed_zeros(5'000'000), true);
  const Verdict verdict = request.judged_body();
  EXPECT_EQ(verdict.failure, Failure::body_too_large);
  EXPECT_NE(verdict.cause.find("100 times"), std::string_view::npos);
  EXPECT_EQ(request.body(), "");
  EXPECT_EQ(counters(0).failed_closed.value(), 1U);
}

TEST_F(PackedBodies, AreNotUnpackedAnyMoreOnceTheyAreMoreThanAnAgentMayHold) {
  const auto& looks_on = agent({}, looks(FailureMode::open));  // of 1 MiB
  const std::string packed = packed_zeros(60'000'000);
  Request request{*this};
  BodyInspection& body = begin(request, "deflate");
  for (std::size_t at = 0; at < packed.size(); at += 20'000) {
    const std::string piece = packed.substr(at, 20'000);
    request.feed(piece, at + piece.size() == packed.size());
    EXPECT_TRUE(request.judged_body().goes_on());
    static_cast<void>(request.body());
  }
  EXPECT_TRUE(request.body() == packed);
  EXPECT_EQ(worker_.blocks().held(), 0U) << "what was unpacked of it is not kept";
  EXPECT_FALSE(body.is_unpacked());
  EXPECT_THAT(looks_on.seen(), ElementsAre("body 0 '' last"));
  EXPECT_EQ(counters(0).bodies_uninspected.value(), 1U);
}

TEST_F(PackedBodies, GoOnAsTheyCameBehindWhoFailsInTheMiddle) {
  const auto fails = [](const wire::RequestBodyChunk& event, agent::Context&) -> agent::Reply {
    if (event.chunk_index != 0) return agent::Unanswered{};
    return Decision::allow().replace_body("HELLO").needs_more();
  };
  auto terms = looks(FailureMode::open, 0);
  terms.chunk_size = 3;
  terms.timeout = std::chrono::milliseconds{300};
  agent({.request_body = fails}, terms);
  Request request{*this};
  BodyInspection& body = begin(request);
  request.feed(begun);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), begun) << "its changes went with it";
  EXPECT_FALSE(body.is_unpacked() || body.may_change());
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
}

TEST_F(PackedBodies, ThatAreGoneOnUnpackedAndBecomeTooMuchAreCut) {
  agent({}, looks(FailureMode::open, 0));
  const std::string packed = packed_zeros(20'000'000);
  Request request{*this};
  begin(request, "deflate");
  request.feed(packed, true);
  Verdict verdict;
  std::uint64_t passed = 0;
  while ((verdict = request.judged_body()).goes_on() && request->request_body().lets_out())
    while (request->request_body().lets_out()) passed += request->request_body().take().bytes.size();
  EXPECT_EQ(verdict.failure, Failure::body_too_large);
  EXPECT_LE(passed, packed.size() * 100 + base::block_size);
  EXPECT_GT(passed, 0U);
}

TEST_F(PackedBodies, ThatAnAgentHasChangedAndBecomeTooMuchAreRefusedAndThatIsNoFailureOfWhoFailsOpen) {
  agent({.request_body = changes_the_first}, looks(FailureMode::open, 0));
  auto terms = looks(FailureMode::open);
  terms.max_body = 8'000'000;
  agent({}, terms);
  Request request{*this};
  begin(request, "deflate");
  request.feed(packed_zeros(5'000'000), true);
  const Verdict verdict = request.judged_body();
  EXPECT_EQ(verdict.failure, Failure::body_too_large);
  EXPECT_EQ(verdict.decision, "refused");
  EXPECT_EQ(verdict.agent, "agent-0") << "whose change is lost otherwise";
  EXPECT_EQ(audit_.outcomes.back(), "agent-0 request_body refused 413 [] []");
  for (const std::size_t i : {0U, 1U})
    EXPECT_EQ(counters(i).failed_closed.value() + counters(i).failed_open.value(), 0U) << i;
}

TEST_F(PackedBodies, ThatAnAgentHasChangedAreAFailureOfAnotherThatFailsClosed) {
  agent({.request_body = changes_the_first}, looks(FailureMode::open, 0));
  agent({}, looks(FailureMode::closed));
  Request request{*this};
  begin(request);
  request.feed(begun);
  EXPECT_TRUE(request.judged_body().goes_on());
  request.feed(wrong, true);
  EXPECT_EQ(request.judged_body().decision, "failed_closed");
  EXPECT_EQ(audit_.outcomes.back(), "agent-1 request_body failed_closed 415 [] []");
  EXPECT_EQ(counters(1).failed_closed.value(), 1U);
}

TEST_F(PackedBodies, InACodingThatNobodyUndoesGoPastWhoFailsOpenBehindItsLastWord) {
  const auto& looks_on = agent({}, looks(FailureMode::open));
  Request request{*this};
  BodyInspection& body = begin(request, "zstd");
  request.feed("packed", true);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), "packed");
  EXPECT_FALSE(body.may_change());
  EXPECT_THAT(looks_on.seen(), ElementsAre("body 0 '' last"));
  EXPECT_EQ(audit_.outcomes, (std::vector<std::string>{"agent-0 request_body uninspected - [] []"}));
}

TEST_F(PackedBodies, DoNotAvoidWhatAnAgentSaysOfTheHeadAtTheEnd) {
  const auto blocks = [](const wire::RequestBodyChunk& event, agent::Context&) -> agent::Reply {
    if (event.is_last) return Decision::block(403);
    return Decision::allow();
  };
  agent({.request_body = blocks}, looks(FailureMode::open));
  for (const auto& [coding, bytes] : {std::pair{"gzip", begun + wrong}, std::pair{"zstd", std::string{"packed"}},
                                      std::pair{"deflate", packed_zeros(5'000'000)}}) {
    Request request{*this};
    begin(request, coding);
    request.feed(bytes, true);
    const Verdict verdict = request.judged_body();
    ASSERT_TRUE(verdict.answer) << coding;
    EXPECT_EQ(verdict.answer->status, 403);
    EXPECT_EQ(request.body(), "");
  }
}

TEST_F(PackedBodies, OfWhichSomethingHasGoneOnUnpackedAreCut) {
  agent({}, looks(FailureMode::open, 0));
  Request request{*this};
  begin(request);
  request.feed(begun);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), "hello");
  request->request_body().has_left();
  request.feed(wrong);
  const Verdict verdict = request.judged_body();
  EXPECT_EQ(verdict.failure, Failure::body_undecodable);
  EXPECT_EQ(verdict.decision, "cut");
  EXPECT_EQ(request.body(), "hello");
  EXPECT_EQ(audit_.outcomes, (std::vector<std::string>{"agent-0 request_body cut 415 [] []"}));
  EXPECT_EQ(counters(0).cut.value(), 1U);
  EXPECT_EQ(counters(0).failed_closed.value(), 0U) << "it fails open";
}

TEST_F(PackedBodies, WaitForWhoOwesAnAnswerAboutThem) {
  ScriptedAgent* holds = nullptr;
  holds = &agent({.request_body = [&holds](const auto&, agent::Context& context) { return holds->hold(context); }},
                 looks(FailureMode::open, 0));
  Request request{*this};
  begin(request);
  request.feed(begun);
  std::optional<Verdict> verdict;
  InspectionTest::begin(request.body_task(), verdict);
  EXPECT_TRUE(until([&] { return holds->has_seen("body 0 'hello'"); }));
  request.feed(wrong, true);
  EXPECT_TRUE(request->request_body().refusal().goes_on());
  EXPECT_EQ(request.body(), "");
  holds->answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return holds->has_seen("body 1 '' last"); }));
  EXPECT_EQ(request.body(), "");
  holds->answer_held(Decision::allow());
  EXPECT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_TRUE(verdict->goes_on());
  EXPECT_EQ(request.body(), begun + wrong);
}

TEST_F(PackedBodies, ThatAnAgentHasChangedDoNotGoOnAsTheyCame) {
  agent({}, looks(FailureMode::open, 0));
  agent({.request_body = changes_the_first}, looks(FailureMode::open, 0));
  Request request{*this};
  begin(request);
  request.feed(begun);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_TRUE(request->request_body().lets_out());
  request.feed(wrong, true);
  const Verdict verdict = request.judged_body();
  EXPECT_EQ(verdict.failure, Failure::body_undecodable);
  EXPECT_EQ(verdict.decision, "refused");
  EXPECT_EQ(verdict.agent, "agent-1") << "whose change is lost otherwise";
  EXPECT_EQ(request.body(), "");
  EXPECT_EQ(audit_.outcomes.back(), "agent-1 request_body refused 415 [] []");
  EXPECT_EQ(counters(1).failed_closed.value(), 0U);
}

TEST_F(PackedBodies, InWhichATextIsRedactedDoNotGoOnAsTheyCame) {
  const auto finds = [](const auto&, agent::Context&) -> agent::Reply {
    return Decision::allow().route("guardrail_response",
                                   R"({"detected":true,"detections":[{"category":"x","span":[3,8]}]})");
  };
  agent({.guardrail = finds}, {.events = {.guardrail = true}, .failure_mode = FailureMode::open, .decompress = true});
  for (const std::size_t window : {1U, 7U}) {
    guardrail({.filter = 0, .window = window});
    Request request{*this};
    begin_answer(request);
    feed_answer(request, begun_with("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi hello\"}}]}\n\n"));
    EXPECT_TRUE(judged_answer(request).goes_on());
    feed_answer(request, wrong);
    EXPECT_EQ(judged_answer(request).failure, Failure::answer_undecodable) << window << " bytes stay behind";
    EXPECT_FALSE(request->response_body().lets_out());
  }
}

TEST_F(PackedBodies, AreRefusedAsOverloadWhereTheirTextsHaveNoRoomAsTheyBreak) {
  const std::string content(20, 'a');  // four chunks: all that the agent is asked about at a time
  ScriptedAgent* fails = nullptr;
  fails = &agent({.response_body = [&fails](const auto&, agent::Context& context) { return fails->hold(context); }},
                 {.events = {.response_body = true},
                  .failure_mode = FailureMode::open,
                  .chunk_size = 5,
                  .gathers = 0,
                  .decompress = true});
  agent({}, {.events = {.guardrail = true}, .failure_mode = FailureMode::open, .decompress = true});
  guardrail({.filter = 1});
  Request request{*this};
  begin_answer(request);
  feed_answer(request, begun_with(content));
  std::optional<Verdict> verdict;
  InspectionTest::begin(request->response_body().judge(), verdict);
  EXPECT_TRUE(until([&] { return fails->has_seen("response body 0 'aaaaa'"); }));
  feed_answer(request, wrong);
  worker_.blocks().set_budget(1);                                                    // zlib gives back what it had
  fails->answer_held(Decision::allow().set_response_header("content-length", "0"));  // cannot be honoured
  EXPECT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_EQ(verdict->failure, Failure::overloaded);
}

TEST_F(PackedBodies, DoNotGoOnAsTheyCameWhereWhoOwesAnAnswerChangesThem) {
  ScriptedAgent* holds = nullptr;
  const auto owes = [&holds](const wire::RequestBodyChunk& event, agent::Context& context) -> agent::Reply {
    return event.chunk_index == 0 ? holds->hold(context) : agent::Reply{Decision::allow()};
  };
  holds = &agent({.request_body = owes}, looks(FailureMode::open, 0));
  for (const bool waits : {false, true}) {  // its last word lets go what waits
    Request request{*this};
    begin(request);
    request.feed(begun);
    std::optional<Verdict> verdict;
    InspectionTest::begin(request.body_task(), verdict);
    EXPECT_TRUE(until([&] { return std::ranges::count(holds->seen(), "body 0 'hello'") == (waits ? 2 : 1); }));
    request.feed(wrong, true);
    EXPECT_TRUE(request->request_body().refusal().goes_on());
    agent::Allow changed = Decision::allow().replace_body("HELLO");
    if (waits) changed.needs_more();
    holds->answer_held(std::move(changed));
    EXPECT_TRUE(until([&] { return verdict.has_value(); }));
    EXPECT_EQ(verdict->failure, Failure::body_undecodable) << (waits ? "with its last word" : "at once");
    EXPECT_EQ(request.body(), "");
  }
}

TEST_F(PackedBodies, CannotBeChangedByAnAnswerToTheEmptyChunk) {
  const auto changes = [](const wire::RequestBodyChunk& event, agent::Context&) -> agent::Reply {
    if (event.is_last) return Decision::allow().replace_body("HELLO");
    return Decision::allow();
  };
  agent({.request_body = changes}, looks(FailureMode::open));
  Request request{*this};
  begin(request);
  request.feed(begun + wrong, true);
  EXPECT_TRUE(request.judged_body().goes_on());
  EXPECT_EQ(request.body(), begun + wrong);
  EXPECT_EQ(counters(0).failed_open.value(), 1U);
  EXPECT_EQ(audit_.invalid_answers.size(), 1U);
}

}  // namespace
}  // namespace picket::inspection

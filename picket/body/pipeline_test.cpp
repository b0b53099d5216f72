#include "picket/body/pipeline.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "picket/body/agent_stage.hpp"
#include "picket/body/testing/toy_codecs.hpp"

namespace picket::body {
namespace {

base::SharedBytes borrowed(std::string_view text) { return base::SharedBytes::borrowed(base::as_bytes(text)); }

/// All that it lets out; "." stands for the end.
std::string out(Pipeline& pipeline) {
  std::string text;
  for (Part part = pipeline.take(); !part.is_nothing(); part = pipeline.take()) {
    text += base::as_text(part.bytes.view());
    if (part.is_last) text += '.';
  }
  return text;
}

/// Has every question answered that there is.
void allow_all(AgentStage& stage, Pipeline& pipeline) {
  while (stage.next()) {
    stage.allow(false);
    pipeline.pump();
  }
}

TEST(Pipeline, WithoutStagesAllGoesOnAsItComes) {
  Pipeline pipeline;
  pipeline.set_stages({});
  EXPECT_FALSE(pipeline.lets_out());
  pipeline.feed({borrowed("ab")});
  EXPECT_TRUE(pipeline.lets_out());
  EXPECT_EQ(out(pipeline), "ab");
  pipeline.feed({borrowed("c"), true});
  EXPECT_EQ(out(pipeline), "c.");
  EXPECT_FALSE(pipeline.lets_out());
}

TEST(Pipeline, WhatComesBeforeItsStagesWaits) {
  Pipeline pipeline;
  pipeline.feed({borrowed("abc"), true});
  EXPECT_FALSE(pipeline.lets_out());
  AgentStage agent{{}};
  const std::array<Stage*, 1> stages{&agent};
  pipeline.set_stages(stages);
  EXPECT_FALSE(pipeline.lets_out());
  allow_all(agent, pipeline);
  EXPECT_EQ(out(pipeline), "abc.");
}

TEST(Pipeline, EachStageSeesWhatTheOneBeforeMadeOfIt) {
  base::BlockPool pool;
  testing::Doubling doubling{pool};
  AgentStage agent{{}};
  testing::WithoutVowels consonants{pool};
  const std::array<Stage*, 3> stages{&doubling, &agent, &consonants};
  Pipeline pipeline;
  pipeline.set_stages(stages);
  pipeline.feed({borrowed("abcd"), true});
  const auto seen = agent.next();
  ASSERT_TRUE(seen);
  EXPECT_EQ(base::as_text(seen->bytes.view()), "aabbccdd");
  agent.replace(0, borrowed("faster"));
  agent.allow(false);
  pipeline.pump();
  EXPECT_EQ(out(pipeline), "fstr.");
}

TEST(Pipeline, WhoIsNotReadHoldsBackWhoSends) {
  Pipeline pipeline;
  AgentStage first{{.gathers = 0, .holds = 1000, .largest_chunk = 100}};
  AgentStage second{{.gathers = 0, .holds = 1000, .largest_chunk = 100}};
  const std::array<Stage*, 2> stages{&first, &second};
  pipeline.set_stages(stages);
  const std::string bytes(1 << 20, 'x');
  std::size_t fed = 0;
  for (std::size_t credit = pipeline.credit(); credit != 0; credit = pipeline.credit()) {
    pipeline.feed({borrowed(std::string_view{bytes}.substr(fed, credit))});
    fed += credit;
    allow_all(first, pipeline);
    allow_all(second, pipeline);
  }
  EXPECT_LE(fed, base::block_size + 2 * 400U) << "a block at its end, and what is under way in each stage";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pipeline.take(1000).bytes.size(), 100U);
  allow_all(second, pipeline);
  EXPECT_GT(pipeline.credit(), 0U) << "who is read lets it go on";
}

TEST(Pipeline, AStageThatStopsStopsItAll) {
  Pipeline pipeline;
  AgentStage first{{.gathers = 0}};
  AgentStage second{{.gathers = 0}};
  const std::array<Stage*, 2> stages{&first, &second};
  pipeline.set_stages(stages);
  pipeline.feed({borrowed("abc")});
  allow_all(first, pipeline);
  allow_all(second, pipeline);
  EXPECT_TRUE(pipeline.lets_out());
  second.refuse();
  pipeline.pump();
  EXPECT_EQ(pipeline.stopped(), Stop::decided);
  EXPECT_EQ(pipeline.stopper(), &second);
  EXPECT_EQ(pipeline.credit(), 0U);
  EXPECT_FALSE(pipeline.lets_out());
  EXPECT_TRUE(pipeline.take().is_nothing());
}

// ---- sizes

TEST(PipelineLimits, ItsOwnHoldsForWhatIsSaidAndForWhatComes) {
  for (const bool is_said : {true, false}) {
    Pipeline pipeline{4};
    pipeline.set_stages({});
    pipeline.expect(4);
    pipeline.feed({borrowed("abcd")});
    EXPECT_EQ(out(pipeline), "abcd");
    is_said ? pipeline.expect(5) : pipeline.feed({borrowed("e")});
    EXPECT_EQ(pipeline.stopped(), Stop::too_large);
    EXPECT_EQ(pipeline.stopper(), nullptr);
    EXPECT_TRUE(pipeline.take().is_nothing());
  }
}

TEST(PipelineLimits, TheSmallestThatRefusesCountsWhereverItStandsAndWhateverTheOthersMakeOfTheBody) {
  AgentStage large{{.holds = 9000}};
  AgentStage small{{.holds = 2000}};
  const std::array<Stage*, 2> stages{&large, &small};
  Pipeline pipeline;
  pipeline.set_stages(stages);
  pipeline.expect(2000);
  EXPECT_FALSE(pipeline.is_stopped());
  pipeline.expect(2001);
  EXPECT_EQ(pipeline.stopped(), Stop::too_large);
  EXPECT_EQ(pipeline.stopper(), &small);
}

TEST(PipelineLimits, WhatIsTooLargeForEverybodyGoesPastOneAfterTheOtherAndIsNotReadBefore) {
  AgentStage first{{.holds = 4, .refuses_larger = false}};
  AgentStage second{{.holds = 5, .refuses_larger = false}};
  const std::array<Stage*, 2> stages{&first, &second};
  Pipeline pipeline;
  pipeline.set_stages(stages);
  pipeline.expect(1000);
  EXPECT_EQ(pipeline.credit(), 0U);
  ASSERT_TRUE(first.next());
  EXPECT_FALSE(second.next()) << "the first one has not said its last word";
  first.allow(false);
  pipeline.pump();
  EXPECT_EQ(pipeline.credit(), base::block_size) << "it goes past the first, and waits for the second";
  const auto past = second.next();
  ASSERT_TRUE(past);
  EXPECT_TRUE(past->goes_past);
  EXPECT_EQ(past->body_size, 1000U);
  EXPECT_EQ(out(pipeline), "");
  second.allow(false);
  pipeline.pump();
  pipeline.feed({borrowed("abc")});
  EXPECT_EQ(out(pipeline), "abc");
}

TEST(PipelineLimits, WhatGoesPastOneAgentIsWholeForTheNext) {
  AgentStage small{{.holds = 4, .refuses_larger = false}};
  AgentStage large{{.holds = 100}};
  const std::array<Stage*, 2> stages{&small, &large};
  Pipeline pipeline;
  pipeline.set_stages(stages);
  pipeline.feed({borrowed("abcde"), true});
  ASSERT_TRUE(small.next());
  small.allow(false);
  pipeline.pump();
  const auto seen = large.next();
  ASSERT_TRUE(seen);
  EXPECT_EQ(base::as_text(seen->bytes.view()), "abcde");
}

TEST(PipelineLimits, WhatAnAgentMakesLargerThanTheNextOneTakesIsStopped) {
  AgentStage first{{}};
  AgentStage second{{.holds = 4}};
  const std::array<Stage*, 2> stages{&first, &second};
  Pipeline pipeline;
  pipeline.set_stages(stages);
  pipeline.feed({borrowed("abc"), true});
  ASSERT_TRUE(first.next());
  first.replace(0, borrowed("abcdef"));
  first.allow(false);
  pipeline.pump();
  EXPECT_EQ(pipeline.stopped(), Stop::too_large);
  EXPECT_EQ(pipeline.stopper(), &second);
}

}  // namespace
}  // namespace picket::body

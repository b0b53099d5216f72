#include "apps/gateway/http1/early_answer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"

namespace picket::apps::gateway::http1 {
namespace {

using namespace std::chrono_literals;
using testing::Pair;
using testing::turn_for;
using testing::turn_until;

class Early : public ::testing::Test {
 protected:
  bool has_outcome() {
    return turn_until(worker_, [this] { return early_.outcome().has_value(); });
  }

  transport::Worker worker_;
  Pair pair_{worker_};
  base::Buffer buffer_;
  base::Arena arena_;
  std::vector<int> interims_;
  int ended_ = 0;
  http::ResponseReader reader_{buffer_, false, arena_,
                               [this](const http::ResponseHead& head) { interims_.push_back(head.status); }};
  EarlyAnswer early_{pair_.stream, buffer_, reader_, [this] { ++ended_; }};
};

TEST_F(Early, AnAnswerEndsTheSendingOnceItsHeadIsWhole) {
  early_.start(false);
  pair_.send("HTTP/1.1 413 Content Too Large\r\nContent-Le");
  turn_for(worker_, 50ms);
  EXPECT_EQ(ended_, 0);
  pair_.send("ngth: 3\r\n\r\nabc");
  ASSERT_TRUE(has_outcome());
  EXPECT_EQ((*early_.outcome())->status, 413);
  EXPECT_EQ((*early_.outcome())->content_length, 3U);
  EXPECT_EQ(buffer_.text(), "abc");
  EXPECT_EQ(ended_, 1);
}

TEST_F(Early, InterimAnswersAreToldAndDoNotEndTheSending) {
  early_.start(true);
  pair_.send("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(turn_until(worker_, [this] { return interims_.size() == 1; }));
  EXPECT_EQ(ended_, 0);
  pair_.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  ASSERT_TRUE(has_outcome());
  EXPECT_EQ(interims_, (std::vector{100, 103}));
  EXPECT_EQ(ended_, 1);
}

TEST_F(Early, AnUpstreamThatHangsUpEndsTheSending) {
  early_.start(true);
  pair_.close();
  ASSERT_TRUE(has_outcome());
  EXPECT_EQ(early_.outcome()->error().kind(), base::ErrorKind::connection_closed);
  EXPECT_EQ(ended_, 1);
}

TEST_F(Early, WhatIsNoAnswerEndsTheSending) {
  early_.start(true);
  pair_.send("SSH-2.0-OpenSSH\r\n\r\n");
  ASSERT_TRUE(has_outcome());
  EXPECT_EQ(early_.outcome()->error().kind(), base::ErrorKind::invalid_message);
  EXPECT_EQ(ended_, 1);
}

TEST_F(Early, WhatComesAfterItIsStoppedIsLeftToWhoReadsNext) {
  early_.start(true);
  worker_.turn(worker_.now());
  early_.stop();
  pair_.send("HTTP/1.1 200 OK\r\n\r\n");
  turn_for(worker_, 5ms);
  EXPECT_FALSE(early_.outcome());
  EXPECT_TRUE(pair_.stream.has_input());
  EXPECT_EQ(ended_, 0);
}

}  // namespace
}  // namespace picket::apps::gateway::http1

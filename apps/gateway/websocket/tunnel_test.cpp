#include "apps/gateway/websocket/tunnel.hpp"

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"
#include "apps/gateway/websocket/stream_end.hpp"

namespace picket::apps::gateway::websocket {
namespace {

using namespace std::chrono_literals;
using gateway::testing::Pair;

class Tunnels : public ::testing::Test {
 protected:
  void begin(base::Duration idle = 60s) {
    tunnel_.emplace(worker_, client_end_, upstream_end_, idle);
    transport::spawn(run());
  }
  [[nodiscard]] bool ends() {
    return transport::testing::turn_until(worker_, [this] { return is_over_; });
  }

  transport::Worker worker_;
  Pair client_{worker_};
  Pair upstream_{worker_};
  base::Buffer client_buffered_;
  base::Buffer upstream_buffered_;
  StreamEnd client_end_{client_.stream, client_buffered_};
  StreamEnd upstream_end_{upstream_.stream, upstream_buffered_};
  std::optional<Tunnel> tunnel_;
  bool is_over_ = false;

 private:
  transport::Task<void> run() {
    co_await tunnel_->run();
    is_over_ = true;
  }
};

TEST_F(Tunnels, PassWhatComesOnOneSideToTheOtherAndWhatHadComeAlreadyFirst) {
  client_buffered_.append("had ");
  upstream_buffered_.append("and ");
  begin();
  client_.send("come");
  upstream_.send("back");
  upstream_.far.expect("had come");
  client_.far.expect("and back");
  EXPECT_FALSE(is_over_);
  client_.close();
  upstream_.close();
  EXPECT_TRUE(ends());
  EXPECT_EQ(tunnel_->passed().from_client, 8U);
  EXPECT_EQ(tunnel_->passed().from_upstream, 8U);
}

TEST_F(Tunnels, AnEndThatSendsNoMoreIsStillSentTo) {
  begin();
  client_.far.shutdown_write();
  EXPECT_EQ(upstream_.far.end(), 0);
  upstream_.send("late");
  client_.far.expect("late");
  EXPECT_FALSE(is_over_);
  upstream_.far.shutdown_write();
  EXPECT_EQ(client_.far.end(), 0);
  EXPECT_TRUE(ends());
}

TEST_F(Tunnels, AreOverWhenNothingHasPassedForAWhile) {
  begin(50ms);
  EXPECT_TRUE(ends());
}

TEST_F(Tunnels, GoOnWhileBytesPassEitherWay) {
  begin(200ms);
  for (int i = 0; i < 6; ++i) {
    transport::testing::turn_for(worker_, 50ms);
    upstream_.send("x");
  }
  EXPECT_FALSE(is_over_) << "the client only listens";
  EXPECT_TRUE(ends());
}

TEST_F(Tunnels, WhoTakesNothingEndsThemInTheSameTime) {
  begin(100ms);
  (void)client_.far.fill();
  EXPECT_TRUE(ends());
}

TEST_F(Tunnels, ThatAreCancelledOnOneSideEndOnBoth) {
  for (const bool of_client : {true, false}) {
    is_over_ = false;
    begin();
    transport::testing::turn_for(worker_, 5ms);
    (of_client ? client_ : upstream_).stream.cancel();
    EXPECT_TRUE(ends()) << of_client;
  }
}

TEST_F(Tunnels, WhoseStreamIsClosedMeanwhileEnd) {
  begin();
  transport::testing::turn_for(worker_, 5ms);
  upstream_.stream.close();
  EXPECT_TRUE(ends());
}

}  // namespace
}  // namespace picket::apps::gateway::websocket

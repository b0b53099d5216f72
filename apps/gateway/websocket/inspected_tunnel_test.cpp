#include "apps/gateway/websocket/inspected_tunnel.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"
#include "apps/gateway/websocket/stream_end.hpp"
#include "apps/gateway/websocket/testing/fake_end.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/inspection/testing/inspected.hpp"
#include "picket/websocket/close.hpp"
#include "picket/websocket/testing/bytes.hpp"

namespace picket::apps::gateway::websocket {
namespace {

using namespace std::chrono_literals;
using inspection::testing::Script;
using inspection::testing::Terms;
using picket::websocket::Assembly;
using picket::websocket::Breach;
using picket::websocket::Opcode;
using picket::websocket::Sender;
using picket::websocket::testing::raw;
using testing::FakeEnd;

/// As a client sends it.
std::string up(Opcode opcode, std::string_view payload, bool fin = true) {
  return picket::websocket::testing::frame(opcode, payload, fin);
}
/// As an upstream does.
std::string down(Opcode opcode, std::string_view payload, bool fin = true) {
  return picket::websocket::testing::frame(opcode, payload, fin, std::nullopt);
}
std::string code(unsigned number) { return raw({number >> 8, number & 0xFF}); }

/// What an end got, as "1 Hello"; what is none ends it.
std::vector<std::string> frames_in(std::string got, Sender sender) {
  Assembly assembly{sender, 10'000'000};
  std::vector<std::string> frames;
  std::span<char> rest{got};
  while (!rest.empty()) {
    const auto frame = assembly.read(rest);
    if (!frame || !*frame) {
      frames.emplace_back("broken");
      break;
    }
    frames.push_back(std::to_string(static_cast<int>((*frame)->opcode)) + " " +
                     std::string{base::as_text((*frame)->payload)});
  }
  return frames;
}
using Frames = std::vector<std::string>;

agent::Reply by_word(const wire::WebSocketFrame& frame, agent::Context&) {
  const std::string_view data = base::as_text(frame.data);
  if (data.contains("drop")) return agent::Decision::drop_frame();
  if (data.contains("close")) return agent::Decision::close_websocket(4000, "no");
  return agent::Decision::allow();
}

class InspectedTunnels : public inspection::testing::InspectionTest {
 protected:
  static constexpr inspection::Events frames_only{.websocket_frame = true};
  static constexpr Terms closed{.events = frames_only};
  static constexpr Terms open{.events = frames_only, .failure_mode = inspection::FailureMode::open};

  InspectedTunnels() { worker_.blocks().set_budget(16 << 20); }
  ~InspectedTunnels() override {
    if (!tunnel_ || is_over_) return;
    cancel_.request(wire::CancelReason::client_disconnect);
    (*request_)->cancel(wire::CancelReason::client_disconnect);
    EXPECT_TRUE(ends());
  }

  transport::Task<void> run(InspectedTunnel& tunnel) {
    co_await tunnel.run();
    is_over_ = true;
  }
  void begin(std::size_t max_message = 1000) {
    request_.emplace(*this);
    tunnel_.emplace(worker_, client_, upstream_, (*request_)->frames(), cancel_, counted_,
                    InspectedTunnel::Terms{.idle = idle_,
                                           .to_hold = to_hold_,
                                           .to_close = to_close_,
                                           .max_message = max_message,
                                           .route = "chat",
                                           .client_ip = "192.0.2.1"});
    transport::spawn(run(*tunnel_));
  }
  [[nodiscard]] bool ends() {
    return until([this] { return is_over_; });
  }
  [[nodiscard]] Frames of_upstream() const { return frames_in(upstream_.got, Sender::client); }
  [[nodiscard]] Frames of_client() const { return frames_in(client_.got, Sender::server); }
  void expect_upstream(const Frames& frames) {
    EXPECT_TRUE(until([&] { return of_upstream().size() >= frames.size(); }));
    EXPECT_EQ(of_upstream(), frames);
  }
  void expect_client(const Frames& frames) {
    EXPECT_TRUE(until([&] { return of_client().size() >= frames.size(); }));
    EXPECT_EQ(of_client(), frames);
  }
  /// A message that begins so, and goes on with nothing until it is given up.
  void for_ever(std::string_view begins) {
    to_hold_ = 50ms;
    agent({.websocket_frame = by_word}, closed);
    begin();
    client_.peer.push(up(Opcode::binary, begins, false));
    EXPECT_TRUE(until([&] {
      client_.peer.push(up(Opcode::continuation, "", false));
      return tunnel_->closing().has_value();
    }));
    EXPECT_EQ(tunnel_->closing()->breach, Breach::too_slow);
  }
  /// Both ends are told, and end.
  void expect_closed(std::uint16_t with) {
    EXPECT_TRUE(until([&] { return client_.got_end && upstream_.got_end; }));
    EXPECT_TRUE(of_client().back().starts_with("8 " + code(with))) << of_client().back();
    EXPECT_TRUE(of_upstream().back().starts_with("8 " + code(with))) << of_upstream().back();
    client_.peer.end();
    upstream_.peer.end();
    EXPECT_TRUE(ends());
    EXPECT_FALSE(client_.was_cut);
    ASSERT_TRUE(tunnel_->closing());
    EXPECT_EQ(tunnel_->closing()->code, with);
    EXPECT_FALSE(client_.wrote_after_the_end || upstream_.wrote_after_the_end);
  }

  base::Duration idle_ = 60s;
  base::Duration to_hold_ = 60s;
  base::Duration to_close_ = 60s;
  FakeEnd client_{worker_};
  FakeEnd upstream_{worker_};
  Counters counted_;
  transport::Cancel cancel_;
  std::optional<Request> request_;
  std::optional<InspectedTunnel> tunnel_;
  bool is_over_ = false;
};

TEST_F(InspectedTunnels, PassMessagesBothWaysAndTellAgentsOfEachFrame) {
  auto& seen = agent({}, closed);
  begin();
  client_.peer.push(up(Opcode::text, "Hel", false) + up(Opcode::continuation, "lo"));
  expect_upstream({"1 Hello"});
  upstream_.peer.push(down(Opcode::binary, "back"));
  expect_client({"2 back"});
  EXPECT_EQ(seen.seen(), (std::vector<std::string>{"frame > 0 text 'Hel'…", "frame > 1 continuation 'lo'",
                                                   "frame < 0 binary 'back'"}));
  EXPECT_EQ(counted_.frames[0].value(), 2U);
  EXPECT_EQ(counted_.frames[1].value(), 1U);
  client_.peer.end();
  upstream_.peer.end();
  EXPECT_TRUE(ends());
  EXPECT_TRUE(client_.got_end && upstream_.got_end);
  EXPECT_FALSE(tunnel_->closing());
  EXPECT_EQ(tunnel_->passed().from_client, upstream_.got.size());
  EXPECT_EQ(tunnel_->passed().from_upstream, client_.got.size());
}

TEST_F(InspectedTunnels, BytesMayComeOneByOne) {
  agent({}, closed);
  begin();
  for (const char byte : up(Opcode::text, "slow") + up(Opcode::ping, "")) {
    client_.peer.push({&byte, 1});
    transport::testing::turn_for(worker_, 0ms);
  }
  expect_upstream({"1 slow", "9 "});
}

TEST_F(InspectedTunnels, NothingOfAMessageIsPassedBeforeTheVerdictOnItsLastFrame) {
  auto& waits = agent({}, closed);
  Script script;
  script.websocket_frame = [&waits](const wire::WebSocketFrame& frame, agent::Context& context) -> agent::Reply {
    return frame.fin ? waits.hold(context) : agent::Reply{agent::Decision::allow()};
  };
  agent(std::move(script), closed);
  begin();
  client_.peer.push(up(Opcode::text, "one", false) + up(Opcode::continuation, "two"));
  EXPECT_TRUE(until([&] { return waits.has_seen("frame > 1 continuation 'two'"); }));
  transport::testing::turn_for(worker_, 20ms);
  EXPECT_EQ(upstream_.got, "");
  waits.answer_held(agent::Decision::allow());
  expect_upstream({"1 onetwo"});
}

TEST_F(InspectedTunnels, AControlFrameBetweenFragmentsGoesOnBeforeTheirMessage) {
  agent({}, closed);
  begin();
  client_.peer.push(up(Opcode::text, "one", false) + up(Opcode::ping, "p"));
  expect_upstream({"9 p"});
  client_.peer.push(up(Opcode::continuation, "two"));
  expect_upstream({"9 p", "1 onetwo"});
}

TEST_F(InspectedTunnels, ADropOfAnyFrameDropsItsMessageAndNoOther) {
  agent({.websocket_frame = by_word}, closed);
  begin();
  client_.peer.push(up(Opcode::text, "drop", false) + up(Opcode::ping, "p") + up(Opcode::continuation, "rest") +
                    up(Opcode::text, "next"));
  expect_upstream({"9 p", "1 next"});
  client_.peer.push(up(Opcode::text, "a ", false) + up(Opcode::ping, "drop") + up(Opcode::continuation, "whole"));
  expect_upstream({"9 p", "1 next", "1 a whole"});
  EXPECT_EQ(counted_.messages_dropped.value(), 1U);
}

TEST_F(InspectedTunnels, AnAgentsCloseIsSaidToBothEnds) {
  agent({.websocket_frame = by_word}, closed);
  begin();
  upstream_.peer.push(down(Opcode::text, "close") + down(Opcode::text, "too late"));
  expect_closed(4000);
  EXPECT_EQ(of_client(), (Frames{"8 " + code(4000) + "no"}));
  EXPECT_EQ(tunnel_->closing()->verdict->agent, "agent-0");
}

struct Barred {
  std::string bytes;
  Breach breach;
  std::uint16_t code;
};
class Breaches : public InspectedTunnels, public ::testing::WithParamInterface<Barred> {};

TEST_P(Breaches, AreClosedWithTheirCodeAndCounted) {
  agent({}, closed);
  begin();
  client_.peer.push(GetParam().bytes);
  expect_closed(GetParam().code);
  EXPECT_EQ(tunnel_->closing()->breach, GetParam().breach);
  EXPECT_EQ(counted_.breaches[static_cast<std::size_t>(GetParam().breach)].value(), 1U);
}

INSTANTIATE_TEST_SUITE_P(OfClients, Breaches,
                         ::testing::Values(Barred{raw({0xF1}), Breach::reserved_bits, 1002},
                                           Barred{up(Opcode::continuation, "x"), Breach::lone_continuation, 1002},
                                           Barred{raw({0x81, 0x01}), Breach::masking, 1002},
                                           Barred{up(Opcode::text, raw({0xFF})), Breach::bad_text, 1007},
                                           Barred{up(Opcode::binary, std::string(1001, 'x')), Breach::too_large,
                                                  1009}));

TEST_F(InspectedTunnels, TooLargeAMessageOfTheUpstreamsIsClosedToo) {
  agent({}, closed);
  begin();
  upstream_.peer.push(down(Opcode::binary, std::string(600, 'x'), false) +
                      down(Opcode::continuation, std::string(401, 'x')));
  expect_closed(1009);
  EXPECT_EQ(tunnel_->closing()->sender, Sender::server);
}

TEST_F(InspectedTunnels, AnAgentThatIsAskedAboutTheOtherDirectionDoesNotKeepAnEndFromBeingTold) {
  auto& waits = agent({}, closed);
  Script script;
  script.websocket_frame = [&waits](const wire::WebSocketFrame&, agent::Context& context) -> agent::Reply {
    return waits.hold(context);
  };
  auto& holds = agent(std::move(script), {.events = frames_only, .timeout = std::chrono::hours{1}});
  begin();
  upstream_.peer.push(down(Opcode::text, "slow"));
  EXPECT_TRUE(until([&] { return holds.has_seen("frame < 0 text 'slow'"); }));
  client_.peer.push(up(Opcode::binary, std::string(1001, 'x')));
  expect_closed(1009);
  EXPECT_TRUE(until([&] { return holds.has_seen("cancel"); }));
}

TEST_F(InspectedTunnels, WhoFailsClosedClosesAndWhoFailsOpenIsGonePast) {
  auto& opens = agent({}, open);
  auto& closes = agent({}, closed);
  begin();
  client_.peer.push(up(Opcode::text, "one", false));
  EXPECT_TRUE(until([&] { return closes.has_seen("frame > 0 text 'one'…"); }));
  opens.stop();
  client_.peer.push(up(Opcode::continuation, "two"));
  expect_upstream({"1 onetwo"});
  closes.stop();
  client_.peer.push(up(Opcode::text, "three"));
  expect_closed(1011);
  EXPECT_EQ(tunnel_->closing()->verdict->failure, inspection::Failure::unavailable);
}

TEST_F(InspectedTunnels, AReceiverThatIsSlowHoldsItsSenderBack) {
  agent({}, closed);
  begin();
  upstream_.stalls();
  client_.peer.push(up(Opcode::text, "one"));
  EXPECT_TRUE(until([&] { return upstream_.is_written_to(); }));
  client_.peer.push(up(Opcode::text, "two"));
  transport::testing::turn_for(worker_, 20ms);
  EXPECT_TRUE(client_.peer.has_bytes()) << "it is not read";
  upstream_.goes_on();
  expect_upstream({"1 one", "1 two"});
}

TEST_F(InspectedTunnels, WhatIsHeldCountsAndGoesBack) {
  agent({}, closed);
  begin(100'000);
  client_.peer.push(up(Opcode::binary, std::string(5000, 'x'), false));
  EXPECT_TRUE(until([&] { return worker_.blocks().held() == 5000; }));
  client_.peer.push(up(Opcode::continuation, ""));
  EXPECT_TRUE(until([&] { return worker_.blocks().held() == 0; }));
}

TEST_F(InspectedTunnels, AMessageThatIsNotWholeInItsTimeIsClosedWhateverComesBetween) {
  to_hold_ = 50ms;
  agent({}, closed);
  begin(100'000);
  client_.peer.push(up(Opcode::binary, std::string(5000, 'x'), false) + up(Opcode::ping, ""));
  EXPECT_TRUE(until([&] { return worker_.blocks().held() == 5000; }));
  client_.peer.push(up(Opcode::ping, ""));
  expect_closed(1008);
  EXPECT_EQ(of_client(), (Frames{"8 " + code(1008) + "a message was not whole in time"}));
  EXPECT_EQ(tunnel_->closing()->breach, Breach::too_slow);
  EXPECT_EQ(counted_.breaches[static_cast<std::size_t>(Breach::too_slow)].value(), 1U);
  EXPECT_EQ(worker_.blocks().held(), 0U);
}

TEST_F(InspectedTunnels, SoIsOneOfWhichNothingIsHeld) {
  for_ever("");
  expect_closed(1008);
}

TEST_F(InspectedTunnels, SoIsOneThatIsDropped) {
  for_ever("drop");
  expect_closed(1008);
}

TEST_F(InspectedTunnels, AMessageThatIsWholeMayWaitForItsVerdict) {
  to_hold_ = 50ms;
  auto& waits = agent({}, closed);
  Script script;
  script.websocket_frame = [&waits](const wire::WebSocketFrame& frame, agent::Context& context) -> agent::Reply {
    return frame.fin ? waits.hold(context) : agent::Reply{agent::Decision::allow()};
  };
  agent(std::move(script), {.events = frames_only, .timeout = std::chrono::hours{1}});
  begin();
  client_.peer.push(up(Opcode::text, "one", false));
  transport::testing::turn_for(worker_, 0ms);
  client_.peer.push(up(Opcode::continuation, "two"));
  EXPECT_TRUE(until([&] { return waits.has_seen("frame > 1 continuation 'two'"); }));
  transport::testing::turn_for(worker_, 150ms);
  EXPECT_FALSE(tunnel_->closing());
  waits.answer_held(agent::Decision::allow());
  expect_upstream({"1 onetwo"});
}

TEST_F(InspectedTunnels, OfADroppedMessageNothingStaysHeldWhileItComes) {
  agent({.websocket_frame = by_word}, closed);
  begin(100'000);
  client_.peer.push(up(Opcode::binary, "drop" + std::string(5000, 'x'), false));
  EXPECT_TRUE(until([&] { return counted_.frames[0].value() == 1 && worker_.blocks().held() == 0; }));
  client_.peer.push(up(Opcode::continuation, std::string(5000, 'x'), false) + up(Opcode::continuation, "rest") +
                    up(Opcode::text, "next"));
  expect_upstream({"1 next"});
  EXPECT_EQ(counted_.messages_dropped.value(), 1U);
}

TEST_F(InspectedTunnels, WhatCanNeverBeWholeIsHeldNoMore) {
  agent({}, closed);
  begin(100'000);
  client_.peer.push(up(Opcode::binary, std::string(5000, 'x'), false));
  upstream_.peer.push(down(Opcode::binary, std::string(6000, 'x'), false));
  EXPECT_TRUE(until([&] { return worker_.blocks().held() == 11'000; }));
  client_.peer.end();
  EXPECT_TRUE(until([&] { return worker_.blocks().held() == 6000; })) << "behind its end";
  upstream_.peer.push(down(Opcode::close, code(1000)));
  EXPECT_TRUE(until([&] { return worker_.blocks().held() == 0; })) << "behind its close";
  upstream_.peer.end();
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, BehindACloseThatIsDroppedNothingGoesOnEither) {
  auto& seen = agent({.websocket_frame = by_word}, closed);
  begin();
  client_.peer.push(up(Opcode::close, code(1000) + "drop") + up(Opcode::text, "behind"));
  upstream_.peer.push(down(Opcode::text, "last words"));
  expect_client({"1 last words"});
  client_.peer.end();
  EXPECT_TRUE(until([&] { return upstream_.got_end; }));
  EXPECT_EQ(upstream_.got, "");
  EXPECT_FALSE(seen.has_seen("frame > 1 text 'behind'"));
  upstream_.peer.end();
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, AMessageForWhichThereIsNoPlaceIsClosed) {
  worker_.blocks().set_budget(1000);
  agent({}, closed);
  begin(100'000);
  client_.peer.push(up(Opcode::binary, std::string(2000, 'x')));
  expect_closed(1013);
  EXPECT_TRUE(tunnel_->closing()->is_overloaded);
}

TEST_F(InspectedTunnels, ACloseOfAnEndPassesAndWhatComesBehindItDoesNot) {
  auto& seen = agent({}, closed);
  begin();
  client_.peer.push(up(Opcode::close, code(1000) + "bye") + up(Opcode::text, "behind"));
  expect_upstream({"8 " + code(1000) + "bye"});
  upstream_.peer.push(down(Opcode::text, "last words") + down(Opcode::close, code(1000)));
  expect_client({"1 last words", "8 " + code(1000)});
  upstream_.peer.end();
  client_.peer.end();
  EXPECT_TRUE(ends());
  EXPECT_FALSE(seen.has_seen("frame > 1 text 'behind'"));
  EXPECT_FALSE(tunnel_->closing());
}

TEST_F(InspectedTunnels, EndsThatHaveBothClosedAndDoNotLeaveAreNotWaitedFor) {
  to_close_ = 50ms;
  agent({}, closed);
  begin();
  client_.peer.push(up(Opcode::close, code(1000)));
  expect_upstream({"8 " + code(1000)});
  upstream_.peer.push(down(Opcode::close, code(1000)));
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, WhoDoesNotLeaveThoughItWasToldIsNotWaitedFor) {
  to_close_ = 50ms;
  agent({.websocket_frame = by_word}, closed);
  begin();
  upstream_.stalls();
  client_.peer.push(up(Opcode::text, "one"));
  EXPECT_TRUE(until([&] { return upstream_.is_written_to(); }));
  upstream_.peer.push(down(Opcode::text, "close"));
  EXPECT_TRUE(ends());
  EXPECT_EQ(of_client(), (Frames{"8 " + code(4000) + "no"}));
}

TEST_F(InspectedTunnels, AnEndThatSendsNoMoreIsStillSentTo) {
  agent({}, closed);
  begin();
  client_.peer.push(up(Opcode::text, "half", false));
  client_.peer.end();
  EXPECT_TRUE(until([&] { return upstream_.got_end; }));
  EXPECT_EQ(upstream_.got, "") << "no message, no bytes";
  upstream_.peer.push(down(Opcode::text, "late"));
  expect_client({"1 late"});
  upstream_.peer.end();
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, AnEndThatIsGoneEndsTheOther) {
  agent({}, closed);
  begin();
  transport::testing::turn_for(worker_, 0ms);
  client_.peer.fail(testing::broken());
  EXPECT_TRUE(ends());
  EXPECT_TRUE(upstream_.was_cut);
}

TEST_F(InspectedTunnels, BothEndsAreToldThatNothingHasPassedForTooLong) {
  agent({}, closed);
  idle_ = 50ms;
  gateway::testing::Pair client{worker_};
  gateway::testing::Pair upstream{worker_};
  base::Buffer none;
  StreamEnd client_end{client.stream, none};
  StreamEnd upstream_end{upstream.stream, none};
  request_.emplace(*this);
  InspectedTunnel tunnel{worker_,
                         client_end,
                         upstream_end,
                         (*request_)->frames(),
                         cancel_,
                         counted_,
                         {.idle = idle_,
                          .to_hold = 60s,
                          .to_close = to_close_,
                          .max_message = 1000,
                          .route = "chat",
                          .client_ip = "192.0.2.1"}};
  transport::spawn(run(tunnel));
  client.far.expect(down(Opcode::close, code(1001) + "nothing has passed for too long"));
  client.close();
  upstream.close();
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, AProcessThatEndsSaysSo) {
  agent({}, closed);
  begin();
  transport::testing::turn_for(worker_, 0ms);
  cancel_.request(wire::CancelReason::proxy_shutdown);
  EXPECT_EQ(of_client(), (Frames{"8 " + code(1001)}));
  EXPECT_EQ(of_upstream(), (Frames{"8 " + code(1001)}));
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, AProcessThatEndsSaysNothingBehindAnEnd) {
  agent({}, closed);
  begin();
  client_.peer.end();
  EXPECT_TRUE(until([&] { return upstream_.got_end; }));
  cancel_.request(wire::CancelReason::proxy_shutdown);
  EXPECT_EQ(upstream_.got, "");
  EXPECT_FALSE(upstream_.wrote_after_the_end);
  EXPECT_EQ(of_client(), (Frames{"8 " + code(1001)}));
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, AProcessThatEndsSaysNothingWithinAMessage) {
  agent({}, closed);
  begin();
  upstream_.stalls();
  client_.peer.push(up(Opcode::text, "one"));
  EXPECT_TRUE(until([&] { return upstream_.is_written_to(); }));
  cancel_.request(wire::CancelReason::proxy_shutdown);
  EXPECT_EQ(upstream_.got, "");
  EXPECT_EQ(of_client(), (Frames{"8 " + code(1001)}));
  EXPECT_TRUE(ends());
}

TEST_F(InspectedTunnels, BothEndsMayBreakTheStandardAtOnce) {
  agent({}, closed);
  begin();
  client_.peer.push(raw({0xF1}));
  upstream_.peer.push(raw({0xF1}));
  expect_closed(1002);
}

}  // namespace
}  // namespace picket::apps::gateway::websocket

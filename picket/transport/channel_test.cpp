#include "picket/transport/channel.hpp"

#include <array>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "picket/transport/testing.hpp"
#include "picket/transport/testing/trickle_layer.hpp"

namespace picket::transport {
namespace {

using Outcome = Transfer::Outcome;
using testing::Kind;
using testing::TrickleLayer;
using testing::turn_until;

/// Counts how often it was called.
struct Called {
  void call(const Completion& outcome) {
    ++times;
    error = outcome.error;
  }
  Waiter waiter() { return Waiter::of<&Called::call>(this); }
  int times = 0;
  int error = 0;
};

/// A channel and, on the other side of its socket, this test.
class ChannelFixture : public ::testing::Test {
 protected:
  void join(Kind kind) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    channel_.emplace(worker_, ends[0], testing::make_layer(kind));
    peer_.emplace(ends[1], &worker_);
  }
  Transfer write(std::string_view text) {
    const iovec part{const_cast<char*>(text.data()), text.size()};
    return channel_->write_now({&part, 1});
  }
  /// Writes until it is blocked.
  Transfer write_all() {
    Transfer last = write("x");
    while (last.outcome == Outcome::moved) last = write(std::string(100, 'x'));
    return last;
  }
  /// What there is, as far as `most`.
  std::string read(std::size_t most = 100) {
    std::string text;
    char byte = 0;
    while (text.size() < most && channel_->read_now({&byte, 1}).outcome == Outcome::moved) text += byte;
    return text;
  }

  Worker worker_;
  std::optional<Channel> channel_;
  std::optional<testing::RawPeer> peer_;
};

/// A plain channel.
class PlainChannel : public ChannelFixture {
 protected:
  PlainChannel() { join(Kind::plain); }
};

TEST_F(PlainChannel, SaysWhatAnAttemptCameTo) {
  std::array<char, 4> into{};
  EXPECT_EQ(channel_->read_now(into).outcome, Outcome::blocked);
  peer_->send_bytes("hello");
  const Transfer first = channel_->read_now(into);
  EXPECT_EQ(first.size, 4U);
  EXPECT_TRUE(first.may_have_more);
  const Transfer second = channel_->read_now(into);
  EXPECT_EQ(second.size, 1U);
  EXPECT_FALSE(second.may_have_more);
  peer_->close();
  EXPECT_EQ(channel_->read_now(into).outcome, Outcome::ended);
  const Transfer unwanted = write("x");
  EXPECT_EQ(unwanted.outcome, Outcome::failed);
  EXPECT_EQ(channel_->failure(unwanted).kind(), base::ErrorKind::connection_closed);
}

TEST_F(PlainChannel, IsBlockedWhereThePeerDoesNotReadAndWritableOnceItDoes) {
  const Transfer blocked = write_all();
  EXPECT_EQ(blocked.outcome, Outcome::blocked);
  EXPECT_EQ(blocked.wanted, Readiness::writable);
  Called writer;
  channel_->wait(blocked.wanted, writer.waiter());
  testing::turn_for(worker_, std::chrono::milliseconds{2});
  EXPECT_EQ(writer.times, 0);
  std::array<char, 65536> bytes;
  while (::recv(peer_->descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
  }
  EXPECT_TRUE(turn_until(worker_, [&] { return writer.times == 1; }));
}

TEST_F(PlainChannel, HasInputWhereBytesOrTheEndOfTheStreamHaveCome) {
  EXPECT_FALSE(channel_->has_input());
  peer_->send_bytes("x");
  EXPECT_TRUE(channel_->has_input());
  EXPECT_FALSE(channel_->has_ended());
  EXPECT_EQ(read(), "x") << "looking took it";
  EXPECT_FALSE(channel_->has_input());
  peer_->close();
  EXPECT_TRUE(channel_->has_input());
  EXPECT_TRUE(channel_->has_ended());
}

TEST_F(PlainChannel, WhoWaitsIsToldThatItWasCancelledOrClosed) {
  Called waiting;
  channel_->wait_for_input(waiting.waiter());
  channel_->cancel();
  EXPECT_EQ(waiting.times, 0) << "called from within";
  EXPECT_TRUE(turn_until(worker_, [&] { return waiting.times == 1; }));
  EXPECT_EQ(waiting.error, ECANCELED);
  channel_->wait_for_input(waiting.waiter());
  channel_->close();
  EXPECT_TRUE(turn_until(worker_, [&] { return waiting.times == 2; }));
  EXPECT_EQ(waiting.error, ECANCELED);
}

TEST_F(PlainChannel, WhoWaitsIsToldWhereTheChannelIsGone) {
  Called waiting;
  channel_->wait_for_input(waiting.waiter());
  channel_.reset();
  EXPECT_TRUE(turn_until(worker_, [&] { return waiting.times == 1; }));
  EXPECT_EQ(waiting.error, ECANCELED);
}

TEST_F(PlainChannel, TheSocketThatItGivesAwayStaysConnected) {
  const int socket = channel_->release();
  EXPECT_FALSE(channel_->is_open());
  testing::RawPeer owner{socket};
  owner.send_bytes("x");
  EXPECT_TRUE(turn_until(worker_, [&] { return peer_->has_input(); }));
}

TEST(Channels, OfADescriptorThatCannotBeWatchedAreClosed) {
  Worker worker;
  const Channel channel{worker, -1};
  EXPECT_FALSE(channel.is_open());
}

/// A channel with a layer, whose records this test writes by hand.
class LayeredChannel : public ChannelFixture {
 protected:
  LayeredChannel() { join(Kind::layered); }
};

TEST_F(LayeredChannel, HasInputForItsReaderOnly) {
  peer_->send_bytes(TrickleLayer::notice);
  EXPECT_FALSE(channel_->has_input()) << "that was for the layer";
  const std::string record = TrickleLayer::sealed("hi");
  peer_->send_bytes(record.substr(0, 3));
  EXPECT_FALSE(channel_->has_input()) << "not a whole record";
  peer_->send_bytes(record.substr(3));
  EXPECT_TRUE(channel_->has_input());
  EXPECT_FALSE(channel_->has_ended());
  peer_->close();
  EXPECT_FALSE(channel_->has_ended()) << "bytes lie before the end";
  EXPECT_EQ(read(), "hi");
  EXPECT_TRUE(channel_->has_input());
  EXPECT_TRUE(channel_->has_ended());
}

TEST_F(LayeredChannel, WhatLiesInTheLayerIsNotWaitedForInVain) {
  peer_->send_bytes(TrickleLayer::sealed("hello"));
  EXPECT_EQ(read(1), "h");
  Called reader;
  channel_->wait_for_input(reader.waiter());
  EXPECT_EQ(reader.times, 0) << "called from within";
  EXPECT_TRUE(turn_until(worker_, [&] { return reader.times == 1; }));
  EXPECT_EQ(read(), "ello");
}

TEST_F(LayeredChannel, WhoWaitsToReadIsCalledWhereAWriteTookItsBytesFromTheSocket) {
  Called reader;
  channel_->wait_for_input(reader.waiter());
  testing::turn_for(worker_, std::chrono::milliseconds{1});
  peer_->send_bytes(TrickleLayer::sealed("hello"));
  EXPECT_EQ(write("x").outcome, Outcome::moved);
  EXPECT_TRUE(turn_until(worker_, [&] { return reader.times == 1; }));
  EXPECT_EQ(read(), "hello");
}

TEST_F(LayeredChannel, WhoWaitsToWriteIsCalledWhereAReadTookItsLeaveFromTheSocket) {
  const Transfer blocked = write_all();
  EXPECT_EQ(blocked.outcome, Outcome::blocked);
  EXPECT_EQ(blocked.wanted, Readiness::readable);
  Called writer;
  channel_->wait(blocked.wanted, writer.waiter());
  peer_->send_bytes(TrickleLayer::leave);
  EXPECT_EQ(read(), "");
  EXPECT_TRUE(turn_until(worker_, [&] { return writer.times == 1; }));
  EXPECT_EQ(write("x").outcome, Outcome::moved);
}

TEST_F(LayeredChannel, WhoWaitsToWriteIsCalledWhereALookTookItsLeaveFromTheSocket) {
  const Transfer blocked = write_all();
  Called writer;
  channel_->wait(blocked.wanted, writer.waiter());
  peer_->send_bytes(TrickleLayer::leave);
  EXPECT_FALSE(channel_->has_input());
  EXPECT_TRUE(turn_until(worker_, [&] { return writer.times == 1; }));
}

TEST_F(LayeredChannel, WhoWaitsToReadIsCalledWhereALookTookItsBytesFromTheSocket) {
  Called reader;
  channel_->wait_for_input(reader.waiter());
  testing::turn_for(worker_, std::chrono::milliseconds{1});
  peer_->send_bytes(TrickleLayer::sealed("hello"));
  EXPECT_TRUE(channel_->has_input());
  EXPECT_TRUE(turn_until(worker_, [&] { return reader.times == 1; }));
}

TEST_F(LayeredChannel, ThatHasToWriteBeforeItReadsSaysSo) {
  testing::have_little_room(channel_->descriptor());
  Transfer last;
  char byte = 0;
  for (int i = 0; i < 1000 && last.wanted == Readiness::readable; ++i) {
    peer_->send_bytes(TrickleLayer::question);
    last = channel_->read_now({&byte, 1});
  }
  EXPECT_EQ(last.outcome, Outcome::blocked);
  EXPECT_EQ(last.wanted, Readiness::writable);
}

TEST_F(LayeredChannel, SaysWhyTheLayerGaveUp) {
  peer_->send_bytes(TrickleLayer::nonsense);
  char byte = 0;
  const Transfer failed = channel_->read_now({&byte, 1});
  ASSERT_EQ(failed.outcome, Outcome::failed);
  EXPECT_EQ(channel_->failure(failed).detail(), "the peer has no such layer");
  EXPECT_TRUE(channel_->has_ended());
}

TEST_F(LayeredChannel, EndsItsWritingInTheLayerToo) {
  channel_->shutdown_write();
  char bytes[2];
  EXPECT_EQ(::recv(peer_->descriptor(), bytes, sizeof bytes, MSG_WAITALL), 2);
  EXPECT_EQ(bytes[0], 'e');
  EXPECT_TRUE(peer_->ends());
}

TEST_F(LayeredChannel, ThatIsClosedTriesNothing) {
  channel_->close();
  EXPECT_EQ(write("x").outcome, Outcome::failed);
  EXPECT_EQ(read(), "");
  EXPECT_TRUE(channel_->has_ended());
}

}  // namespace
}  // namespace picket::transport

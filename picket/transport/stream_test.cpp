#include "picket/transport/stream.hpp"

#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "picket/transport/listener.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/trickle_layer.hpp"

namespace picket::transport {
namespace {

using namespace std::chrono_literals;

using testing::Kind;
using testing::make_dialled_layer;
using testing::make_layer;
using testing::make_peer_layer;
using testing::TemporaryFolder;

/// Runs `task` to its end on `worker`.
void run(Worker& worker, Task<void> task) {
  bool done = false;
  const auto wrapper = [](Task<void> inner, bool& flag) -> Task<void> {
    co_await inner;
    flag = true;
  };
  spawn(wrapper(std::move(task), done));
  ASSERT_TRUE(testing::turn_until(worker, [&] { return done; })) << "the task did not end";
}

Task<void> echo_once(Listener& listener, Worker& worker, Kind kind) {
  auto accepted = co_await listener.accept();
  EXPECT_TRUE(accepted) << accepted.error().message();
  Stream stream{Channel{worker, accepted->descriptor, make_layer(kind)}};
  std::string buffer(65536, '\0');
  while (true) {
    const auto size = co_await stream.read_some(buffer, base::Deadline{});
    if (!size || *size == 0) co_return;
    iovec part{buffer.data(), *size};
    const std::span<iovec> parts{&part, 1};
    const auto written = co_await stream.write(parts, base::Deadline{});
    EXPECT_TRUE(written);
  }
}

Task<void> send_and_compare(Worker& worker, const Endpoint& endpoint, Kind kind) {
  Stream stream{Channel{worker, make_dialled_layer(kind)}};
  const base::Deadline deadline{base::Clock::now() + testing::patience};
  const auto connected = co_await stream.connect(endpoint, deadline);
  EXPECT_TRUE(connected) << connected.error().message();
  std::string sent(kind == Kind::plain ? 3'000'000 : 30'000, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7);
  std::string got;
  // Both directions at once: neither side may wait for the other to be read out first.
  const auto write_all = [](Stream& out, const std::string& text) -> Task<void> {
    std::array<iovec, 2> parts{
        {{const_cast<char*>(text.data()), 1000}, {const_cast<char*>(text.data()) + 1000, text.size() - 1000}}};
    const std::span<iovec> span{parts};
    const auto written = co_await out.write(span, base::Deadline{});
    EXPECT_TRUE(written);
  };
  spawn(write_all(stream, sent));
  std::string buffer(65536, '\0');
  while (true) {
    const auto size = co_await stream.read_some(buffer, deadline);
    EXPECT_TRUE(size) << size.error().message();
    if (!size || *size == 0) break;
    got.append(buffer, 0, *size);
    if (got.size() == sent.size()) stream.shutdown_write();
  }
  EXPECT_TRUE(got == sent);
}

/// A stream over either kind of channel, and what it is connected to.
class StreamTest : public ::testing::TestWithParam<Kind> {
 protected:
  Stream join() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    auto layer = make_layer(GetParam());
    auto peer_layer = make_peer_layer(GetParam());
    if (GetParam() == Kind::tls) testing::shake_hands(*layer, ends[0], *peer_layer, ends[1]);
    peer_.emplace(ends[1], &worker_, std::move(peer_layer));
    return Stream{Channel{worker_, ends[0], std::move(layer)}};
  }
  static base::Deadline soon() { return base::Deadline{base::Clock::now() + 20ms}; }

  Worker worker_;
  std::optional<testing::RawPeer> peer_;
};

INSTANTIATE_TEST_SUITE_P(Channels, StreamTest, ::testing::Values(Kind::plain, Kind::layered, Kind::tls),
                         testing::name_of);

/// The same over a layer that has an end of its own.
class LayeredStreamTest : public StreamTest {};

INSTANTIATE_TEST_SUITE_P(Channels, LayeredStreamTest, ::testing::Values(Kind::tls), testing::name_of);

/// Reads once and gives what came of it.
Task<base::Result<std::string>> read_once(Stream& stream, base::Deadline deadline) {
  std::string buffer(16, '\0');
  const auto size = co_await stream.read_some(buffer, deadline);
  if (!size) co_return size.error();
  co_return buffer.substr(0, *size);
}

Task<base::Status> await_input(Stream& stream, base::Deadline deadline) {
  auto status = co_await stream.input(deadline);
  co_return status;
}

/// Writes until the peer has to read, and gives what came of it.
Task<base::Status> write_too_much(Stream& stream, base::Deadline deadline) {
  std::string bytes(8'000'000, 'x');
  iovec part{bytes.data(), bytes.size()};
  const std::span<iovec> parts{&part, 1};
  auto status = co_await stream.write(parts, deadline);
  co_return status;
}

/// Notes a task's outcome while something else goes on.
template <class T>
Task<void> note(Task<T> task, std::optional<T>& outcome) {
  auto result = co_await task;
  outcome.emplace(std::move(result));
}

/// Has a read and a write wait, ends both, and looks at what they say.
void expect_both_closed_by(Stream& stream, void (Stream::*end)() noexcept) {
  std::optional<base::Result<std::string>> read;
  std::optional<base::Status> written;
  spawn(note(read_once(stream, {}), read));
  spawn(note(write_too_much(stream, {}), written));
  testing::turn_for(stream.worker(), 2ms);
  EXPECT_FALSE(read || written);
  (stream.*end)();
  ASSERT_TRUE(testing::turn_until(stream.worker(), [&] { return read && written; }));
  EXPECT_EQ(read->error().kind(), base::ErrorKind::connection_closed);
  EXPECT_EQ(written->error().kind(), base::ErrorKind::connection_closed);
}

TEST_P(StreamTest, LargeTransferArrivesWholeOverUnixAndTcp) {
  const TemporaryFolder folder;
  for (const auto& endpoint : {folder.socket(), Endpoint::tcp("127.0.0.1", 0).value()}) {
    auto listener = Listener::open(worker_, endpoint, {});
    ASSERT_TRUE(listener) << listener.error().message();
    spawn(echo_once(*listener, worker_, GetParam()));
    run(worker_, send_and_compare(worker_, listener->endpoint(), GetParam()));
  }
}

TEST_P(StreamTest, ReadEndsAtItsDeadlineAndTheStreamGoesOn) {
  Stream stream = join();
  const auto nothing = testing::run(worker_, read_once(stream, soon()));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind(), base::ErrorKind::timeout);
  peer_->send_bytes("h");
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "h");
}

TEST_P(StreamTest, WriteEndsAtItsDeadlineAndLeavesAReadAlone) {
  Stream stream = join();
  std::optional<base::Result<std::string>> read;
  spawn(note(read_once(stream, {}), read));
  const auto written = testing::run(worker_, write_too_much(stream, soon()));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), base::ErrorKind::timeout);
  EXPECT_FALSE(read);
  peer_->send_bytes("h");
  ASSERT_TRUE(testing::turn_until(worker_, [&] { return read.has_value(); }));
  EXPECT_EQ(read->value(), "h");
}

TEST_P(StreamTest, CancelEndsWhatIsAwaitedAndNoMore) {
  Stream stream = join();
  expect_both_closed_by(stream, &Stream::cancel);
  peer_->send_bytes("h");
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "h");
}

TEST_P(StreamTest, CloseEndsWhatIsAwaited) {
  Stream stream = join();
  expect_both_closed_by(stream, &Stream::close);
}

TEST_P(StreamTest, EndOfTheStreamIsNoBytes) {
  Stream stream = join();
  peer_->send_bytes("h");
  peer_->close();
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "h");
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "");
}

TEST_P(LayeredStreamTest, AnEndThatCameRightBehindBytesIsReadThoughTheSocketStaysOpen) {
  Stream stream = join();
  peer_->send_bytes("h");
  peer_->end_writing_in_layer();
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "h");
  EXPECT_TRUE(testing::run(worker_, await_input(stream, {}))) << "the end, too, is something to read";
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "");
}

TEST_P(StreamTest, WhatIsThereIsReadWithoutWaitingAndItsEndIsSeen) {
  Stream stream = join();
  char bytes[16];
  EXPECT_EQ(stream.read_now(bytes), std::nullopt);
  EXPECT_FALSE(stream.has_ended());
  EXPECT_FALSE(stream.has_input());
  peer_->send_bytes("hello");
  peer_->close();
  EXPECT_TRUE(stream.has_input());
  EXPECT_FALSE(stream.has_ended()) << "bytes lie before the end";
  std::string got;
  for (auto size = stream.read_now(bytes); size && *size != 0; size = stream.read_now(bytes)) got.append(bytes, *size);
  EXPECT_EQ(got, "hello");
  EXPECT_TRUE(stream.has_ended());
  EXPECT_TRUE(stream.has_input());
  EXPECT_EQ(stream.read_now(bytes), 0U);
}

TEST_P(StreamTest, InputIsToldWhereverItLies) {
  Stream stream = join();
  peer_->send_bytes("hello");
  std::string got;
  const auto look = [&] {
    char byte = 0;
    if (const auto size = stream.read_now({&byte, 1}); size && *size != 0) got += byte;
  };
  using Look = decltype(look);
  for (int i = 1; i <= 5; ++i) {
    stream.wait_for_input(
        {[](std::shared_ptr<void>& self, const Completion&) { (*static_cast<const Look*>(self.get()))(); },
         const_cast<void*>(static_cast<const void*>(&look))});
    ASSERT_TRUE(testing::turn_until(worker_, [&] { return static_cast<int>(got.size()) == i; })) << got;
  }
  EXPECT_EQ(got, "hello");
}

TEST_P(StreamTest, WaitsForInputWithoutABufferAndFindsWhatCameBeforeAndAfter) {
  Stream stream = join();
  EXPECT_EQ(testing::run(worker_, await_input(stream, soon())).error().kind(), base::ErrorKind::timeout);
  peer_->send_bytes("h");
  EXPECT_TRUE(testing::run(worker_, await_input(stream, {})));
  EXPECT_TRUE(testing::run(worker_, await_input(stream, {}))) << "it is still there";
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "h");
  std::optional<base::Status> later;
  spawn(note(await_input(stream, {}), later));
  testing::turn_for(worker_, 2ms);
  EXPECT_FALSE(later);
  peer_->close();
  ASSERT_TRUE(testing::turn_until(worker_, [&] { return later.has_value(); }));
  EXPECT_TRUE(*later) << "the end, too, is something to read";
  EXPECT_EQ(testing::run(worker_, read_once(stream, {})).value(), "");
}

TEST_P(StreamTest, CloseEndsAWaitForInput) {
  Stream stream = join();
  std::optional<base::Status> outcome;
  spawn(note(await_input(stream, {}), outcome));
  testing::turn_for(worker_, 2ms);
  stream.close();
  ASSERT_TRUE(testing::turn_until(worker_, [&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->error().kind(), base::ErrorKind::connection_closed);
}

TEST(Stream, TriesToWriteAgainOnlyOnceItsLayersPeerHasSaidSomething) {
  Worker worker;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const testing::RawPeer peer{ends[1]};
  auto layer = std::make_unique<testing::TrickleLayer>();
  const testing::TrickleLayer& seen = *layer;
  Stream stream{Channel{worker, ends[0], std::move(layer)}};
  std::optional<base::Status> written;
  spawn(note(write_too_much(stream, {}), written));
  const int attempts = seen.write_attempts();
  testing::turn_for(worker, 20ms);
  EXPECT_EQ(seen.write_attempts(), attempts);
  stream.close();
  ASSERT_TRUE(testing::turn_until(worker, [&] { return written.has_value(); }));
}

TEST(Stream, GoesOnToReadOnceItsLayerCouldWrite) {
  Worker worker;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  testing::have_little_room(ends[0]);
  Stream stream{Channel{worker, ends[0], make_layer(Kind::layered)}};
  testing::RawPeer peer{ends[1], &worker};
  std::optional<base::Result<std::string>> read;
  spawn(note(read_once(stream, {}), read));
  EXPECT_TRUE(testing::answers_all_questions(peer, [&] { testing::turn_for(worker, 100us); }));
  stream.close();
  ASSERT_TRUE(testing::turn_until(worker, [&] { return read.has_value(); }));
}

/// A little room does not make a socket writable for the kernel: nobody hears of it, and it is there all the same.
TEST(Stream, AWriteThatFindsALittleRoomAtItsDeadlineIsTooLate) {
  Worker worker;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  std::string bytes(4096, 'x');
  while (::send(ends[0], bytes.data(), bytes.size(), 0) > 0) continue;
  Stream stream = adopt(worker, ends[0]);
  iovec part{bytes.data(), bytes.size()};
  const auto write = [](Stream& to, iovec& one) -> Task<base::Status> {
    const std::span<iovec> parts{&one, 1};
    auto status = co_await to.write(parts, base::Deadline{base::Clock::now() + 20ms});
    co_return status;
  };
  std::optional<base::Status> written;
  spawn(note(write(stream, part), written));
  EXPECT_EQ(::recv(ends[1], bytes.data(), bytes.size(), 0), 4096);
  ASSERT_TRUE(testing::turn_until(worker, [&] { return written.has_value(); }));
  ASSERT_FALSE(*written) << "nobody has told of the room, so it was looked for";
  EXPECT_EQ(written->error().kind(), base::ErrorKind::timeout);
  ::close(ends[1]);
}

bool has_no_delay(int descriptor) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
  return value != 0;
}

TEST(Stream, OverTcpSendsSmallWritesAtOnceDialledAndAccepted) {
  Worker worker;
  auto listener = Listener::open(worker, Endpoint::tcp("127.0.0.1", 0).value(), {});
  ASSERT_TRUE(listener);
  const auto body = [](Listener& from, Worker& w) -> Task<void> {
    Stream dialled{w};
    const auto connected = co_await dialled.connect(from.endpoint(), base::Deadline{});
    EXPECT_TRUE(connected);
    const auto taken = co_await from.accept();
    EXPECT_FALSE(has_no_delay(taken->descriptor)) << "the test sees nothing";
    const Stream accepted = adopt(w, taken->descriptor);
    EXPECT_TRUE(has_no_delay(dialled.descriptor()));
    EXPECT_TRUE(has_no_delay(accepted.descriptor()));
  };
  run(worker, body(*listener, worker));
}

TEST(Stream, ToAServerThatIsTooBusyToAcceptIsNoConnection) {
  const TemporaryFolder folder;
  Worker worker;
  const Endpoint endpoint = folder.socket();
  const int busy = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(busy, endpoint.address(), endpoint.size()), 0);
  ASSERT_EQ(::listen(busy, 0), 0);
  const auto first = testing::RawPeer::connect(endpoint);
  const auto body = [](Worker& w, const Endpoint& there) -> Task<void> {
    Stream stream{w};
    const auto connected = co_await stream.connect(there, base::Deadline{});
    EXPECT_FALSE(connected);
    EXPECT_EQ(connected.error().kind(), base::ErrorKind::connection_failed);
  };
  run(worker, body(worker, endpoint));
  ::close(busy);
}

TEST(Stream, IsClosedForAReaderWhoHasBytesButCouldNotGoOnBefore) {
  Worker worker{{.threading = Threading::shared}};  // whose timers fire between a read and its reader
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Stream stream = adopt(worker, ends[0]);
  testing::RawPeer peer{ends[1]};
  peer.send_bytes("hello");
  base::Timer close{[](void* closed, base::TimePoint) { static_cast<Stream*>(closed)->close(); }, &stream};
  worker.timers().arm(close, worker.now());
  std::this_thread::sleep_for(5ms);  // it is overdue when the read begins
  const auto body = [](Stream& from) -> Task<void> {
    std::string buffer(16, '\0');
    const auto size = co_await from.read_some(buffer, base::Deadline{});
    EXPECT_FALSE(size);
    EXPECT_EQ(size.error().kind(), base::ErrorKind::connection_closed);
  };
  run(worker, body(stream));
}

Task<base::Result<std::string>> read_first(Stream& stream, const Endpoint& endpoint) {
  const base::Deadline deadline{base::Clock::now() + testing::patience};
  const auto connected = co_await stream.connect(endpoint, deadline);
  EXPECT_TRUE(connected);
  auto read = co_await read_once(stream, deadline);
  co_return read;
}

TEST(Stream, ShakesHandsWhereItIsReadFromFirst) {
  Worker worker;
  auto listener = Listener::open(worker, Endpoint::tcp("127.0.0.1", 0).value(), {});
  ASSERT_TRUE(listener);
  const auto greet = [](Listener& from, Worker& w) -> Task<void> {
    const auto taken = co_await from.accept();
    Stream stream{Channel{w, taken->descriptor, make_layer(Kind::tls)}};
    char hello[] = "hello";
    iovec part{hello, 5};
    const std::span<iovec> parts{&part, 1};
    const auto written = co_await stream.write(parts, base::Deadline{});
    EXPECT_TRUE(written);
  };
  spawn(greet(*listener, worker));
  Stream stream{Channel{worker, make_dialled_layer(Kind::tls)}};
  const Endpoint endpoint = listener->endpoint();
  EXPECT_EQ(testing::run(worker, read_first(stream, endpoint)).value(), "hello");
}

/// A stream over TCP, which has urgent data, and its peer.
class UrgentStream : public ::testing::Test {
 protected:
  UrgentStream() { run(worker_, take()); }

  Worker worker_;
  Listener listener_ = Listener::open(worker_, Endpoint::tcp("127.0.0.1", 0).value(), {}).value();
  testing::RawPeer peer_ = testing::RawPeer::connect(listener_.endpoint());
  std::optional<Stream> stream_;

 private:
  Task<void> take() {
    const auto taken = co_await listener_.accept();
    stream_.emplace(Channel{worker_, taken->descriptor});
  }
};

/// A read ends before urgent data, and what lies behind it is no new edge.
TEST_F(UrgentStream, BytesBehindUrgentOnesAreRead) {
  peer_.send_bytes("before");
  ASSERT_EQ(::send(peer_.descriptor(), "!", 1, MSG_OOB), 1);
  peer_.send_bytes("behind");
  std::string got;
  for (int i = 0; i < 10 && got.find("behind") == std::string::npos; ++i)
    got += testing::run(worker_, read_once(*stream_, {})).value();
  EXPECT_EQ(got, "beforebehind");
}

struct Calls {
  int count = 0;
  void come(const Completion&) { ++count; }
};

/// A peer that says that there is urgent data, and leaves a gap before it, would have the loop turn without end.
TEST_F(UrgentStream, WhatCannotBeReadWakesNobodyTwice) {
  Calls calls;
  stream_->wait_for_input(Waiter::of<&Calls::come>(&calls));
  ASSERT_EQ(::send(peer_.descriptor(), "!", 1, MSG_OOB), 1);
  ASSERT_TRUE(testing::turn_until(worker_, [&] { return calls.count == 1; }));
  stream_->wait_for_input(Waiter::of<&Calls::come>(&calls));
  testing::turn_for(worker_, std::chrono::milliseconds{20});
  EXPECT_EQ(calls.count, 1);
  peer_.send_bytes("behind");
  EXPECT_TRUE(testing::turn_until(worker_, [&] { return calls.count == 2; }));
}

TEST(Stream, ARefusedConnectionSaysWhy) {
  const TemporaryFolder folder;
  Worker worker;
  const Endpoint nobody = folder.socket();
  const auto body = [](Worker& w, const Endpoint& endpoint) -> Task<void> {
    Stream stream{w};
    const auto connected = co_await stream.connect(endpoint, base::Deadline{});
    EXPECT_FALSE(connected);
    EXPECT_EQ(connected.error(), base::fail(base::ErrorKind::connection_failed, "no such file or directory"));
  };
  run(worker, body(worker, nobody));
}

}  // namespace
}  // namespace picket::transport

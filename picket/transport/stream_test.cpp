#include "picket/transport/stream.hpp"

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "picket/transport/listener.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/testing.hpp"

namespace picket::transport {
namespace {

using namespace std::chrono_literals;

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

Task<void> echo_once(Listener& listener, Worker& worker) {
  auto accepted = co_await listener.accept();
  EXPECT_TRUE(accepted) << accepted.error().message();
  Stream stream = adopt(worker, accepted->descriptor);
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

Task<void> send_and_compare(Worker& worker, const Endpoint& endpoint) {
  Stream stream{worker};
  const base::Deadline deadline{base::Clock::now() + testing::patience};
  const auto connected = co_await stream.connect(endpoint, deadline);
  EXPECT_TRUE(connected) << connected.error().message();
  std::string sent(3'000'000, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7);
  std::string got;
  // Both directions at once: neither side may wait for the other to be read out first.
  const auto write_all = [](Stream& out, const std::string& text) -> Task<void> {
    std::array<iovec, 2> parts{
        {{const_cast<char*>(text.data()), 1000}, {const_cast<char*>(text.data()) + 1000, text.size() - 1000}}};
    const std::span<iovec> span{parts};
    const auto written = co_await out.write(span, base::Deadline{});
    EXPECT_TRUE(written);
    out.shutdown_write();
  };
  spawn(write_all(stream, sent));
  std::string buffer(65536, '\0');
  while (true) {
    const auto size = co_await stream.read_some(buffer, deadline);
    EXPECT_TRUE(size) << size.error().message();
    if (!size || *size == 0) break;
    got.append(buffer, 0, *size);
  }
  EXPECT_TRUE(got == sent);
}

TEST(Stream, LargeTransferArrivesWholeOverUnixAndTcp) {
  const TemporaryFolder folder;
  for (const auto& endpoint : {folder.socket(), Endpoint::tcp("127.0.0.1", 0).value()}) {
    Worker worker;
    auto listener = Listener::open(worker, endpoint, {});
    ASSERT_TRUE(listener) << listener.error().message();
    spawn(echo_once(*listener, worker));
    run(worker, send_and_compare(worker, listener->endpoint()));
  }
}

TEST(Stream, ReadEndsAtItsDeadlineAndTheStreamGoesOn) {
  const TemporaryFolder folder;
  Worker worker;
  auto listener = Listener::open(worker, folder.socket(), {});
  ASSERT_TRUE(listener);
  spawn(echo_once(*listener, worker));
  const auto body = [](Worker& w, const Endpoint& endpoint) -> Task<void> {
    Stream stream{w};
    const auto connected = co_await stream.connect(endpoint, base::Deadline{});
    EXPECT_TRUE(connected);
    std::string buffer(16, '\0');
    const base::Deadline soon{base::Clock::now() + 20ms};
    const auto nothing = co_await stream.read_some(buffer, soon);
    EXPECT_FALSE(nothing);
    EXPECT_EQ(nothing.error().kind(), base::ErrorKind::timeout);
    iovec part{const_cast<char*>("hello"), 5};
    const std::span<iovec> parts{&part, 1};
    const auto written = co_await stream.write(parts, base::Deadline{});
    EXPECT_TRUE(written);
    const auto size = co_await stream.read_some(buffer, base::Deadline{});
    EXPECT_EQ(buffer.substr(0, size.value()), "hello");
  };
  run(worker, body(worker, listener->endpoint()));
}

TEST(Stream, WhatIsThereIsReadWithoutWaitingAndItsEndIsSeen) {
  Worker worker;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Stream stream = adopt(worker, ends[0]);
  testing::RawPeer peer{ends[1]};
  char bytes[16];
  EXPECT_EQ(stream.read_now(bytes), std::nullopt);
  EXPECT_FALSE(stream.has_ended());
  peer.send_bytes("hello");
  peer.close();
  EXPECT_FALSE(stream.has_ended()) << "bytes lie before the end";
  EXPECT_EQ(stream.read_now(bytes), 5U);
  EXPECT_EQ(std::string_view(bytes, 5), "hello");
  EXPECT_TRUE(stream.has_ended());
  EXPECT_EQ(stream.read_now(bytes), 0U);
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

TEST(Stream, RefusedConnectionNamesTheAddress) {
  const TemporaryFolder folder;
  Worker worker;
  const Endpoint nobody = folder.socket();
  const auto body = [](Worker& w, const Endpoint& endpoint) -> Task<void> {
    Stream stream{w};
    const auto connected = co_await stream.connect(endpoint, base::Deadline{});
    EXPECT_FALSE(connected);
    EXPECT_NE(connected.error().detail().find(endpoint.text()), std::string::npos);
  };
  run(worker, body(worker, nobody));
}

}  // namespace
}  // namespace picket::transport

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <sys/uio.h>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

namespace internal {
class StreamOperation;
}

/// A connected byte stream (TCP or Unix, over whatever channel) of one worker, for coroutines: every operation is
/// awaited and has a deadline.
///
/// One reads and one writes at a time. An operation whose deadline passes ends with `timeout`, and the stream stays
/// usable.
///
/// Thread safety: its worker's thread only. Lifetime: must not be destroyed while an operation is awaited; close() ends
/// those first. What an operation is given, be it bytes or an endpoint, lives until it has ended.
///
///   transport::Stream stream{worker};
///   const auto deadline = base::Deadline::after(worker.now(), std::chrono::seconds{5});
///   const auto connected = co_await stream.connect(endpoint, deadline);
///   if (!connected) co_return connected.error();
///   std::array<iovec, 1> parts{{{question.data(), question.size()}}};  // `question` outlives the write
///   const auto written = co_await stream.write(parts, deadline);
///
/// Reading and writing may be awaited at the same time, by two tasks; cancel() and close() end both. Errors: say so at
/// each operation; after any but timeout, and what cancel() has ended, the stream is of no use. Complexity: no
/// operation allocates.
class Stream {
 public:
  explicit Stream(Worker& worker) : channel_(worker) {}
  /// Over a channel that is connected, with its layer, or is to be. The channel's worker is the stream's.
  explicit Stream(Channel channel) noexcept : channel_(std::move(channel)) {}

  /// Awaitable; Status. Errors: as connect_failure() has them, and timeout. So io where the system gives no socket: out
  /// of descriptors or memory, whoever the peer is.
  class Connect;
  /// TCP without Nagle's delay. A layer has not said a word yet: establish(), or the first bytes, see to that.
  [[nodiscard]] Connect connect(const Endpoint& endpoint, base::Deadline deadline);

  /// Awaitable; Status: what a layer and its peer say to each other before there are bytes is said. Errors: as
  /// read_some, and connection_failed where they do not agree. Without a layer it is over at once.
  class Establish;
  [[nodiscard]] Establish establish(base::Deadline deadline);

  /// Awaitable; Result<size_t>: at least one byte, or 0 at the end of the stream. Errors: io, connection_closed (reset,
  /// or close()d here), timeout.
  class Read;
  /// `into` is not empty. What a layer's peer says to the layer alone ends no read.
  [[nodiscard]] Read read_some(std::span<char> into, base::Deadline deadline);

  /// Awaitable; Status: there is something to read, or the end. What waits so holds no buffer: for connections that may
  /// say nothing for long. Errors: timeout, connection_closed (close()d here).
  class Input;
  /// It may say so early: the read behind it may have to wait.
  [[nodiscard]] Input input(base::Deadline deadline);
  /// As the channel's.
  [[nodiscard]] bool is_layer_broken() const noexcept { return channel_.is_layer_broken(); }
  /// Gives memory back that only bytes under way need, such as that of TLS. It is taken again with the next of them.
  /// Nothing on a plain channel.
  void release_memory() noexcept { channel_.release_memory(); }

  /// What is there, without waiting: the bytes read, 0 once the stream has ended, be it by an error, and nothing where
  /// more may come. One system call on a plain channel. Not while a read is awaited.
  [[nodiscard]] std::optional<std::size_t> read_now(std::span<char> into);

  /// Awaitable; Status: everything was handed to the kernel. `parts` is modified while writing. Errors: as read_some.
  /// What can be written at once is written without suspending.
  class Write;
  /// After a timeout some of it may be written, and nobody says how much: close the stream.
  [[nodiscard]] Write write(std::span<iovec> parts, base::Deadline deadline);

  /// Writes what is taken at once, from the front of `parts`: the bytes, 0 where none is taken now. Not while a write
  /// is awaited. Errors: io, connection_closed. One system call on a plain channel.
  [[nodiscard]] base::Result<std::size_t> write_now(std::span<const iovec> parts);

  /// Calls `waiter` once there is something to read, or early: it looks with read_now(). Not while a read is awaited.
  void wait_for_input(Waiter waiter) { channel_.wait_for_input(std::move(waiter)); }

  /// Sends the end of the stream; reading goes on.
  void shutdown_write() noexcept { channel_.shutdown_write(); }
  /// Whether close() cuts the connection off with a reset instead of ending it.
  void reset_on_close(bool resets) noexcept { channel_.reset_on_close(resets); }
  /// Ends what is awaited, with connection_closed; the stream stays usable. Those who wait go on from the loop, not
  /// from within.
  void cancel() noexcept;
  /// Ends everything; awaited operations end with connection_closed. A layer's peer is told, as far as the socket takes
  /// it now.
  void close() noexcept { channel_.close(); }
  /// Gives the socket away; awaited operations end with connection_closed. It is the caller's to close; a layer's bytes
  /// stay behind and are lost.
  [[nodiscard]] int release() noexcept { return channel_.release(); }
  /// The same, with its layer. For another worker, which makes a Channel of it.
  [[nodiscard]] Unbound unbind() noexcept { return channel_.unbind(); }
  /// It has a socket.
  [[nodiscard]] bool is_open() const noexcept { return channel_.is_open(); }
  /// Whether the peer has closed or sent something while nobody read: a pooled connection that says true is stale.
  /// Complexity: a system call.
  [[nodiscard]] bool has_input() { return channel_.has_input(); }
  /// Whether a part of a record came, as far as has_input() or a read has looked.
  [[nodiscard]] bool holds_part() const noexcept { return channel_.holds_part(); }
  /// Whether read_now would say that the stream has ended: false where bytes lie before the end.
  [[nodiscard]] bool has_ended() { return channel_.has_ended(); }

  [[nodiscard]] Worker& worker() const noexcept { return channel_.worker(); }
  /// To tell streams apart and to watch one (hangup.hpp); nobody reads from it or writes to it.
  [[nodiscard]] int descriptor() const noexcept { return channel_.descriptor(); }

 private:
  friend class internal::StreamOperation;

  Channel channel_;
  std::uint32_t cancels_ = 0;
};

/// Takes a connected descriptor over as a stream of `worker`, which closes it.
[[nodiscard]] inline Stream adopt(Worker& worker, int descriptor) { return Stream{Channel{worker, descriptor}}; }

namespace internal {

/// What the awaitables share: who waits, the timer, what ends the waiting. Lives in the frame that awaits it. Thread
/// safety: its stream's.
class StreamOperation {
 protected:
  StreamOperation(Stream& stream, base::Deadline deadline) noexcept
      : stream_(stream), deadline_(deadline), timer_(&StreamOperation::on_deadline, this), cancels_(stream.cancels_) {}

  [[nodiscard]] Channel& channel() noexcept { return stream_.channel_; }
  void begin(std::coroutine_handle<> waiting);
  /// Lets whoever awaits it go on.
  void end();
  /// Whether nothing is waited for any more.
  [[nodiscard]] bool is_over() const noexcept;
  /// Why it is.
  [[nodiscard]] base::Error why_over() const;

  Stream& stream_;
  base::Deadline deadline_;
  base::Timer timer_;
  Resumption waiting_;
  std::uint32_t cancels_;
  bool timed_out_ = false;

 private:
  static void on_deadline(void* self, base::TimePoint now);
};

}  // namespace internal

/// Of connect(). Thread safety, lifetime: the stream's; the endpoint outlives it.
class Stream::Connect : internal::StreamOperation {
 public:
  Connect(Stream& stream, const Endpoint& endpoint, base::Deadline deadline) noexcept
      : StreamOperation(stream, deadline), endpoint_(endpoint) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Status await_resume();

 private:
  void connected(const Completion& outcome);

  const Endpoint& endpoint_;
  int error_ = 0;
};

/// Of establish(). Thread safety, lifetime: the stream's.
class Stream::Establish : internal::StreamOperation {
 public:
  Establish(Stream& stream, base::Deadline deadline) noexcept : StreamOperation(stream, deadline) {}
  [[nodiscard]] bool await_ready() { return advance(); }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Status await_resume();

 private:
  /// Whether it has come to an end.
  bool advance();
  void wait();
  void ready(const Completion& outcome);

  Transfer transfer_;
};

/// Of read_some(). Thread safety, lifetime: the stream's; `into` outlives it.
class Stream::Read : internal::StreamOperation {
 public:
  Read(Stream& stream, std::span<char> into, base::Deadline deadline) noexcept
      : StreamOperation(stream, deadline), into_(into) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Result<std::size_t> await_resume();

 private:
  /// Reads what is there, or waits for it.
  void look(const Completion& outcome);
  void wait();

  std::span<char> into_;
  Transfer transfer_;
};

/// Of input(). Thread safety, lifetime: the stream's.
class Stream::Input : internal::StreamOperation {
 public:
  Input(Stream& stream, base::Deadline deadline) noexcept : StreamOperation(stream, deadline) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Status await_resume();

 private:
  void came(const Completion& outcome);

  bool has_come_ = false;
};

/// Of write(). Thread safety, lifetime: the stream's; `parts` and their bytes outlive it.
class Stream::Write : internal::StreamOperation {
 public:
  Write(Stream& stream, std::span<iovec> parts, base::Deadline deadline) noexcept
      : StreamOperation(stream, deadline), parts_(parts) {}
  [[nodiscard]] bool await_ready() { return advance(); }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Status await_resume();

 private:
  /// Writes what is taken. True when all is written or an error ended it.
  bool advance();
  void wait();
  void ready(const Completion& outcome);

  std::span<iovec> parts_;
  Transfer transfer_;
};

/// Awaitable: resumes at `until`, at most a tick of the wheel (1 ms) late; never early. Allocates nothing.
/// Thread safety: the worker's thread. Lifetime: destroying it ends the waiting, and nobody is resumed.
///
///   const base::TimePoint later = worker.now() + std::chrono::milliseconds{50};
///   co_await transport::SleepUntil(worker, later);
class SleepUntil {
 public:
  SleepUntil(Worker& worker, base::TimePoint until) noexcept
      : worker_(worker), until_(until), timer_(&SleepUntil::on_due, this) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    waiting_.wait(waiting);
    worker_.timers().arm(timer_, until_);
  }
  void await_resume() const noexcept {}

 private:
  static void on_due(void* self, base::TimePoint) {
    auto& sleep = *static_cast<SleepUntil*>(self);
    sleep.worker_.resume(sleep.waiting_);
  }

  Worker& worker_;
  base::TimePoint until_;
  base::Timer timer_;
  Resumption waiting_;
};

/// Drops `size` bytes from the front of `parts`: what is left to write. Modifies the part where they end. At most as
/// many as there are. Complexity: one step per part that is gone.
[[nodiscard]] std::span<iovec> consume(std::span<iovec> parts, std::size_t size) noexcept;

}  // namespace picket::transport

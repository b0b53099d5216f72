#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <span>

#include <sys/uio.h>

#include <boost/asio/generic/stream_protocol.hpp>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// A connected byte stream (TCP or Unix) of one worker, for coroutines: every operation is awaited and has a deadline.
///
/// One operation at a time: a deadline that passes cancels what the socket is waiting for. The operation then ends with
/// `timeout`, and the stream stays usable. Thread safety: its worker's thread only. Lifetime: must not be destroyed
/// while an operation is awaited; close() ends those first.
class Stream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  explicit Stream(Worker& worker);
  Stream(Worker& worker, Socket socket);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;

  /// Awaitable; Status. Errors: connection_failed naming the address, timeout; io where the system gives no socket: out
  /// of descriptors or memory, whoever the peer is.
  class Connect;
  [[nodiscard]] Connect connect(const Endpoint& endpoint, base::Deadline deadline);

  /// Awaitable; Result<size_t>: at least one byte, or 0 at the end of the stream. Errors: io, connection_closed (reset,
  /// or close()d here), timeout.
  class Read;
  [[nodiscard]] Read read_some(std::span<char> into, base::Deadline deadline);

  /// What is there, without waiting: the bytes read, 0 once the stream has ended, be it by an error, and nothing where
  /// more may come.
  [[nodiscard]] std::optional<std::size_t> read_now(std::span<char> into) noexcept;

  /// Awaitable; Status: everything was handed to the kernel. `parts` is modified while writing. Errors: as read_some.
  /// What can be written at once is written without suspending.
  class Write;
  [[nodiscard]] Write write(std::span<iovec> parts, base::Deadline deadline);

  /// Sends a FIN; reading goes on.
  void shutdown_write() noexcept;
  /// Ends what is awaited, with connection_closed; the stream stays usable.
  void cancel() noexcept;
  /// Ends everything; awaited operations end with connection_closed.
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  /// Whether the peer has closed or sent something while nobody read: a pooled connection that says true is stale.
  [[nodiscard]] bool has_input() const noexcept;
  /// Whether read_now would say that the stream has ended: false where bytes lie before the end.
  [[nodiscard]] bool has_ended() noexcept;

  [[nodiscard]] Worker& worker() noexcept { return *worker_; }
  [[nodiscard]] int descriptor() noexcept { return socket_.native_handle(); }
  [[nodiscard]] Socket& socket() noexcept { return socket_; }

 private:
  [[nodiscard]] std::optional<std::size_t> receive_now(std::span<char> into, int flags) noexcept;

  Worker* worker_;
  Socket socket_;
};

namespace internal {

/// What the awaitables share: who waits, the timer, the outcome.
class StreamOperation {
 public:
  StreamOperation(Stream& stream, base::Deadline deadline) noexcept
      : stream_(stream), deadline_(deadline), timer_(&StreamOperation::on_deadline, this) {}

 protected:
  void arm();
  /// The completion of the Asio operation: takes the outcome and has it resumed.
  void complete(const boost::system::error_code& error, std::size_t transferred);
  /// What became of the operation; aborted, too, where the stream was closed before whoever waits could go on.
  [[nodiscard]] boost::system::error_code outcome() const;
  [[nodiscard]] base::Error error(const boost::system::error_code& error) const;

  Stream& stream_;
  base::Deadline deadline_;
  base::Timer timer_;
  Resumption waiting_;
  boost::system::error_code error_;
  std::size_t transferred_ = 0;
  bool timed_out_ = false;

 private:
  static void on_deadline(void* self, base::TimePoint now);
};

}  // namespace internal

class Stream::Connect : internal::StreamOperation {
 public:
  Connect(Stream& stream, const Endpoint& endpoint, base::Deadline deadline) noexcept
      : StreamOperation(stream, deadline), endpoint_(endpoint) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Status await_resume();

 private:
  const Endpoint& endpoint_;
};

class Stream::Read : internal::StreamOperation {
 public:
  Read(Stream& stream, std::span<char> into, base::Deadline deadline) noexcept
      : StreamOperation(stream, deadline), into_(into) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  base::Result<std::size_t> await_resume();

 private:
  std::span<char> into_;
};

class Stream::Write : internal::StreamOperation {
 public:
  Write(Stream& stream, std::span<iovec> parts, base::Deadline deadline) noexcept
      : StreamOperation(stream, deadline), parts_(parts) {}
  [[nodiscard]] bool await_ready();
  void await_suspend(std::coroutine_handle<> waiting);
  base::Status await_resume();

 private:
  /// Writes what the kernel takes. True when all is written or an error ended it.
  bool write_now();
  void wait_writable();

  std::span<iovec> parts_;
  std::optional<base::Error> failure_;
};

/// Awaitable: resumes at `until`, at most a millisecond late.
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

/// Writes `parts` to a non-blocking descriptor with one sendmsg, no SIGPIPE. Returns the bytes written, 0 where the
/// kernel takes none now.
[[nodiscard]] base::Result<std::size_t> write_vectored(int descriptor, std::span<const iovec> parts);

/// What an asynchronous connect really came to: the kernel does not queue for a Unix socket whose backlog is full, and
/// Asio takes its "try again" for success. `error` or, where there is none and no connection either, try_again.
[[nodiscard]] boost::system::error_code connect_outcome(const Stream::Socket& socket, boost::system::error_code error);

/// Drops `size` bytes from the front of `parts`.
[[nodiscard]] std::span<iovec> consume(std::span<iovec> parts, std::size_t size) noexcept;

}  // namespace picket::transport

#include "picket/transport/descriptor.hpp"

#include <cerrno>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include "picket/transport/internal/loop.hpp"

namespace picket::transport {

namespace asio = boost::asio;

namespace {

using Protocol = asio::generic::stream_protocol;
/// Asio's socket serves for whatever is only waited for, too. The executor's type saves its erasure.
using Socket = asio::basic_stream_socket<Protocol, asio::io_context::executor_type>;
using Error = boost::system::error_code;

int errno_of(const Error& error) noexcept {
  return error == asio::error::operation_aborted ? ECANCELED : error.value();
}

/// Calls the waiter of a wait.
struct WhenReady {
  void operator()(const Error& error) {
    const auto guard = worker->enter();
    waiter({.error = error ? errno_of(error) : 0});
  }
  Worker* worker;
  Waiter waiter;
};

struct WhenReceived {
  void operator()(const Error& error, std::size_t size) {
    const auto guard = worker->enter();
    waiter({.error = error && error != asio::error::eof ? errno_of(error) : 0, .size = size});
  }
  Worker* worker;
  Waiter waiter;
};

struct WhenConnected {
  void operator()(const Error& error) {
    const auto guard = worker->enter();
    waiter({.error = error ? errno_of(error) : outcome()});
  }
  [[nodiscard]] int outcome() const noexcept {
    int result = 0;
    socklen_t size = sizeof result;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &result, &size) == 0 ? result : errno;
  }
  Worker* worker;
  Waiter waiter;
  int descriptor;
};

}  // namespace

struct Descriptor::Impl {
  Impl(Worker& owner, asio::io_context& context) : worker(owner), socket(context) {}
  Worker& worker;
  Socket socket;
};

Descriptor::Descriptor(Worker& worker) : impl_(std::make_unique<Impl>(worker, worker.loop_->context)) {}

Descriptor::Descriptor(Worker& worker, int value) : Descriptor(worker) { (void)take(value); }

Descriptor::Descriptor(Descriptor&& other) noexcept
    : impl_(std::move(other.impl_)), value_(std::exchange(other.value_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  impl_ = std::move(other.impl_);
  value_ = std::exchange(other.value_, -1);
  return *this;
}

Descriptor::~Descriptor() = default;

Worker& Descriptor::worker() const noexcept { return impl_->worker; }

/// Returns what is wrong, as errno has it.
int Descriptor::take(int value) {
  Error error;
  impl_->socket.assign({AF_UNSPEC, 0}, value, error);
  if (error) {
    ::close(value);
    return error.value();
  }
  impl_->socket.non_blocking(true, error);
  value_ = value;
  return 0;
}

void Descriptor::wait(Readiness readiness, Waiter waiter) {
  impl_->socket.async_wait(readiness == Readiness::readable ? Socket::wait_read : Socket::wait_write,
                           WhenReady{&impl_->worker, std::move(waiter)});
}

void Descriptor::receive(std::span<char> into, Waiter waiter) {
  impl_->socket.async_read_some(asio::buffer(into.data(), into.size()),
                                WhenReceived{&impl_->worker, std::move(waiter)});
}

void Descriptor::connect(const Endpoint& endpoint, Waiter waiter) {
  const int error = start_connecting(endpoint);
  if (error != EINPROGRESS) return post(std::move(waiter), {.error = error});
  impl_->socket.async_wait(Socket::wait_write, WhenConnected{&impl_->worker, std::move(waiter), value_});
}

/// Watched only once it connects: before, a socket counts as hung up.
int Descriptor::start_connecting(const Endpoint& endpoint) {
  close();
  const int descriptor = ::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  if (!endpoint.is_unix()) set_no_delay(descriptor);
  const int outcome = ::connect(descriptor, endpoint.address(), endpoint.size()) == 0 ? 0 : errno;
  if (const int error = take(descriptor)) return error;
  return outcome == EINTR ? EINPROGRESS : outcome;
}

void Descriptor::post(Waiter waiter, Completion outcome) {
  asio::post(impl_->socket.get_executor(), [worker = &impl_->worker, waiter = std::move(waiter), outcome]() mutable {
    const auto guard = worker->enter();
    waiter(outcome);
  });
}

void Descriptor::cancel() noexcept {
  Error ignored;
  if (is_open()) impl_->socket.cancel(ignored);
}

int Descriptor::release() noexcept {
  Error ignored;
  if (is_open()) impl_->socket.release(ignored);
  return std::exchange(value_, -1);
}

void Descriptor::close() noexcept {
  Error ignored;
  if (is_open()) impl_->socket.close(ignored);
  value_ = -1;
}

void set_no_delay(int descriptor) noexcept {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void keep_alive(int descriptor) noexcept {
  const auto set = [descriptor](int level, int name, int value) {
    return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
  };
  constexpr int probes = 3;
  if (!set(IPPROTO_TCP, TCP_KEEPCNT, probes)) return;
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 30 / probes);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace picket::transport

#include "picket/transport/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>

namespace picket::transport {

namespace asio = boost::asio;

namespace {

bool is_want_of_resources(const boost::system::error_code& error) {
  using namespace boost::system::errc;
  return error == too_many_files_open || error == too_many_files_open_in_system || error == no_buffer_space ||
         error == not_enough_memory;
}

}  // namespace

Stream::Stream(Worker& worker) : worker_(&worker), socket_(worker.context()) {}

Stream::Stream(Worker& worker, Socket socket) : worker_(&worker), socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
}

Stream::Connect Stream::connect(const Endpoint& endpoint, base::Deadline deadline) {
  return {*this, endpoint, deadline};
}
Stream::Read Stream::read_some(std::span<char> into, base::Deadline deadline) { return {*this, into, deadline}; }
Stream::Write Stream::write(std::span<iovec> parts, base::Deadline deadline) { return {*this, parts, deadline}; }

std::optional<std::size_t> Stream::read_now(std::span<char> into) noexcept { return receive_now(into, 0); }

bool Stream::has_ended() noexcept {
  char byte = 0;
  return receive_now({&byte, 1}, MSG_PEEK) == 0U;
}

std::optional<std::size_t> Stream::receive_now(std::span<char> into, int flags) noexcept {
  const ssize_t size = ::recv(descriptor(), into.data(), into.size(), MSG_DONTWAIT | flags);
  if (size >= 0) return static_cast<std::size_t>(size);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::nullopt;
  return 0;
}

void Stream::shutdown_write() noexcept {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Stream::cancel() noexcept {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Stream::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

bool Stream::has_input() const noexcept {
  pollfd poll{const_cast<Socket&>(socket_).native_handle(), POLLIN | POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) != 0;
}

namespace internal {

void StreamOperation::arm() {
  if (!deadline_.never()) stream_.worker().timers().arm(timer_, deadline_.at());
}

void StreamOperation::on_deadline(void* self, base::TimePoint) {
  auto& operation = *static_cast<StreamOperation*>(self);
  operation.timed_out_ = true;
  operation.stream_.cancel();
}

void StreamOperation::complete(const boost::system::error_code& error, std::size_t transferred) {
  const auto guard = stream_.worker().enter();
  timer_.cancel();
  error_ = error;
  transferred_ = transferred;
  stream_.worker().resume(waiting_);
}

boost::system::error_code StreamOperation::outcome() const {
  if (error_ || stream_.is_open()) return error_;
  return asio::error::operation_aborted;
}

base::Error StreamOperation::error(const boost::system::error_code& error) const {
  using base::ErrorKind;
  if (error == asio::error::operation_aborted)
    return timed_out_ ? base::fail(ErrorKind::timeout, "the peer was not ready in time")
                      : base::fail(ErrorKind::connection_closed, "closed on this side");
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe)
    return base::fail(ErrorKind::connection_closed, "closed by the peer");
  return base::fail(ErrorKind::io, error.message());
}

}  // namespace internal

void Stream::Connect::await_suspend(std::coroutine_handle<> waiting) {
  waiting_.wait(waiting);
  arm();
  boost::system::error_code error;
  auto& socket = stream_.socket();
  if (!socket.is_open()) socket.open({endpoint_.family(), endpoint_.is_unix() ? 0 : IPPROTO_TCP}, error);
  if (!error) socket.non_blocking(true, error);
  if (!error && !endpoint_.is_unix())
    socket.set_option(asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_NODELAY>(true), error);
  const asio::generic::stream_protocol::endpoint remote{endpoint_.address(), endpoint_.size()};
  socket.async_connect(remote, [this](const boost::system::error_code& result) {
    complete(connect_outcome(stream_.socket(), result), 0);
  });
}

base::Status Stream::Connect::await_resume() {
  const auto outcome = this->outcome();
  if (!outcome) return {};
  if (timed_out_)
    return base::fail(base::ErrorKind::timeout,
                      fmt::format("{} did not accept the connection in time", endpoint_.text()));
  return base::fail(is_want_of_resources(outcome) ? base::ErrorKind::io : base::ErrorKind::connection_failed,
                    fmt::format("cannot connect to {}: {}", endpoint_.text(), outcome.message()));
}

void Stream::Read::await_suspend(std::coroutine_handle<> waiting) {
  waiting_.wait(waiting);
  arm();
  stream_.socket().async_read_some(
      asio::buffer(into_.data(), into_.size()),
      [this](const boost::system::error_code& error, std::size_t transferred) { complete(error, transferred); });
}

base::Result<std::size_t> Stream::Read::await_resume() {
  const auto outcome = this->outcome();
  if (!outcome) return transferred_;
  if (outcome == asio::error::eof) return std::size_t{0};
  return error(outcome);
}

bool Stream::Write::await_ready() { return write_now(); }

void Stream::Write::await_suspend(std::coroutine_handle<> waiting) {
  waiting_.wait(waiting);
  arm();
  wait_writable();
}

void Stream::Write::wait_writable() {
  stream_.socket().async_wait(Socket::wait_write, [this](const boost::system::error_code& error) {
    if (!error && !write_now()) {
      wait_writable();
      return;
    }
    complete(error, 0);
  });
}

bool Stream::Write::write_now() {
  while (!parts_.empty()) {
    auto written = write_vectored(stream_.descriptor(), parts_);
    if (!written) {
      failure_ = std::move(written.error());
      return true;
    }
    if (*written == 0) return false;
    parts_ = consume(parts_, *written);
  }
  return true;
}

base::Status Stream::Write::await_resume() {
  if (failure_) return std::move(*failure_);
  if (const auto outcome = this->outcome()) return error(outcome);
  return {};
}

base::Result<std::size_t> write_vectored(int descriptor, std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = std::min<std::size_t>(parts.size(), 1024);  // IOV_MAX
  while (true) {
    const ssize_t written = ::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
    const auto kind = errno == EPIPE || errno == ECONNRESET ? base::ErrorKind::connection_closed : base::ErrorKind::io;
    return base::fail(kind, std::generic_category().message(errno));
  }
}

boost::system::error_code connect_outcome(const Stream::Socket& socket, boost::system::error_code error) {
  if (error) return error;
  boost::system::error_code not_connected;
  (void)socket.remote_endpoint(not_connected);
  return not_connected ? asio::error::make_error_code(asio::error::try_again) : error;
}

std::span<iovec> consume(std::span<iovec> parts, std::size_t size) noexcept {
  while (!parts.empty() && size >= parts.front().iov_len) {
    size -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (size != 0) {
    parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + size;
    parts.front().iov_len -= size;
  }
  return parts;
}

}  // namespace picket::transport

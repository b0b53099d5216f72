#include "picket/transport/stream.hpp"

#include <cerrno>

#include <fmt/format.h>

namespace picket::transport {

using Outcome = Transfer::Outcome;

Stream::Connect Stream::connect(const Endpoint& endpoint, base::Deadline deadline) {
  return {*this, endpoint, deadline};
}
Stream::Establish Stream::establish(base::Deadline deadline) { return {*this, deadline}; }
Stream::Read Stream::read_some(std::span<char> into, base::Deadline deadline) { return {*this, into, deadline}; }
Stream::Input Stream::input(base::Deadline deadline) { return {*this, deadline}; }
Stream::Write Stream::write(std::span<iovec> parts, base::Deadline deadline) { return {*this, parts, deadline}; }

std::optional<std::size_t> Stream::read_now(std::span<char> into) {
  const Transfer transfer = channel_.read_now(into);
  if (transfer.outcome == Outcome::blocked) return std::nullopt;
  return transfer.size;
}

base::Result<std::size_t> Stream::write_now(std::span<const iovec> parts) {
  const Transfer transfer = channel_.write_now(parts);
  if (transfer.outcome == Outcome::failed) return channel_.failure(transfer);
  return transfer.size;
}

void Stream::cancel() noexcept {
  ++cancels_;
  channel_.cancel();
}

namespace internal {

void StreamOperation::begin(std::coroutine_handle<> waiting) {
  waiting_.wait(waiting);
  if (!deadline_.never()) stream_.worker().timers().arm(timer_, deadline_.at());
}

void StreamOperation::end() {
  timer_.cancel();
  stream_.worker().resume(waiting_);
}

void StreamOperation::on_deadline(void* self, base::TimePoint) {
  auto& operation = *static_cast<StreamOperation*>(self);
  operation.timed_out_ = true;
  operation.channel().cancel();
}

bool StreamOperation::is_over() const noexcept {
  return timed_out_ || cancels_ != stream_.cancels_ || !stream_.is_open();
}

base::Error StreamOperation::why_over() const {
  return timed_out_ ? base::fail(base::ErrorKind::timeout, "the peer was not ready in time")
                    : base::fail(base::ErrorKind::connection_closed, "closed on this side");
}

}  // namespace internal

void Stream::Connect::await_suspend(std::coroutine_handle<> waiting) {
  begin(waiting);
  channel().connect(endpoint_, Waiter::of<&Connect::connected>(this));
}

void Stream::Connect::connected(const Completion& outcome) {
  error_ = outcome.error;
  end();
}

base::Status Stream::Connect::await_resume() {
  if (error_ == 0 && stream_.is_open()) return {};
  if (timed_out_) return base::fail(base::ErrorKind::timeout, "connection timed out");
  return connect_failure(error_ == 0 ? ECANCELED : error_);
}

void Stream::Establish::await_suspend(std::coroutine_handle<> waiting) {
  begin(waiting);
  wait();
}

bool Stream::Establish::advance() {
  transfer_ = channel().establish();
  return transfer_.outcome != Outcome::blocked;
}

void Stream::Establish::wait() { channel().wait(transfer_.wanted, Waiter::of<&Establish::ready>(this)); }

void Stream::Establish::ready(const Completion&) { is_over() || advance() ? end() : wait(); }

base::Status Stream::Establish::await_resume() {
  if (!stream_.is_open() || transfer_.outcome == Outcome::blocked) return why_over();
  if (transfer_.outcome == Outcome::failed) return channel().failure(transfer_);
  return {};
}

void Stream::Read::await_suspend(std::coroutine_handle<> waiting) {
  begin(waiting);
  channel().is_quiet() ? wait() : look({});
}

void Stream::Read::wait() { channel().wait(transfer_.wanted, Waiter::of<&Read::look>(this)); }

void Stream::Read::look(const Completion& outcome) {
  if (outcome.error == ECANCELED && is_over()) return end();
  transfer_ = channel().read_now(into_);
  if (transfer_.outcome != Outcome::blocked || is_over()) return end();
  wait();
}

base::Result<std::size_t> Stream::Read::await_resume() {
  // Closed, too, where that came before whoever waits could go on.
  if (!stream_.is_open() || transfer_.outcome == Outcome::blocked) return why_over();
  if (transfer_.outcome == Outcome::failed) return channel().failure(transfer_);
  return transfer_.size;
}

void Stream::Input::await_suspend(std::coroutine_handle<> waiting) {
  begin(waiting);
  came(Completion{.error = ECANCELED});
}

void Stream::Input::came(const Completion& outcome) {
  has_come_ = outcome.error != ECANCELED;
  if (has_come_ || is_over()) return end();
  channel().wait_for_input(Waiter::of<&Input::came>(this));
}

base::Status Stream::Input::await_resume() {
  if (!has_come_ || !stream_.is_open()) return why_over();
  return {};
}

void Stream::Write::await_suspend(std::coroutine_handle<> waiting) {
  begin(waiting);
  wait();
}

void Stream::Write::wait() { channel().wait(transfer_.wanted, Waiter::of<&Write::ready>(this)); }

/// What could be written now is too late once it is over: a socket may have a little room that the kernel tells nobody
/// of.
void Stream::Write::ready(const Completion&) { is_over() || advance() ? end() : wait(); }

bool Stream::Write::advance() {
  while (!parts_.empty()) {
    transfer_ = channel().write_now(parts_);
    if (transfer_.outcome != Outcome::moved) return transfer_.outcome == Outcome::failed;
    parts_ = consume(parts_, transfer_.size);
  }
  return true;
}

base::Status Stream::Write::await_resume() {
  if (stream_.is_open() && parts_.empty()) return {};
  if (stream_.is_open() && transfer_.outcome == Outcome::failed) return channel().failure(transfer_);
  return why_over();
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

#include "picket/transport/channel.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/base/ascii.hpp"
#include "picket/transport/internal/socket_bytes.hpp"

namespace picket::transport {
namespace {

using Outcome = Transfer::Outcome;
using base::ErrorKind;

constexpr std::size_t most_parts = 1024;  // IOV_MAX

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

namespace internal {

Transfer receive_now(int socket, std::span<char> into, int flags) noexcept {
  ssize_t size = 0;
  do {  // a signal says nothing of what there is
    size = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT | flags);
  } while (size < 0 && errno == EINTR);
  if (size > 0) {
    const auto got = static_cast<std::size_t>(size);
    return Transfer::moved(got, got == into.size());
  }
  if (size == 0) return Transfer::ended();
  return would_block(errno) ? Transfer::blocked(Readiness::readable) : Transfer::failed(errno);
}

Transfer send_now(int socket, std::span<const iovec> parts) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = std::min(parts.size(), most_parts);
  const ssize_t size = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (size > 0) return Transfer::moved(static_cast<std::size_t>(size), false);
  return size == 0 || would_block(errno) ? Transfer::blocked(Readiness::writable) : Transfer::failed(errno);
}

base::Error failure_of(int error) {
  if (error == EPIPE || error == ECONNRESET) return base::fail(ErrorKind::connection_closed, "closed by the peer");
  return base::fail(ErrorKind::io, std::generic_category().message(error));
}

}  // namespace internal

using internal::failure_of;
using internal::receive_now;
using internal::send_now;

Unbound::~Unbound() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<std::pair<Unbound, Unbound>> Unbound::pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return failure_of(errno);
  return std::pair{Unbound{ends[0], nullptr}, Unbound{ends[1], nullptr}};
}

Channel::Channel(Worker& worker, int descriptor, std::unique_ptr<Layer> layer)
    : descriptor_(worker, descriptor), layer_(std::move(layer)) {
  if (is_open()) set_no_delay(descriptor);
}

Transfer Channel::establish() {
  if (!is_open()) return Transfer::failed(EBADF);
  if (layer_ == nullptr) return Transfer::moved(0, false);
  const Transfer transfer = layer_->establish(descriptor());
  note_layer();
  return transfer;
}

/// What the layer says of the socket.
void Channel::note_layer() noexcept {
  if (layer_->found_empty()) descriptor_.found_empty();
}

Transfer Channel::read_now(std::span<char> into) {
  if (layer_ != nullptr) return read_layer(into);
  const Transfer got = receive_now(descriptor(), into, 0);
  if (!got.may_have_more && (got.outcome == Outcome::moved || got.outcome == Outcome::blocked))
    descriptor_.found_empty();
  return got;
}

Transfer Channel::write_now(std::span<const iovec> parts) {
  return layer_ == nullptr ? send_now(descriptor(), parts) : write_layer(parts);
}

/// It may have taken from the socket what the writer waits for there.
Transfer Channel::read_layer(std::span<char> into) {
  if (!is_open()) return Transfer::failed(EBADF);
  const Transfer transfer = layer_->read(descriptor(), into);
  note_layer();
  if (layer_->has_had_its_share()) worker().give_way();
  if (std::exchange(writer_wants_input_, false)) cancel();
  return transfer;
}

/// It may have taken from the socket what the reader waits for there.
Transfer Channel::write_layer(std::span<const iovec> parts) {
  if (!is_open()) return Transfer::failed(EBADF);
  const Transfer transfer = layer_->write(descriptor(), parts);
  note_layer();
  writer_wants_input_ = transfer.outcome == Outcome::blocked && transfer.wanted == Readiness::readable;
  if (layer_->has_pending()) cancel();
  return transfer;
}

base::Error Channel::failure(const Transfer& failed) const {
  return layer_ != nullptr ? layer_->failure(failed) : internal::failure_of(failed.error);
}

void Channel::wait_for_input(Waiter waiter) {
  if (layer_ != nullptr && layer_->has_pending()) return descriptor_.post(std::move(waiter));
  descriptor_.wait(Readiness::readable, std::move(waiter));
}

Transfer Channel::peek() {
  if (!is_open()) return Transfer::failed(EBADF);
  if (layer_ == nullptr) {
    char byte = 0;
    return receive_now(descriptor(), {&byte, 1}, MSG_PEEK);
  }
  const Transfer transfer = layer_->peek(descriptor());
  note_layer();
  if (std::exchange(writer_wants_input_, false) || layer_->has_pending()) cancel();
  return transfer;
}

bool Channel::has_input() { return peek().outcome != Outcome::blocked; }

bool Channel::has_ended() {
  const Outcome outcome = peek().outcome;
  return outcome == Outcome::ended || outcome == Outcome::failed;
}

void Channel::shutdown_write() noexcept {
  if (!is_open()) return;
  if (layer_ != nullptr) layer_->end_writing(descriptor());
  ::shutdown(descriptor(), SHUT_WR);
}

void Channel::close() noexcept {
  if (layer_ != nullptr && is_open() && !resets_on_close_) layer_->end_writing(descriptor());
  descriptor_.close();
}

void Channel::reset_on_close(bool resets) noexcept {
  resets_on_close_ = resets;
  const linger option{.l_onoff = resets ? 1 : 0, .l_linger = 0};
  ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

base::Error connect_failure(int error) {
  const bool wants_resources = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
  std::string why = std::generic_category().message(error);
  why.front() = base::lower(why.front());
  return base::fail(wants_resources ? ErrorKind::io : ErrorKind::connection_failed, std::move(why));
}

base::Error cannot_connect(std::string_view peer, int error) {
  const base::Error why = connect_failure(error);
  return base::fail(why.kind(), fmt::format("cannot connect to {}: {}", peer, why.detail()));
}

}  // namespace picket::transport

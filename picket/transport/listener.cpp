#include "picket/transport/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::transport {

namespace {

using base::ErrorKind;

}  // namespace

base::Result<Listener> Listener::open(Worker& worker, const Endpoint& endpoint, const ListenOptions& options) {
  auto socket = ListeningSocket::open(endpoint, options);
  if (!socket) return std::move(socket.error());
  return take(worker, std::move(*socket), options);
}

base::Result<Listener> Listener::take(Worker& worker, ListeningSocket socket, const ListenOptions& options) {
  Listener listener{worker, std::move(socket), options};
  if (!listener.socket_.is_open())
    return base::fail(ErrorKind::io, fmt::format("cannot watch the socket of {}: {}", listener.endpoint().text(),
                                                 std::generic_category().message(ENOMEM)));
  return listener;
}

Listener::Listener(Worker& worker, ListeningSocket socket, const ListenOptions& options)
    : place_(std::move(socket)),
      socket_(worker, place_.release_descriptor()),
      allowed_uids_(options.allowed_uids),
      on_refused_(options.on_refused),
      on_failed_(options.on_failed),
      keeps_spare_(options.keeps_spare) {
  keep_spare();
}

Listener::Listener(Listener&& other) noexcept
    : place_(std::move(other.place_)),
      socket_(std::move(other.socket_)),
      allowed_uids_(std::move(other.allowed_uids_)),
      on_refused_(std::move(other.on_refused_)),
      on_failed_(std::move(other.on_failed_)),
      keeps_spare_(other.keeps_spare_),
      spare_(std::exchange(other.spare_, -1)) {}

Listener::~Listener() { close(); }

void Listener::close() noexcept {
  place_.close();  // the file first
  if (spare_ >= 0) ::close(std::exchange(spare_, -1));
  socket_.close();
}

bool Listener::may_connect(int descriptor) {
  if (!endpoint().is_unix()) return true;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid() || std::ranges::find(allowed_uids_, peer.uid) != allowed_uids_.end())
    return true;
  if (on_refused_) on_refused_(peer.uid);
  return false;
}

Listener::Accept Listener::accept() { return Accept{*this}; }

void Listener::Accept::await_suspend(std::coroutine_handle<> waiting) {
  waiting_.wait(waiting);
  try_accept();
}

void Listener::Accept::try_accept() {
  listener_.socket_.wait(Readiness::readable, Waiter::of<&Accept::readable>(this));
}

/// Or closed, on a worker of several threads even after readiness was seen.
void Listener::Accept::readable(const Completion&) {
  const bool is_closed = !listener_.socket_.is_open();
  if (is_closed) result_ = base::fail(ErrorKind::connection_closed, "the listener was closed");
  if (is_closed || take_one()) return listener_.socket_.worker().resume(waiting_);
  try_accept();
}

bool Listener::Accept::take_one() {
  while (true) {
    Accepted accepted;
    accepted.descriptor = listener_.accept_one(accepted.peer);
    if (accepted.descriptor >= 0) {
      if (listener_.may_connect(accepted.descriptor)) {
        result_ = accepted;
        return true;
      }
      ::close(accepted.descriptor);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    result_ = base::fail(ErrorKind::io,
                         fmt::format("cannot accept on {}: {}", listener_.endpoint().text(), ::strerrordesc_np(errno)));
    if (listener_.on_failed_) listener_.on_failed_(result_.error());
    return true;
  }
}

int Listener::accept_one(sockaddr_storage& peer) noexcept {
  keep_spare();
  while (true) {
    socklen_t size = sizeof peer;
    const int descriptor =
        ::accept4(socket_.value(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE) || spare_ < 0) return descriptor;
    ::close(std::exchange(spare_, -1));
  }
}

void Listener::keep_spare() noexcept {
  if (keeps_spare_ && spare_ < 0) spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void Listener::end(Stream& stream) noexcept {
  if (!keeps_spare_ || spare_ >= 0 || !socket_.is_open() || !stream.is_open()) return stream.close();
  const int descriptor = stream.release();
  // Replaces the connection in one step; what the spare refers to does not matter.
  spare_ = ::dup3(socket_.value(), descriptor, O_CLOEXEC);
  if (spare_ < 0) ::close(descriptor);
}

base::Result<Accepted> Listener::Accept::await_resume() { return std::move(result_); }

Task<void> accept_all(Listener& listener, Worker& worker, std::function<void(const Accepted&)> take) {
  while (true) {
    const auto accepted = co_await listener.accept();
    if (accepted) {
      take(*accepted);
      continue;
    }
    if (accepted.error().kind() == ErrorKind::connection_closed) co_return;
    const base::TimePoint later = worker.now() + std::chrono::milliseconds{100};
    co_await SleepUntil(worker, later);
  }
}

}  // namespace picket::transport

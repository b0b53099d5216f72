#include "picket/transport/descriptor.hpp"

#include <cerrno>

#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/internal/reactor.hpp"

namespace picket::transport {

using internal::Operation;
using internal::Watched;

Descriptor::Descriptor(Worker& worker) : watched_(std::make_unique<Watched>(worker)) {}
Descriptor::Descriptor(Worker& worker, int value) : Descriptor(worker) { (void)take(value); }
Descriptor::Descriptor(Descriptor&& other) noexcept
    : watched_(std::move(other.watched_)), value_(std::exchange(other.value_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  close();
  watched_ = std::move(other.watched_);
  value_ = std::exchange(other.value_, -1);
  return *this;
}
Descriptor::~Descriptor() { close(); }

Worker& Descriptor::worker() const noexcept { return watched_->worker; }
internal::Reactor& Descriptor::reactor() const noexcept { return *worker().reactor_; }

/// Returns what is wrong, as errno has it.
int Descriptor::take(int value) {
  const int error = reactor().add(*watched_, value);
  if (error != 0) {
    ::close(value);
    return error;
  }
  int on = 1;
  ::ioctl(value, FIONBIO, &on);
  value_ = value;
  return 0;
}

void Descriptor::wait(Readiness readiness, Waiter waiter) {
  reactor().wait(*watched_, readiness, new Operation{std::move(waiter)});
}

void Descriptor::found_empty() noexcept { watched_->is_empty = !watched_->is_never_empty; }
bool Descriptor::is_known_empty() const noexcept { return watched_->is_empty; }

void Descriptor::connect(const Endpoint& endpoint, Waiter waiter) {
  const int error = start_connecting(endpoint);
  if (error != EINPROGRESS) return post(std::move(waiter), {.error = error});
  auto* const operation = new Operation{std::move(waiter)};
  operation->connects = true;
  reactor().wait(*watched_, Readiness::writable, operation);
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
  reactor().complete(new Operation{std::move(waiter), outcome});
}

void Descriptor::cancel() noexcept {
  if (is_open()) reactor().cancel(*watched_);
}

int Descriptor::release() noexcept {
  if (is_open()) reactor().remove(*watched_);
  return std::exchange(value_, -1);
}

void Descriptor::close() noexcept {
  if (is_open()) ::close(release());
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

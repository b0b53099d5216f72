#include "picket/transport/internal/reactor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>
#include <memory>
#include <span>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::transport::internal {
namespace {

constexpr std::size_t events_at_once = 128;
constexpr std::uint64_t wake_key = 0;

/// Throws std::system_error: at start only.
int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error{errno, std::generic_category(), what};
  return descriptor;
}

std::uint64_t key_of(const Watched& watched) noexcept {
  return std::uint64_t{watched.generation} << 32U | static_cast<std::uint32_t>(watched.descriptor);
}

/// As epoll_wait has it, never early.
int milliseconds(base::TimePoint until) noexcept {
  if (until == base::TimePoint::max()) return -1;
  const base::TimePoint now = base::Clock::now();  // the turn's own is for those whom this wait wakes
  if (until <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
}

/// What came of a connect.
int connect_outcome(int descriptor) noexcept {
  int result = 0;
  socklen_t size = sizeof result;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &result, &size) == 0 ? result : errno;
}

}  // namespace

void OperationQueue::append(OperationQueue&& other) noexcept {
  if (other.empty()) return;
  if (last_ != nullptr) std::swap(last_->next, other.last_->next);
  last_ = std::exchange(other.last_, nullptr);
  size_ += std::exchange(other.size_, 0);
}

Reactor::Reactor(Worker& worker)
    : worker_(worker),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = wake_key}};
  checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event), "epoll_ctl");
}

/// A waiter may be all that keeps a connection alive, whose descriptor leaves the list with it.
Reactor::~Reactor() {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    if (watched_[i] == nullptr) continue;
    const OperationQueue readers = std::move(watched_[i]->readers);
    const OperationQueue writers = std::move(watched_[i]->writers);
  }
  while (!ready_.empty() || !posted_.empty()) {  // the end of one may bring another
    while (!ready_.empty()) delete ready_.pop();
    while (!posted_.empty()) delete posted_.pop();
  }
  ::close(wake_);
  ::close(epoll_);
}

// ---- the worker's

void Reactor::hear(base::TimePoint until) {
  int time = 0;
  {
    const auto guard = worker_.enter();
    if (ready_.empty() && until != base::TimePoint::min()) time = milliseconds(until);
    is_asleep_ = time != 0;
  }
  std::array<epoll_event, events_at_once> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), time);
  const auto guard = worker_.enter();
  is_asleep_ = false;
  for (const epoll_event& event : std::span{events}.first(count > 0 ? static_cast<std::size_t>(count) : 0))
    heard(event.data.u64, event.events);
}

void Reactor::heard(std::uint64_t key, std::uint32_t events) noexcept {
  if (key == wake_key) return take_posted();
  Watched* const watched = watched_[static_cast<std::uint32_t>(key)];
  if (watched == nullptr || key_of(*watched) != key) return;  // it was closed meanwhile, by another thread
  if ((events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    watched->is_empty = false;
    if ((events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP)) != 0) watched->is_never_empty = true;
    complete_all(watched->readers, 0);
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) become_writable(*watched);
}

/// A Unix socket would tell of room with each read of its peer's: it is asked no longer than somebody wants to know.
void Reactor::become_writable(Watched& watched) noexcept {
  if (!std::exchange(watched.asks_to_write, false)) return;
  set(EPOLL_CTL_MOD, watched);
  while (!watched.writers.empty()) {
    Operation* const operation = watched.writers.pop();
    if (operation->connects) operation->outcome.error = connect_outcome(watched.descriptor);
    ready_.push(operation);
  }
}

void Reactor::take_posted() noexcept {
  std::uint64_t count = 0;
  (void)::read(wake_, &count, sizeof count);
  const std::lock_guard guard{posting_};
  ready_.append(std::move(posted_));
}

bool Reactor::run_one() {
  const auto guard = worker_.enter();
  if (ready_.empty()) return false;
  const std::unique_ptr<Operation> operation{ready_.pop()};
  operation->waiter(operation->outcome);
  return true;
}

void Reactor::post(Waiter waiter) {
  auto* const operation = new Operation{std::move(waiter)};
  {
    const std::lock_guard guard{posting_};
    posted_.push(operation);
    if (posted_.size() != 1) return;  // it is awake already
  }
  wake();
}

void Reactor::wake() noexcept {
  const std::uint64_t once = 1;
  (void)::write(wake_, &once, sizeof once);
}

// ---- descriptors'

int Reactor::add(Watched& watched, int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (watched_.size() <= index) watched_.resize(std::max(index + 1, 2 * watched_.size()));
  watched.descriptor = descriptor;
  watched.generation = ++generations_;
  watched.is_empty = true;
  watched.is_never_empty = watched.asks_to_write = false;
  epoll_event event{.events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET, .data = {.u64 = key_of(watched)}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    watched.descriptor = -1;
    return errno;
  }
  watched_[index] = &watched;
  return 0;
}

/// The kernel forgets a closed descriptor only where no other process has it, too.
void Reactor::remove(Watched& watched) noexcept {
  if (watched.descriptor < 0) return;
  cancel(watched);
  set(EPOLL_CTL_DEL, watched);
  watched_[static_cast<std::size_t>(watched.descriptor)] = nullptr;
  watched.descriptor = -1;
}

void Reactor::wait(Watched& watched, Readiness readiness, Operation* operation) {
  if (watched.descriptor < 0) {
    operation->outcome.error = EBADF;
    return complete(operation);
  }
  const bool reads = readiness == Readiness::readable;
  (reads ? watched.readers : watched.writers).push(operation);
  if (reads && watched.is_empty) return;
  if (!reads) watched.asks_to_write = true;
  set(EPOLL_CTL_MOD, watched);
}

void Reactor::cancel(Watched& watched) noexcept {
  complete_all(watched.readers, ECANCELED);
  complete_all(watched.writers, ECANCELED);
}

void Reactor::complete_all(OperationQueue& waiting, int error) noexcept {
  while (!waiting.empty()) {
    Operation* const operation = waiting.pop();
    operation->outcome.error = error;
    complete(operation);
  }
}

void Reactor::complete(Operation* operation) noexcept {
  ready_.push(operation);
  if (std::exchange(is_asleep_, false)) wake();
}

/// The kernel looks at once what there is, and tells it with the next wait. That there is urgent data it is asked no
/// more once it has said so: of a peer that leaves a gap before it, it would say so again and again, and of nothing to
/// read.
void Reactor::set(int how, const Watched& watched) const noexcept {
  const std::uint32_t room = watched.asks_to_write ? EPOLLOUT : 0U;
  const std::uint32_t urgent = watched.is_never_empty ? 0U : EPOLLPRI;
  epoll_event event{.events = EPOLLIN | urgent | EPOLLRDHUP | EPOLLET | room, .data = {.u64 = key_of(watched)}};
  ::epoll_ctl(epoll_, how, watched.descriptor, &event);
}

}  // namespace picket::transport::internal

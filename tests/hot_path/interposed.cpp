#include "tests/hot_path/interposed.hpp"

#include <atomic>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <utility>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace picket::tests {
namespace {

// constinit and trivial: these functions are called before main, and while threads end.
constinit thread_local Calls counted{};
std::atomic<bool> recording{false};
std::mutex transfers_mutex;
std::vector<Transfer> recorded;

/// The function of that name that would be called without us.
template <class Function>
Function* next(std::atomic<Function*>& known, const char* name) noexcept {
  Function* found = known.load(std::memory_order_relaxed);
  if (found == nullptr) {
    found = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
    known.store(found, std::memory_order_relaxed);
  }
  return found;
}

ssize_t note(int descriptor, bool write, std::span<const iovec> parts, ssize_t size) {
  if (size > 0 && !write) ++counted.reads;
  if (size <= 0 || !recording.load(std::memory_order_relaxed)) return size;
  const int error = errno;
  Transfer transfer{descriptor, write, {}};
  auto left = static_cast<std::size_t>(size);
  for (const iovec& part : parts) {
    const std::size_t used = std::min(left, part.iov_len);
    if (used != 0) transfer.parts.push_back({part.iov_base, used});
    left -= used;
  }
  {
    const std::lock_guard lock{transfers_mutex};
    if (recording.load(std::memory_order_relaxed)) recorded.push_back(std::move(transfer));
  }
  errno = error;
  return size;
}

}  // namespace

Calls calls() noexcept { return counted; }

Recording::Recording() { recording.store(true, std::memory_order_relaxed); }
Recording::~Recording() { (void)end(); }
std::vector<Transfer> Recording::end() {
  const std::lock_guard lock{transfers_mutex};
  recording.store(false, std::memory_order_relaxed);
  return std::exchange(recorded, {});
}

}  // namespace picket::tests

using picket::tests::counted;
using picket::tests::next;
using picket::tests::note;

// The names of the C library, found before its own.
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static constinit std::atomic<int (*)(clockid_t, timespec*)> known{nullptr};
  ++counted.clock_reads;
  return next(known, "clock_gettime")(clock, time);
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  static constinit std::atomic<int (*)(int, epoll_event*, int, int)> known{nullptr};
  counted.polls += timeout == 0 ? 1 : 0;
  return next(known, "epoll_wait")(epoll, events, most, timeout);
}

int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
  static constinit std::atomic<int (*)(int, int, int, epoll_event*)> known{nullptr};
  ++counted.arms;
  return next(known, "epoll_ctl")(epoll, operation, descriptor, event);
}

int gettimeofday(timeval* time, void* zone) noexcept {
  static constinit std::atomic<int (*)(timeval*, void*)> known{nullptr};
  ++counted.clock_reads;
  return next(known, "gettimeofday")(time, zone);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static constinit std::atomic<int (*)(pthread_mutex_t*)> known{nullptr};
  ++counted.locks;
  return next(known, "pthread_mutex_lock")(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  static constinit std::atomic<int (*)(pthread_mutex_t*)> known{nullptr};
  ++counted.locks;
  return next(known, "pthread_mutex_trylock")(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static constinit std::atomic<int (*)(pthread_rwlock_t*)> known{nullptr};
  ++counted.locks;
  return next(known, "pthread_rwlock_rdlock")(lock);
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  static constinit std::atomic<ssize_t (*)(int, const msghdr*, int)> known{nullptr};
  ++counted.writes;
  const ssize_t size = next(known, "sendmsg")(descriptor, message, flags);
  return note(descriptor, true, {message->msg_iov, message->msg_iovlen}, size);
}

ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  static constinit std::atomic<ssize_t (*)(int, msghdr*, int)> known{nullptr};
  const ssize_t size = next(known, "recvmsg")(descriptor, message, flags);
  return note(descriptor, false, {message->msg_iov, message->msg_iovlen}, size);
}

ssize_t recv(int descriptor, void* into, size_t length, int flags) {
  static constinit std::atomic<ssize_t (*)(int, void*, size_t, int)> known{nullptr};
  const iovec part{into, length};
  return note(descriptor, false, {&part, 1}, next(known, "recv")(descriptor, into, length, flags));
}

ssize_t readv(int descriptor, const iovec* parts, int count) {
  static constinit std::atomic<ssize_t (*)(int, const iovec*, int)> known{nullptr};
  return note(descriptor, false, {parts, static_cast<std::size_t>(count)},
              next(known, "readv")(descriptor, parts, count));
}

ssize_t read(int descriptor, void* into, size_t length) {
  static constinit std::atomic<ssize_t (*)(int, void*, size_t)> known{nullptr};
  const iovec part{into, length};
  return note(descriptor, false, {&part, 1}, next(known, "read")(descriptor, into, length));
}

}  // extern "C"

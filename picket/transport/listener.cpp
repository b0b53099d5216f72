#include "picket/transport/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace picket::transport {
namespace {

using base::ErrorKind;

base::Error system_error(const Endpoint& endpoint, std::string_view action, int error) {
  return base::fail(ErrorKind::io,
                    fmt::format("cannot {} {}: {}", action, endpoint.text(), std::generic_category().message(error)));
}

/// A descriptor that is closed unless it is released.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int value) noexcept : value_(value) {}
  OwnedDescriptor(const OwnedDescriptor&) = delete;
  OwnedDescriptor& operator=(const OwnedDescriptor&) = delete;
  ~OwnedDescriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const noexcept { return value_; }
  [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }

 private:
  int value_;
};

/// Makes processes that want one socket path come one after the other: between finding a stale file, removing it and
/// listening, another one that does the same would remove a live server's file. A file beside the socket that is locked
/// and, with the lock still held, removed; only who may own the socket can open it.
class PathLock {
 public:
  static base::Result<PathLock> take(const Endpoint& endpoint) {
    std::string path = std::string{endpoint.path()} + ".lock";
    const auto give_up_at = std::chrono::steady_clock::now() + patience;
    while (true) {
      OwnedDescriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
      if (file.get() < 0) return system_error(endpoint, "make the lock file of", errno);
      if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
        if (is_at(file.get(), path)) return PathLock{std::move(path), file.release()};
      } else if (errno != EWOULDBLOCK && errno != EINTR) {
        return system_error(endpoint, "lock", errno);
      } else if (std::chrono::steady_clock::now() >= give_up_at) {
        return base::fail(ErrorKind::io,
                          fmt::format("cannot listen on {}: another process has held {} for {} s; end that process if "
                                      "it is not just starting (fuser {} names it), then try again",
                                      endpoint.text(), path, patience.count(), path));
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
      }
    }
  }
  PathLock(PathLock&& other) noexcept : path_(std::move(other.path_)), file_(other.file_.release()) {}
  PathLock& operator=(PathLock&&) = delete;
  ~PathLock() {
    if (file_.get() >= 0) ::unlink(path_.c_str());
  }

 private:
  /// Who holds it binds and listens, which takes no time: one that holds it for longer is stuck, or no server.
  static constexpr std::chrono::seconds patience{5};

  /// Whoever held the file before may have removed it: then its lock excludes nobody.
  static bool is_at(int file, const std::string& path) {
    struct stat locked{};
    struct stat there{};
    return ::fstat(file, &locked) == 0 && ::stat(path.c_str(), &there) == 0 && locked.st_ino == there.st_ino &&
           locked.st_dev == there.st_dev;
  }

  PathLock(std::string path, int file) : path_(std::move(path)), file_(file) {}
  std::string path_;
  OwnedDescriptor file_;
};

/// Removes the file of a server that is gone. Only a refused connection proves that: anything else may be a live
/// server.
base::Status remove_stale_file(const Endpoint& endpoint) {
  struct stat status{};
  const std::string path{endpoint.path()};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return base::fail(ErrorKind::io,
                      fmt::format("cannot listen on {}: the path exists and is no socket", endpoint.text()));
  const OwnedDescriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (probe.get() < 0) return system_error(endpoint, "make a socket for", errno);
  if (::connect(probe.get(), endpoint.address(), endpoint.size()) == 0 || errno == EAGAIN || errno == EINPROGRESS)
    return base::fail(ErrorKind::io,
                      fmt::format("cannot listen on {}: another process is listening there", endpoint.text()));
  if (errno != ECONNREFUSED) return system_error(endpoint, "probe", errno);
  if (::unlink(path.c_str()) != 0) return system_error(endpoint, "remove the stale file of", errno);
  return {};
}

/// Group and mode, as told.
base::Status give_file_away(const Endpoint& endpoint, const ListenOptions& options) {
  const std::string path{endpoint.path()};
  if (options.socket_group) {
    const ::group* const group = ::getgrnam(options.socket_group->c_str());
    if (group == nullptr)
      return base::fail(ErrorKind::io,
                        fmt::format("there is no group '{}' for {}", *options.socket_group, endpoint.text()));
    if (::chown(path.c_str(), static_cast<uid_t>(-1), group->gr_gid) != 0)
      return system_error(endpoint, "set the group of", errno);
  }
  if (::chmod(path.c_str(), options.socket_mode) != 0) return system_error(endpoint, "set the mode of", errno);
  return {};
}

base::Status start_listening(int descriptor, const Endpoint& endpoint, const ListenOptions& options) {
  if (::listen(descriptor, options.backlog) != 0) return system_error(endpoint, "listen on", errno);
  return {};
}

base::Status listen_unix(int descriptor, const Endpoint& endpoint, const ListenOptions& options) {
  auto alone = PathLock::take(endpoint);
  if (!alone) return std::move(alone.error());
  PICKET_TRY(remove_stale_file(endpoint));
  // The descriptor's mode carries over to the file, so that it never exists with a wider one.
  if (::fchmod(descriptor, 0600) != 0) return system_error(endpoint, "set the mode of", errno);
  if (::bind(descriptor, endpoint.address(), endpoint.size()) != 0) return system_error(endpoint, "bind", errno);
  auto status = give_file_away(endpoint, options);
  if (status) status = start_listening(descriptor, endpoint, options);
  if (!status) ::unlink(std::string{endpoint.path()}.c_str());
  return status;
}

base::Status bind_tcp(int descriptor, const Endpoint& endpoint, const ListenOptions& options) {
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(descriptor, endpoint.address(), endpoint.size()) != 0) return system_error(endpoint, "listen on", errno);
  return {};
}

/// The endpoint that the kernel made of port 0.
Endpoint bound(int descriptor, const Endpoint& wanted) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (wanted.is_unix() || ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return wanted;
  const std::uint16_t port = ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                                                 : reinterpret_cast<sockaddr_in&>(storage).sin_port);
  return wanted.with_port(port);
}

}  // namespace

base::Status Listener::probe(const Endpoint& endpoint) {
  const OwnedDescriptor descriptor{::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (descriptor.get() < 0) return system_error(endpoint, "make a socket for", errno);
  return bind_tcp(descriptor.get(), endpoint, {});
}

base::Result<Listener> Listener::open(Worker& worker, const Endpoint& endpoint, const ListenOptions& options) {
  OwnedDescriptor descriptor{::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (descriptor.get() < 0) return system_error(endpoint, "make a socket for", errno);
  if (endpoint.is_unix()) {
    PICKET_TRY(listen_unix(descriptor.get(), endpoint, options));
  } else {
    PICKET_TRY(bind_tcp(descriptor.get(), endpoint, options));
    PICKET_TRY(start_listening(descriptor.get(), endpoint, options));
  }
  Endpoint actual = bound(descriptor.get(), endpoint);
  Listener listener{worker, std::move(actual), descriptor.release(), options};
  if (!listener.socket_.is_open()) return system_error(endpoint, "watch the socket of", ENOMEM);
  return listener;
}

Listener::Listener(Worker& worker, Endpoint endpoint, int descriptor, const ListenOptions& options)
    : endpoint_(std::move(endpoint)),
      socket_(worker, descriptor),
      allowed_uids_(options.allowed_uids),
      on_refused_(options.on_refused),
      on_failed_(options.on_failed),
      keeps_spare_(options.keeps_spare) {
  keep_spare();
  struct stat status{};
  if (endpoint_.is_unix() && ::stat(std::string{endpoint_.path()}.c_str(), &status) == 0)
    file_ = {status.st_dev, status.st_ino};
}

Listener::Listener(Listener&& other) noexcept
    : endpoint_(std::move(other.endpoint_)),
      socket_(std::move(other.socket_)),
      allowed_uids_(std::move(other.allowed_uids_)),
      on_refused_(std::move(other.on_refused_)),
      on_failed_(std::move(other.on_failed_)),
      keeps_spare_(other.keeps_spare_),
      spare_(std::exchange(other.spare_, -1)),
      file_(std::exchange(other.file_, std::nullopt)) {}

Listener::~Listener() { close(); }

void Listener::close() noexcept {
  // The file first: while the socket listens nobody takes the file for stale, so it is not another's yet.
  if (file_) {
    const std::string path{endpoint_.path()};
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && status.st_dev == file_->first && status.st_ino == file_->second)
      ::unlink(path.c_str());
    file_.reset();
  }
  if (spare_ >= 0) ::close(std::exchange(spare_, -1));
  socket_.close();
}

bool Listener::may_connect(int descriptor) {
  if (!endpoint_.is_unix()) return true;
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

#include "picket/transport/listening_socket.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "picket/base/time.hpp"

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
    const auto give_up_at = base::Clock::now() + patience;
    while (true) {
      OwnedDescriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
      if (file.get() < 0) return system_error(endpoint, "make the lock file of", errno);
      if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
        if (is_at(file.get(), path)) return PathLock{std::move(path), file.release()};
      } else if (errno != EWOULDBLOCK && errno != EINTR) {
        return system_error(endpoint, "lock", errno);
      } else if (base::Clock::now() >= give_up_at) {
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
  const int off = 0;  // "::" takes IPv4, too, whatever net.ipv6.bindv6only says
  if (endpoint.address()->sa_family == AF_INET6) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
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

/// Where a socket listens that somebody else has made.
base::Result<Endpoint> endpoint_of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
    if (storage.ss_family == AF_UNIX)
      return Endpoint::unix_path(reinterpret_cast<const sockaddr_un&>(storage).sun_path);
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool is_v6 = storage.ss_family == AF_INET6;
    const void* const address = is_v6 ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6&>(storage).sin6_addr)
                                      : &reinterpret_cast<sockaddr_in&>(storage).sin_addr;
    std::array<char, IF_NAMESIZE> interface{};
    std::string scope;
    if (is_v6 && ::if_indextoname(reinterpret_cast<sockaddr_in6&>(storage).sin6_scope_id, interface.data()) != nullptr)
      scope = fmt::format("%{}", interface.data());
    if ((is_v6 || storage.ss_family == AF_INET) &&
        ::inet_ntop(storage.ss_family, address, text.data(), text.size()) != nullptr)
      return Endpoint::tcp(std::string{text.data()} + scope,
                           ntohs(is_v6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                       : reinterpret_cast<sockaddr_in&>(storage).sin_port));
  }
  return base::fail(ErrorKind::io,
                    fmt::format("descriptor {} listens at no address of TCP or of a Unix socket", descriptor));
}

}  // namespace

base::Status ListeningSocket::probe(const Endpoint& endpoint) {
  const OwnedDescriptor descriptor{::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (descriptor.get() < 0) return system_error(endpoint, "make a socket for", errno);
  return bind_tcp(descriptor.get(), endpoint, {});
}

base::Result<ListeningSocket> ListeningSocket::open(const Endpoint& endpoint, const ListenOptions& options) {
  OwnedDescriptor descriptor{::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (descriptor.get() < 0) return system_error(endpoint, "make a socket for", errno);
  if (endpoint.is_unix()) {
    PICKET_TRY(listen_unix(descriptor.get(), endpoint, options));
  } else {
    PICKET_TRY(bind_tcp(descriptor.get(), endpoint, options));
    PICKET_TRY(start_listening(descriptor.get(), endpoint, options));
  }
  Endpoint actual = bound(descriptor.get(), endpoint);
  const auto file = file_at(actual);
  return ListeningSocket{std::move(actual), descriptor.release(), file};
}

base::Result<ListeningSocket> ListeningSocket::adopt(int descriptor) {
  OwnedDescriptor owned{descriptor};
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return base::fail(ErrorKind::io, fmt::format("descriptor {} is no socket that listens", descriptor));
  auto endpoint = endpoint_of(descriptor);
  if (!endpoint) return std::move(endpoint.error());
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  return ListeningSocket{std::move(*endpoint), owned.release(), std::nullopt};
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : endpoint_(std::move(other.endpoint_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      file_(std::exchange(other.file_, std::nullopt)) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  std::swap(endpoint_, other.endpoint_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(file_, other.file_);
  return *this;
}

base::Result<ListeningSocket> ListeningSocket::duplicate() const {
  const int copy = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return system_error(endpoint_, "duplicate the socket of", errno);
  return ListeningSocket{endpoint_, copy, std::nullopt};
}

std::optional<ListeningSocket::File> ListeningSocket::file_at(const Endpoint& endpoint) {
  struct stat status{};
  if (!endpoint.is_unix() || ::stat(std::string{endpoint.path()}.c_str(), &status) != 0) return std::nullopt;
  return File{status.st_dev, status.st_ino};
}

void ListeningSocket::close() noexcept {
  // The file first: while the socket listens nobody takes the file for stale, so it is not another's yet.
  if (file_ && file_at(endpoint_) == file_) ::unlink(std::string{endpoint_.path()}.c_str());
  file_.reset();
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace picket::transport

#pragma once

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/listener.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/worker.hpp"

/// What the gateway's tests share: a worker that the test drives itself. Every wait is bounded, and fails the test.
namespace picket::apps::gateway::testing {

using transport::testing::run;
using transport::testing::turn_for;
using transport::testing::turn_until;

/// One of the loopback where nobody listens.
inline transport::Endpoint free_endpoint() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(descriptor);
  return transport::Endpoint::tcp("127.0.0.1", ntohs(address.sin_port)).value();
}

/// The other end of a connection, in the test's hands. Who waits here turns the worker that has the first end.
class FarEnd {
 public:
  /// Takes `descriptor` over.
  FarEnd(transport::Worker& worker, int descriptor) : worker_(worker), descriptor_(descriptor) {}
  FarEnd(FarEnd&& other) noexcept : worker_(other.worker_), descriptor_(std::exchange(other.descriptor_, -1)) {}
  FarEnd& operator=(FarEnd&&) = delete;
  ~FarEnd() { close(); }

  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Sends what is taken at once. Returns how much that was.
  std::size_t send_some(std::string_view bytes) const {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  /// Sends until no more is taken. Returns how much that was.
  [[nodiscard]] std::size_t fill() const {
    std::size_t size = 0;
    for (const std::string& bytes : {std::string(64 * 1024, 'x'), std::string{"x"}})
      for (ssize_t sent = 1; sent > 0; size += sent > 0 ? static_cast<std::size_t>(sent) : 0)
        sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return size;
  }
  /// The next bytes, so many of them; fewer where the stream ends before.
  [[nodiscard]] std::string receive(std::size_t size) const {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    const bool has_come = turn_until(worker_, [&] {
      const ssize_t part = ::recv(descriptor_, bytes.data() + got, size - got, MSG_DONTWAIT);
      got += part > 0 ? static_cast<std::size_t>(part) : 0;
      return got == size || part == 0 || (part < 0 && errno != EAGAIN);
    });
    EXPECT_TRUE(has_come) << "only " << got << " bytes came of " << size;
    bytes.resize(got);
    return bytes;
  }
  /// What has come and was not read, without waiting.
  [[nodiscard]] std::string take() const {
    std::string bytes(64 * 1024, '\0');
    const ssize_t size = ::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  void expect(std::string_view bytes) const { EXPECT_EQ(receive(bytes.size()), bytes); }
  /// How the stream ends, behind whatever was not read: 0, or as errno has it.
  [[nodiscard]] int end() const {
    char bytes[4096];
    int error = EAGAIN;
    EXPECT_TRUE(turn_until(worker_, [&] {
      const ssize_t size = ::recv(descriptor_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (size <= 0) error = size == 0 ? 0 : errno;
      return error != EAGAIN;
    })) << "it does not end";
    return error;
  }
  /// Whether something has come, be it the end, and was not read.
  [[nodiscard]] bool has_input() const {
    char byte = 0;
    return ::recv(descriptor_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
  }
  void shutdown_write() const { EXPECT_EQ(::shutdown(descriptor_, SHUT_WR), 0); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  /// Of TCP: as a client that crashes.
  void reset() {
    const linger option{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &option, sizeof option), 0);
    close();
  }

 private:
  transport::Worker& worker_;
  int descriptor_;
};

/// A stream of `worker` whose other end the test holds.
class Pair {
 public:
  explicit Pair(transport::Worker& worker) : Pair(worker, sockets()) {}
  [[nodiscard]] static Pair tcp(transport::Worker& worker) { return {worker, tcp_sockets()}; }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() = default;

  void send(std::string_view bytes) const { far.send(bytes); }
  void close() { far.close(); }

  transport::Stream stream;
  FarEnd far;

 private:
  static std::array<int, 2> sockets() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    return pair;
  }
  static std::array<int, 2> tcp_sockets() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener, any, size), 0);
    EXPECT_EQ(::getsockname(listener, any, &size), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    const int far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(far, any, size), 0);
    const std::array<int, 2> pair{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), far};
    ::close(listener);
    return pair;
  }
  Pair(transport::Worker& worker, std::array<int, 2> pair)
      : stream(transport::adopt(worker, pair[0])), far(worker, pair[1]) {}
};

/// A task that is under way while the test does something else. Lifetime: outlives the task.
template <class T>
class Running {
 public:
  Running(transport::Worker& worker, transport::Task<T> task) : worker_(worker) {
    transport::spawn(keep(std::move(task), result_));
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  [[nodiscard]] bool is_over() const noexcept { return result_.has_value(); }
  /// What came of it, once it has ended.
  [[nodiscard]] T result() {
    EXPECT_TRUE(turn_until(worker_, [this] { return is_over(); })) << "it does not end";
    return std::move(result_.value());
  }

 private:
  static transport::Task<void> keep(transport::Task<T> task, std::optional<T>& result) {
    auto value = co_await task;
    result.emplace(std::move(value));
  }
  transport::Worker& worker_;
  std::optional<T> result_;
};

}  // namespace picket::apps::gateway::testing

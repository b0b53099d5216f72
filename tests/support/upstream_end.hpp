#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::tests {

/// A socket that listens on loopback, and its port.
struct LoopbackListener {
  explicit LoopbackListener(int backlog) : descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(::listen(descriptor, backlog), 0);
    port = ntohs(address.sin_port);
  }
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;
  ~LoopbackListener() { ::close(descriptor); }

  int descriptor;
  std::uint16_t port = 0;
};

/// An upstream in the hands of a test: its end of one connection, blocking. Every wait ends after 20 seconds.
class UpstreamEnd {
 public:
  UpstreamEnd() {
    const timeval patience{20, 0};
    ::setsockopt(listener_.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);  // of accept(), too
  }
  UpstreamEnd(const UpstreamEnd&) = delete;
  UpstreamEnd& operator=(const UpstreamEnd&) = delete;
  ~UpstreamEnd() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Until the gateway has connected and sent a request's head, which is taken.
  void accept() {
    descriptor_ = ::accept(listener_.descriptor, nullptr, nullptr);
    ASSERT_GE(descriptor_, 0);
    const timeval patience{20, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(descriptor_, &byte, 1, 0) == 1) head += byte;
    ASSERT_TRUE(head.ends_with("\r\n\r\n"));
  }
  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

 private:
  LoopbackListener listener_{1};
  int descriptor_ = -1;
};

/// Reads from a descriptor until so many bytes of a mark have come, that nothing else there has. Allocates nothing.
[[nodiscard]] inline bool await_marked(int descriptor, char mark, std::size_t wanted) {
  char space[16 * 1024];
  while (wanted != 0) {
    const ssize_t size = ::recv(descriptor, space, sizeof space, 0);
    if (size <= 0) return false;
    for (ssize_t i = 0; i < size; ++i) wanted -= space[i] == mark && wanted != 0 ? 1 : 0;
  }
  return true;
}

}  // namespace picket::tests

#pragma once

#include <cerrno>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::tests {

/// A blocking connection of the test to a gateway of its process. Every wait ends after 20 seconds.
class GatewayClient {
 public:
  explicit GatewayClient(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int at_once = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  GatewayClient(const GatewayClient&) = delete;
  GatewayClient& operator=(const GatewayClient&) = delete;
  ~GatewayClient() { ::close(descriptor_); }

  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// What has come, at most as much as fits, at least a byte; 0 at the end. Allocates nothing.
  [[nodiscard]] std::size_t receive(std::span<char> into) const {
    const ssize_t size = ::recv(descriptor_, into.data(), into.size(), 0);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  /// Lifetime: this object's.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// What comes next, at most a line.
  [[nodiscard]] std::string line() const {
    std::string text;
    char byte = 0;
    while (!text.ends_with("\r\n") && ::recv(descriptor_, &byte, 1, 0) == 1) text += byte;
    return text;
  }

 private:
  int descriptor_;
};

/// A port of the loopback that no other test is given while this lives; as free_port() of tools/processes.py.
class ReservedPort {
 public:
  ReservedPort() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::random_device random;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    while (true) {
      number_ = static_cast<std::uint16_t>(10'240 + random() % 21'760);  // below those of outgoing connections
      address.sin_port = htons(number_);
      if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
      if (errno != EADDRINUSE) throw std::system_error(errno, std::generic_category(), "bind");
    }
    const int others_may = 1;  // from now on, if they say so, as servers do
    EXPECT_EQ(::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &others_may, sizeof others_may), 0);
  }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  ~ReservedPort() { ::close(descriptor_); }
  [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

 private:
  int descriptor_;
  std::uint16_t number_ = 0;
};

}  // namespace picket::tests

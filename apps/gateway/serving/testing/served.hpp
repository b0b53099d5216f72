#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/gateway/serving/shard.hpp"

/// What tests of the gateway's threads share: ports, and clients that wait where they stand.
namespace picket::apps::gateway::serving::testing {

inline constexpr std::chrono::seconds patience{20};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A port of the loopback that shards may listen on, and that the kernel gives nobody else meanwhile.
class Port {
 public:
  Port() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int shared = 1;
    EXPECT_EQ(::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared), 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    number_ = ntohs(address.sin_port);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { ::close(descriptor_); }
  [[nodiscard]] std::uint16_t number() const noexcept { return number_; }
  [[nodiscard]] transport::Endpoint endpoint() const { return transport::Endpoint::tcp("127.0.0.1", number_).value(); }

 private:
  int descriptor_;
  std::uint16_t number_ = 0;
};

/// A client of the loopback. Every wait ends after `patience`.
class Client {
 public:
  explicit Client(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{patience.count(), 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const sockaddr_in address = loopback(port);
    is_connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(descriptor_); }

  [[nodiscard]] bool is_connected() const noexcept { return is_connected_; }
  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// The next answer, head and body; what has come of it where the connection ends before.
  [[nodiscard]] std::string answer() {
    while (held_.find("\r\n\r\n") == std::string::npos && read()) {
    }
    const std::size_t head = std::min(held_.find("\r\n\r\n"), held_.size()) + 4;
    const std::size_t field = held_.find("Content-Length: ");
    const std::size_t body = field < head ? std::stoul(held_.substr(field + 16)) : 0;
    while (held_.size() < head + body && read()) {
    }
    const std::size_t size = std::min(head + body, held_.size());
    std::string whole = held_.substr(0, size);
    held_.erase(0, size);
    return whole;
  }
  [[nodiscard]] std::string ask(std::string_view target) {
    send("GET " + std::string{target} + " HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return answer();
  }
  /// Whether the gateway ends the connection, and has sent nothing more.
  [[nodiscard]] bool is_closed() { return !read() && held_.empty(); }

 private:
  bool read() {
    char bytes[4096];
    const ssize_t size = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (size > 0) held_.append(bytes, static_cast<std::size_t>(size));
    EXPECT_FALSE(size < 0 && errno == EAGAIN) << "nothing came";
    return size > 0;
  }

  int descriptor_;
  bool is_connected_ = false;
  std::string held_;
};

/// Waits until `holds()` says true; false where it never does.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate&& holds) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

/// A configuration whose one route answers `text` by itself.
inline config::Config answering(std::string text, std::uint16_t port = 0) {
  config::Config config;
  if (port != 0) config.listeners.push_back({.id = "web", .host = "127.0.0.1", .port = port});
  config.routes.push_back({.id = "all", .respond = config::FixedAnswer{.text = std::move(text)}});
  return config;
}

inline std::shared_ptr<const generation::Generation> generation_of(config::Config config) {
  auto made = std::make_shared<generation::Generation>();
  made->tls.resize(config.listeners.size());
  made->upstream_tls.resize(config.upstreams.size());
  made->config = std::move(config);
  made->logs = std::make_shared<generation::Logs>();
  return made;
}

/// A socket of a shard, beside the one that keeps its port for the test.
inline base::Result<std::vector<transport::ListeningSocket>> sockets_on(const transport::Endpoint& endpoint) {
  auto socket = transport::ListeningSocket::open(endpoint, {.reuse_port = true});
  if (!socket) return std::move(socket.error());
  std::vector<transport::ListeningSocket> sockets;
  sockets.push_back(std::move(*socket));
  return sockets;
}

/// Has the shard serve a configuration at its listeners' addresses.
inline void serve(Shard& shard, config::Config config) {
  std::vector<transport::Endpoint> endpoints;
  for (const auto& listener : config.listeners)
    endpoints.push_back(transport::Endpoint::tcp(listener.host, listener.port).value());
  ASSERT_TRUE(shard.prepare(generation_of(std::move(config)), endpoints, sockets_on));
  shard.commit(100);
}

}  // namespace picket::apps::gateway::serving::testing

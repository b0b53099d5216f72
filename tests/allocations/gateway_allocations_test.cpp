#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/gateway/process/gateway.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"
#include "tests/allocations/counting.hpp"
#include "tests/support/gateway_client.hpp"

/// A request through the gateway, with an agent and an upstream, allocates a few times once warm, and no more often:
/// what is asked of agents and what goes upstream is kept in lists of the request's own. Events themselves allocate
/// nothing (session_allocations_test.cpp).
namespace picket::tests {
namespace {

namespace gateway = apps::gateway;

class Allowing final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders&, agent::Context&) override {
    return agent::Decision::allow();
  }
};

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Answers whatever comes with the same, a thread for each connection, without an allocation for a request.
class FixedUpstream {
 public:
  FixedUpstream() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    EXPECT_EQ(::listen(listener_, 16), 0);
    accepting_ = std::jthread{[this] { accept(); }};
  }
  ~FixedUpstream() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    serving_.clear();
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  void accept() {
    for (int taken = ::accept(listener_, nullptr, nullptr); taken >= 0; taken = ::accept(listener_, nullptr, nullptr))
      serving_.emplace_back([taken] { serve(taken); });
  }
  static void serve(int descriptor) {
    std::array<char, 4096> bytes;
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0;) {
      got = ::recv(descriptor, bytes.data() + size, bytes.size() - size, 0);
      size += got > 0 ? static_cast<std::size_t>(got) : 0;
      if (!std::string_view{bytes.data(), size}.ends_with("\r\n\r\n")) continue;
      size = 0;
      (void)::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(descriptor);
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::vector<std::jthread> serving_;
  std::jthread accepting_;
};

gateway::config::Config config_of(std::uint16_t port, const std::string& agent_path, std::uint16_t upstream) {
  gateway::config::Config config;
  config.listeners.push_back(
      {.id = "web", .host = "127.0.0.1", .port = port, .protocol = gateway::config::Protocol::h2c});
  config.agents.push_back({.id = "a", .path = agent_path, .events = {.request_headers = true}});
  config.filters.push_back({.id = "ask", .agent = 0, .timeout = std::chrono::seconds{20}});
  config.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = upstream}}});
  config.routes.push_back({.id = "all", .filters = {0}});
  return config;
}

class GatewayAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(agent_.start());
    const auto applied = gateway_.apply(config_of(port_.number(), agent_path_, upstream_.port()), [] { return false; });
    ASSERT_TRUE(applied) << applied.error().message();
  }

  const transport::testing::TemporaryFolder folder_;
  const std::string agent_path_ = (folder_.path() / "agent.sock").string();
  FixedUpstream upstream_;
  agent::Server agent_{{.listen = "unix:" + agent_path_}, [] { return std::make_unique<Allowing>(); }};
  gateway::process::ProcessLog log_{gateway::config::Observability{}};
  gateway::process::Gateway gateway_{{.worker_threads = 1}, log_};
  const ReservedPort port_;
};

// Counted in the dev build, whose sanitizers take no memory by this operator.
constexpr std::uint64_t rounds = 500;
constexpr std::uint64_t of_a_request = 8;
constexpr std::uint64_t of_a_stream = 26;

TEST_F(GatewayAllocations, ARequestOfHttp11AllocatesAFewTimes) {
  const GatewayClient client{port_.number()};
  std::array<char, 4096> bytes;
  const auto ask = [&] {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    std::size_t size = 0;
    while (!std::string_view{bytes.data(), size}.ends_with("hello")) {
      const std::size_t got = client.receive(std::span{bytes}.subspan(size));
      ASSERT_NE(got, 0U) << std::string_view(bytes.data(), size);
      size += got;
    }
    ASSERT_TRUE(std::string_view(bytes.data(), size).starts_with("HTTP/1.1 200"));
  };
  EXPECT_LE(allocations_once_warm(ask), rounds * of_a_request);
}

/// One request after the other on a connection of HTTP/2, by hand.
class Streams {
 public:
  explicit Streams(std::uint16_t port) : client_(port) {
    client_.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client_.send(std::string_view{"\0\0\0\4\0\0\0\0\0", 9});  // SETTINGS
  }
  /// A GET; its answer is read to its end.
  void ask() {
    std::array<char, 15> head{0, 0, 6, 1, 5, 0, 0, 0, 0, '\x82', '\x86', '\x84', 1, 1, 'a'};
    head[7] = static_cast<char>(stream_ >> 8);
    head[8] = static_cast<char>(stream_ & 0xFF);
    client_.send({head.data(), head.size()});
    while (!has_ended()) {
      const std::size_t got = client_.receive(std::span{bytes_}.subspan(size_));
      ASSERT_NE(got, 0U) << "the connection has ended";
      size_ += got;
    }
    stream_ += 2;
  }

 private:
  /// Takes the frames that are whole. Whether DATA with the stream's end was among them.
  bool has_ended() {
    bool ended = false;
    std::size_t taken = 0;
    while (size_ - taken >= 9) {
      const auto* const frame = reinterpret_cast<const unsigned char*>(bytes_.data()) + taken;
      const std::size_t length = frame[0] << 16 | frame[1] << 8 | frame[2];
      if (size_ - taken < 9 + length) break;
      ended = ended || (frame[3] == 0 && (frame[4] & 1) != 0);
      taken += 9 + length;
    }
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(taken), bytes_.begin() + static_cast<std::ptrdiff_t>(size_),
              bytes_.begin());
    size_ -= taken;
    return ended;
  }

  GatewayClient client_;
  std::array<char, 8192> bytes_;
  std::size_t size_ = 0;
  std::uint32_t stream_ = 1;
};

TEST_F(GatewayAllocations, AStreamOfHttp2AllocatesAFewTimes) {
  Streams streams{port_.number()};
  EXPECT_LE(allocations_once_warm([&] { streams.ask(); }), rounds * of_a_stream);
}

}  // namespace
}  // namespace picket::tests

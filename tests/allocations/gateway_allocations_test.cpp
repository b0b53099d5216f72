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
#include "tests/support/upstream_end.hpp"

/// A request through the gateway to an upstream allocates nothing once warm, with an agent and without, of HTTP/1.1 and
/// as a stream of HTTP/2: what it needs is what others before it have given back (base/recycled_memory.hpp).
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
  FixedUpstream() : accepting_([this] { accept(); }) {}
  ~FixedUpstream() {
    ::shutdown(listener_.descriptor, SHUT_RDWR);
    accepting_.join();
    serving_.clear();
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port; }

 private:
  void accept() {
    const auto next = [this] { return ::accept(listener_.descriptor, nullptr, nullptr); };
    for (int taken = next(); taken >= 0; taken = next()) serving_.emplace_back([taken] { serve(taken); });
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

  LoopbackListener listener_{16};
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
  config.routes.push_back({.id = "all"});
  config.routes.push_back({.id = "asked", .matches = {.path = "/asked"}, .filters = {0}});
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
  agent::Server agent_{{.listen = {"unix:" + agent_path_}}, [] { return std::make_unique<Allowing>(); }};
  gateway::process::ProcessLog log_{gateway::config::Observability{}};
  gateway::process::Gateway gateway_{{.worker_threads = 1}, log_};
  const ReservedPort port_;
};

/// One request after the other on a connection of HTTP/1.1.
class Requests {
 public:
  explicit Requests(std::uint16_t port) : client_(port) {}
  void ask(std::string_view request) {
    client_.send(request);
    std::size_t size = 0;
    while (!std::string_view{bytes_.data(), size}.ends_with("hello")) {
      const std::size_t got = client_.receive(std::span{bytes_}.subspan(size));
      ASSERT_NE(got, 0U) << std::string_view(bytes_.data(), size);
      size += got;
    }
    ASSERT_TRUE(std::string_view(bytes_.data(), size).starts_with("HTTP/1.1 200"));
  }

 private:
  GatewayClient client_;
  std::array<char, 4096> bytes_;
};

TEST_F(GatewayAllocations, ARequestOfHttp11AllocatesNothing) {
  Requests requests{port_.number()};
  EXPECT_EQ(allocations_once_warm([&] { requests.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }), 0U);
}

TEST_F(GatewayAllocations, ARequestOfHttp11ThatAnAgentIsAskedAboutAllocatesNothing) {
  Requests requests{port_.number()};
  EXPECT_EQ(allocations_once_warm([&] { requests.ask("GET /asked HTTP/1.1\r\nHost: a\r\n\r\n"); }), 0U);
}

/// One request after the other on a connection of HTTP/2, by hand.
class Streams {
 public:
  explicit Streams(std::uint16_t port) : client_(port) {
    client_.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client_.send(std::string_view{"\0\0\0\4\0\0\0\0\0", 9});  // SETTINGS
  }
  /// A GET with that block of fields; its answer is read to its end.
  void ask(std::string_view block) {
    std::array<char, 64> head{0, 0, static_cast<char>(block.size()), 1, 5, 0, 0, 0, 0};
    head[7] = static_cast<char>(stream_ >> 8);
    head[8] = static_cast<char>(stream_ & 0xFF);
    block.copy(head.data() + 9, block.size());
    client_.send({head.data(), 9 + block.size()});
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

TEST_F(GatewayAllocations, AStreamOfHttp2AllocatesNothing) {
  Streams streams{port_.number()};
  EXPECT_EQ(allocations_once_warm([&] {
              streams.ask(
                  "\x82\x86\x84\x01\x01"
                  "a");
            }),
            0U);
}

TEST_F(GatewayAllocations, AStreamOfHttp2ThatAnAgentIsAskedAboutAllocatesNothing) {
  Streams streams{port_.number()};
  EXPECT_EQ(allocations_once_warm([&] {
              streams.ask(
                  "\x82\x86\x04\x06/asked\x01\x01"
                  "a");
            }),
            0U);
}

}  // namespace
}  // namespace picket::tests

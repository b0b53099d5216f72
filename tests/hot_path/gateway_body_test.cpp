#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apps/gateway/process/gateway.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"
#include "tests/hot_path/interposed.hpp"
#include "tests/support/gateway_client.hpp"

/// A body goes through the gateway to the agent without being copied: what is written to the agent's socket lies where
/// reading the client's socket has put it.
namespace picket::tests {
namespace {

namespace gateway = apps::gateway;

constexpr std::size_t body_size = 512 * 1024;

/// Wants heads and bodies, and blocks once it has seen one, so that no upstream is needed.
class Refusing final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders&, agent::Context&) override {
    return agent::Decision::allow();
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context&) override {
    if (event.is_last) return agent::Decision::block(403);
    return agent::Decision::allow();
  }
};

gateway::config::Config config_of(std::uint16_t port, const std::string& agent_path) {
  gateway::config::Config config;
  config.listeners.push_back({.id = "web", .host = "127.0.0.1", .port = port});
  config.agents.push_back({.id = "a", .path = agent_path, .events = {.request_headers = true, .request_body = true}});
  config.filters.push_back({.id = "ask", .agent = 0, .timeout = std::chrono::seconds{20}});
  config.upstreams.push_back({.id = "none", .targets = {{.host = "127.0.0.1", .port = 1}}});
  config.routes.push_back({.id = "all", .filters = {0}});
  return config;
}

/// Where in memory: [from, to).
using Range = std::pair<std::uintptr_t, std::uintptr_t>;

bool is_written_to(int descriptor, const std::string& path) {
  sockaddr_un peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  return peer.sun_family == AF_UNIX && size > sizeof peer.sun_family && path == peer.sun_path;
}

bool is_tcp(int descriptor) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  return ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &size) == 0 && own.ss_family == AF_INET;
}

/// The memory that TCP connections were read into, neighbours joined.
std::vector<Range> read_from_clients(const std::vector<Transfer>& transfers) {
  std::vector<Range> ranges;
  for (const Transfer& transfer : transfers)
    if (!transfer.write && is_tcp(transfer.descriptor))
      for (const iovec& part : transfer.parts) {
        const auto at = reinterpret_cast<std::uintptr_t>(part.iov_base);
        ranges.emplace_back(at, at + part.iov_len);
      }
  std::ranges::sort(ranges);
  std::vector<Range> joined;
  for (const Range& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().second)
      joined.back().second = std::max(joined.back().second, range.second);
    else
      joined.push_back(range);
  }
  return joined;
}

/// Bytes written to the agent from within these ranges.
std::size_t written_from(const std::vector<Range>& ranges, const std::vector<Transfer>& transfers,
                         const std::string& agent_path) {
  std::size_t sum = 0;
  for (const Transfer& transfer : transfers) {
    if (!transfer.write || !is_written_to(transfer.descriptor, agent_path)) continue;
    for (const iovec& part : transfer.parts) {
      const auto at = reinterpret_cast<std::uintptr_t>(part.iov_base);
      const bool inside = std::ranges::any_of(
          ranges, [&](const Range& range) { return range.first <= at && at + part.iov_len <= range.second; });
      if (inside) sum += part.iov_len;
    }
  }
  return sum;
}

/// A gateway with one agent.
class GatewayBody : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(agent_.start());
    const auto applied = gateway_.apply(config_of(port_.number(), agent_path_), [] { return false; });
    ASSERT_TRUE(applied) << applied.error().message();
  }

  const transport::testing::TemporaryFolder folder_;
  const std::string agent_path_ = (folder_.path() / "agent.sock").string();
  agent::Server agent_{{.listen = {"unix:" + agent_path_}}, [] { return std::make_unique<Refusing>(); }};
  gateway::process::ProcessLog log_{gateway::config::Observability{}};
  gateway::process::Gateway gateway_{{.worker_threads = 1}, log_};
  const ReservedPort port_;
};

TEST_F(GatewayBody, ReachesTheAgentFromWhereItWasRead) {
  const GatewayClient client{port_.number()};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(body_size) +
              "\r\n\r\n");
  // The head comes alone: of what is read together with one, only a body that is all there is not copied.
  ASSERT_EQ(client.line(), "HTTP/1.1 100 Continue\r\n");
  Recording recording;
  client.send(std::string(body_size, 'b'));
  ASSERT_EQ(client.line(), "\r\n");
  ASSERT_TRUE(client.line().starts_with("HTTP/1.1 403"));

  const auto transfers = recording.end();
  EXPECT_EQ(written_from(read_from_clients(transfers), transfers, agent_path_), body_size);
}

TEST_F(GatewayBody, ThatCameWithItsHeadReachesTheAgentInTheSameWriteFromWhereItWasRead) {
  constexpr std::size_t small = 10'000;
  const GatewayClient client{port_.number()};
  Recording recording;
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(small) + "\r\n\r\n" +
              std::string(small, 'b'));
  ASSERT_TRUE(client.line().starts_with("HTTP/1.1 403"));
  const auto transfers = recording.end();
  EXPECT_EQ(written_from(read_from_clients(transfers), transfers, agent_path_), small);
  // Behind the answer to the client comes the exchange's end, which the agent is told of.
  const auto answer =
      std::ranges::find_if(transfers, [](const Transfer& one) { return one.write && is_tcp(one.descriptor); });
  EXPECT_EQ(std::count_if(transfers.begin(), answer,
                          [&](const Transfer& one) { return one.write && is_written_to(one.descriptor, agent_path_); }),
            1);
}

}  // namespace
}  // namespace picket::tests

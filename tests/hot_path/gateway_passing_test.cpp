#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
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
#include "tests/support/upstream_end.hpp"

/// A body that an agent looks at and does not change is copied nowhere between the gateway's sockets: what is written
/// to the agent, and to the other side, lies where it was read.
namespace picket::tests {
namespace {

namespace gateway = apps::gateway;

constexpr std::size_t passing_size = 512 * 1024;
constexpr char mark = '~';  // heads and framing have no such byte

class Allowing final : public agent::Handler {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
  agent::Reply on_request_body(const agent::RequestBodyChunk&, agent::Context&) override {
    return agent::Decision::allow();
  }
  agent::Reply on_response_body(const agent::ResponseBodyChunk&, agent::Context&) override {
    return agent::Decision::allow();
  }
};

/// Memory that was read into, [from, to), neighbours joined.
class Memory {
 public:
  void add(const iovec& part) {
    const auto at = reinterpret_cast<std::uintptr_t>(part.iov_base);
    ranges_.emplace_back(at, at + part.iov_len);
  }
  void join() {
    std::ranges::sort(ranges_);
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> joined;
    for (const auto& range : ranges_)
      if (!joined.empty() && range.first <= joined.back().second)
        joined.back().second = std::max(joined.back().second, range.second);
      else
        joined.push_back(range);
    ranges_ = std::move(joined);
  }
  [[nodiscard]] bool has(const iovec& part) const {
    const auto at = reinterpret_cast<std::uintptr_t>(part.iov_base);
    return std::ranges::any_of(
        ranges_, [&](const auto& range) { return range.first <= at && at + part.iov_len <= range.second; });
  }

 private:
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges_;
};

/// Who is at the other end.
enum class End : std::uint8_t { client, upstream, agent, other };

class GatewayPassing : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(agent_.start());
    gateway::config::Config config;
    config.listeners.push_back({.id = "web", .host = "127.0.0.1", .port = port_.number()});
    config.agents.push_back({.id = "a",
                             .path = agent_path_,
                             .events = {.request_body = true, .response_body = true},
                             .request_body = {.gathers = GetParam()},
                             .response_body = {.gathers = GetParam()}});
    config.filters.push_back({.id = "ask", .agent = 0, .timeout = std::chrono::seconds{20}});
    config.upstreams.push_back({.id = "app", .targets = {{.host = "127.0.0.1", .port = upstream_.port()}}});
    config.routes.push_back({.id = "all", .filters = {0}});
    const auto applied = gateway_.apply(std::move(config), [] { return false; });
    ASSERT_TRUE(applied) << applied.error().message();
  }

  [[nodiscard]] static std::uint16_t port_of(const sockaddr_storage& address) {
    return address.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port)
                                        : std::uint16_t{0};
  }
  [[nodiscard]] End end_of(int descriptor) const {
    sockaddr_storage peer{};
    sockaddr_storage own{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return End::other;
    if (peer.ss_family == AF_UNIX)
      return agent_path_ == reinterpret_cast<const sockaddr_un&>(peer).sun_path ? End::agent : End::other;
    size = sizeof own;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &size) != 0) return End::other;
    return port_of(peer) == upstream_.port() ? End::upstream
           : port_of(own) == port_.number()  ? End::client
                                             : End::other;
  }
  /// Bytes that were written to `to` from where reading from `from` had put them.
  [[nodiscard]] std::size_t passed(const std::vector<Transfer>& transfers, End from, End to) const {
    Memory memory;
    for (const Transfer& each : transfers)
      if (!each.write && end_of(each.descriptor) == from)
        for (const iovec& part : each.parts) memory.add(part);
    memory.join();
    std::size_t sum = 0;
    for (const Transfer& each : transfers)
      if (each.write && end_of(each.descriptor) == to)
        for (const iovec& part : each.parts) sum += memory.has(part) ? part.iov_len : 0;
    return sum;
  }

  const transport::testing::TemporaryFolder folder_;
  const std::string agent_path_ = (folder_.path() / "agent.sock").string();
  UpstreamEnd upstream_;
  agent::Server agent_{{.listen = {"unix:" + agent_path_}}, [] { return std::make_unique<Allowing>(); }};
  gateway::process::ProcessLog log_{gateway::config::Observability{}};
  gateway::process::Gateway gateway_{{.worker_threads = 1}, log_};
  const ReservedPort port_;
};

TEST_P(GatewayPassing, ARequestsBodyIsWrittenToAgentAndUpstreamFromWhereItWasRead) {
  const GatewayClient client{port_.number()};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(passing_size) +
              "\r\n\r\n");
  // The head comes alone: what is read together with one is copied.
  ASSERT_EQ(client.line(), "HTTP/1.1 100 Continue\r\n");
  ASSERT_EQ(client.line(), "\r\n");
  Recording recording;
  client.send(std::string(passing_size, mark));
  upstream_.accept();
  ASSERT_TRUE(await_marked(upstream_.descriptor(), mark, passing_size));
  upstream_.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  while (client.line() != "\r\n") {
  }  // what was written before is noted
  const auto transfers = recording.end();
  EXPECT_EQ(passed(transfers, End::client, End::agent), passing_size);
  EXPECT_EQ(passed(transfers, End::client, End::upstream), passing_size);
}

TEST_P(GatewayPassing, AnAnswersBodyIsWrittenToAgentAndClientFromWhereItWasRead) {
  const GatewayClient client{port_.number()};
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  upstream_.accept();
  Recording recording;
  upstream_.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(passing_size) + "\r\n\r\n");
  if (GetParam() == 0) ASSERT_TRUE(client.line().starts_with("HTTP/1.1 200"));  // the head comes alone
  upstream_.send(std::string(passing_size, mark));
  ASSERT_TRUE(await_marked(client.descriptor(), mark, passing_size));
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(await_marked(upstream_.descriptor(), 'G', 1));  // what was written before is noted
  const auto transfers = recording.end();
  // In buffer mode a piece of the body may come with the head.
  const std::size_t least = GetParam() == 0 ? passing_size : passing_size - 64 * 1024;
  EXPECT_GE(passed(transfers, End::upstream, End::agent), least);
  EXPECT_GE(passed(transfers, End::upstream, End::client), least);
}

INSTANTIATE_TEST_SUITE_P(Modes, GatewayPassing, ::testing::Values(std::uint64_t{0}, body::whole),
                         [](const auto& mode) { return mode.param == 0 ? "stream" : "buffer"; });

}  // namespace
}  // namespace picket::tests

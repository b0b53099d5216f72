#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/gateway/testing/loop.hpp"
#include "apps/gateway/upstream/pool.hpp"

/// For tests of a pool: targets that the test holds, and a worker that it drives itself.
namespace picket::apps::gateway::upstream::testing {

/// A port of the loopback, any that is free or `wanted`, that accepts into its backlog, or (closed) refuses.
class Target {
 public:
  explicit Target(int backlog = 16, std::uint16_t wanted = 0, const char* host = "127.0.0.1")
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int shared = 1;
    EXPECT_EQ(::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &shared, sizeof shared), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted);
    EXPECT_EQ(::inet_pton(AF_INET, host, &address.sin_addr), 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    EXPECT_EQ(::listen(listener_, backlog), 0);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    close();
    for (const int filler : fillers_) ::close(filler);
  }

  void close() {
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  }
  /// Takes a place of the backlog. Nothing more is accepted once they are all taken.
  void fill() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)::connect(filler, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    fillers_.push_back(filler);
  }
  /// The oldest connection that nobody took yet.
  [[nodiscard]] int accept() const { return ::accept(listener_, nullptr, nullptr); }
  std::uint16_t port = 0;

 private:
  int listener_;
  std::vector<int> fillers_;
};

[[nodiscard]] inline std::string address(const Target& target) { return "127.0.0.1:" + std::to_string(target.port); }

class PoolTest : public ::testing::Test {
 protected:
  Pool& pool(const std::vector<std::uint16_t>& ports, config::Upstream upstream = {}) {
    upstream.id = "app";
    for (const std::uint16_t port : ports) upstream.targets.push_back({.host = "127.0.0.1", .port = port});
    return make({.upstream = std::move(upstream)});
  }
  /// A name with several addresses, all of the loopback.
  Pool& pool_of_name(const std::vector<std::string>& hosts, std::uint16_t port,
                     const config::UpstreamTimeouts& timeouts = {}) {
    name_has(hosts);
    Spec spec{.upstream = {.id = "app", .targets = {{.host = "app.test", .port = port, .is_named = true}}}};
    spec.names.hosts_file = hosts_file().string();
    spec.names.longest_ttl = transport::dns::least_ttl;
    spec.upstream.timeouts = timeouts;
    Pool& made = make(std::move(spec));
    EXPECT_TRUE(transport::testing::turn_until(worker_, [&] { return made.sites().current().size() == hosts.size(); }));
    return made;
  }
  /// It has other addresses from now on, once they are looked up again.
  void name_has(const std::vector<std::string>& hosts) {
    std::ofstream file{hosts_file()};
    for (const auto& host : hosts) file << host << " app.test\n";
  }
  base::Result<Lease> acquire(bool fresh = false) {
    tried_ = Tried{.failures = {}, .pooled_was_stale = fresh};
    return acquire_next();
  }
  /// As the same request goes on.
  base::Result<Lease> acquire_next() { return transport::testing::run(worker_, pool_->acquire(tried_, cancel_)); }

  transport::testing::TemporaryFolder folder_;
  transport::Worker worker_;
  SocketBudget sockets_;
  Tried tried_;
  transport::Cancel cancel_;
  std::optional<Pool> pool_;

 private:
  Pool& make(Spec spec) { return pool_.emplace(worker_, std::move(spec), sockets_); }
  [[nodiscard]] std::filesystem::path hosts_file() const { return folder_.path() / "hosts"; }
};

}  // namespace picket::apps::gateway::upstream::testing

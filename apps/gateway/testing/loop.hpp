#pragma once

#include <array>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
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

/// A stream of `worker` whose other end the test holds.
class Pair {
 public:
  explicit Pair(transport::Worker& worker) : Pair(worker, sockets()) {}
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() { close(); }

  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(other_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void close() {
    if (other_ >= 0) ::close(std::exchange(other_, -1));
  }
  transport::Stream stream;

 private:
  static std::array<int, 2> sockets() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    return pair;
  }
  Pair(transport::Worker& worker, std::array<int, 2> pair)
      : stream(transport::adopt(worker, pair[0])), other_(pair[1]) {}

  int other_;
};

}  // namespace picket::apps::gateway::testing

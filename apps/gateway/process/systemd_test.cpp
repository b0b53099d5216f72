#include "apps/gateway/process/systemd.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/listening_socket.hpp"
#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::process {
namespace {

TEST(Systemd, HandsSocketsToTheProcessThatItNames) {
  constexpr int first = 3;
  const transport::testing::TemporaryFolder folder;
  const auto listening = transport::ListeningSocket::open(folder.socket(), {});
  ASSERT_TRUE(listening);
  const int kept = ::fcntl(first, F_DUPFD_CLOEXEC, 100);  // what this process has there
  ASSERT_EQ(::dup2(listening->descriptor(), first), first);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  {
    const auto sockets = sockets_of_systemd();
    ASSERT_TRUE(sockets) << sockets.error().message();
    ASSERT_EQ(sockets->size(), 1U);
    EXPECT_EQ(sockets->front().endpoint().text(), folder.socket().text());
  }
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
  if (kept >= 0) {
    ::dup2(kept, first);
    ::close(kept);
  }
}

TEST(Systemd, HandsNoneToAnotherProcess) {
  ::setenv("LISTEN_PID", std::to_string(::getpid() + 1).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  const auto sockets = sockets_of_systemd();
  ASSERT_TRUE(sockets);
  EXPECT_TRUE(sockets->empty());
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr) << "nor does it to what this process starts";
}

TEST(Systemd, IsToldWhereItWantsToKnow) {
  const transport::testing::TemporaryFolder folder;
  const transport::Endpoint endpoint = folder.socket();
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ASSERT_EQ(::bind(socket, endpoint.address(), endpoint.size()), 0);
  std::array<char, 64> bytes{};
  notify_systemd("READY=1");
  EXPECT_LT(::recv(socket, bytes.data(), bytes.size(), 0), 0) << "nobody has asked for it";
  ::setenv("NOTIFY_SOCKET", (folder.path() / "s").c_str(), 1);
  notify_systemd("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
  const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), 0);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string_view(bytes.data(), static_cast<std::size_t>(size)), "READY=1");
  ::close(socket);
}

TEST(Systemd, ThatIsGoneKeepsNobodyFromServing) {
  for (const std::string& nobody : {std::string{"/nonexistent/socket"}, std::string(200, 'x'), std::string{}}) {
    ::setenv("NOTIFY_SOCKET", nobody.c_str(), 1);
    const int next = ::dup(0);
    ::close(next);
    notify_systemd("READY=1");
    EXPECT_EQ(::dup(0), next) << "it leaves a descriptor open";
    ::close(next);
  }
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace picket::apps::gateway::process

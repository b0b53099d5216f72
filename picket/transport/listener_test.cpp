#include "picket/transport/listener.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <latch>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "picket/transport/testing.hpp"

namespace picket::transport {
namespace {

using testing::connect_as;
using testing::RawPeer;
using testing::TemporaryFolder;
using testing::turn_until;

struct stat status_of(const Endpoint& endpoint) {
  struct stat status{};
  EXPECT_EQ(::stat(std::string{endpoint.path()}.c_str(), &status), 0) << endpoint.text();
  return status;
}
mode_t mode_of(const Endpoint& endpoint) { return status_of(endpoint).st_mode & 0777; }

/// The socket file of a server that died without removing it.
void leave_stale_file(const Endpoint& endpoint) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(dead, endpoint.address(), endpoint.size()), 0);
  ::close(dead);
}

// ---- the socket file

TEST(Listener, SocketFileIsPrivateUnlessToldOtherwise) {
  const TemporaryFolder folder;
  Worker worker;
  const mode_t before = ::umask(0);  // a careless umask must not open it
  const auto listener = Listener::open(worker, folder.socket(), {});
  ::umask(before);
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_EQ(mode_of(folder.socket()), 0600U);
}

TEST(Listener, SocketFileGetsTheModeAskedForWhateverTheUmask) {
  const TemporaryFolder folder;
  Worker worker;
  const mode_t before = ::umask(0077);
  const auto listener = Listener::open(worker, folder.socket(), {.socket_mode = 0660});
  ::umask(before);
  ASSERT_TRUE(listener);
  EXPECT_EQ(mode_of(folder.socket()), 0660U);
}

TEST(Listener, SocketFileGetsTheGroupAskedFor) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files to a group that it is not in";
  const ::group* const group = ::getgrnam("nogroup");
  if (group == nullptr) GTEST_SKIP() << "there is no group nogroup";
  const gid_t id = group->gr_gid;
  const TemporaryFolder folder;
  Worker worker;
  const auto listener = Listener::open(worker, folder.socket(), {.socket_mode = 0660, .socket_group = "nogroup"});
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_EQ(status_of(folder.socket()).st_gid, id);
}

TEST(Listener, UnknownGroupIsAnErrorAndLeavesNoFile) {
  const TemporaryFolder folder;
  Worker worker;
  const auto listener = Listener::open(worker, folder.socket(), {.socket_group = "no-such-group"});
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().detail().find("'no-such-group'"), std::string::npos) << listener.error().detail();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "s"));
}

TEST(Listener, SocketFileGoesWithTheListener) {
  const TemporaryFolder folder;
  Worker worker;
  {
    const auto listener = Listener::open(worker, folder.socket(), {}).value();
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "s"));
}

TEST(Listener, FileThatIsAnothersByNowStays) {
  const TemporaryFolder folder;
  Worker worker;
  auto listener = Listener::open(worker, folder.socket(), {}).value();
  std::filesystem::remove(folder.path() / "s");
  const auto successor = Listener::open(worker, folder.socket(), {}).value();
  listener.close();
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "s"));
}

TEST(Listener, StaleFileOfADeadServerIsReplaced) {
  const TemporaryFolder folder;
  leave_stale_file(folder.socket());
  Worker worker;
  const auto listener = Listener::open(worker, folder.socket(), {});
  EXPECT_TRUE(listener) << listener.error().message();
}

TEST(Listener, LiveServerIsNotUnseated) {
  const TemporaryFolder folder;
  Worker worker;
  const auto first = Listener::open(worker, folder.socket(), {}).value();
  const auto second = Listener::open(worker, folder.socket(), {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().detail().find("another process is listening"), std::string::npos) << second.error().detail();
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "s"));
}

TEST(Listener, OfManyThatStartAtOnceOnAStaleFileOneServes) {
  const TemporaryFolder folder;
  for (int round = 0; round < 100; ++round) {
    leave_stale_file(folder.socket());
    std::array<Worker, 4> workers;
    std::array<std::optional<Listener>, 4> listeners;
    std::latch start{4};
    {
      std::vector<std::jthread> starters;
      for (std::size_t i = 0; i < 4; ++i)
        starters.emplace_back([&, i] {
          start.arrive_and_wait();
          if (auto opened = Listener::open(workers[i], folder.socket(), {})) listeners[i].emplace(std::move(*opened));
        });
    }
    EXPECT_EQ(std::ranges::count_if(listeners, [](const auto& listener) { return listener.has_value(); }), 1);
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(client, folder.socket().address(), folder.socket().size()), 0);
    ::close(client);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "neither the socket nor its lock file is left";
}

TEST(Listener, LiveServerThatIsTooBusyToAcceptIsNotUnseated) {
  const TemporaryFolder folder;
  const Endpoint endpoint = folder.socket();
  const int busy = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(busy, endpoint.address(), endpoint.size()), 0);
  ASSERT_EQ(::listen(busy, 0), 0);
  // Its queue is full: the next connection is neither accepted nor refused.
  const int one = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int two = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  EXPECT_EQ(::connect(one, endpoint.address(), endpoint.size()), 0);
  EXPECT_EQ(::connect(two, endpoint.address(), endpoint.size()), -1);
  EXPECT_EQ(errno, EAGAIN);
  Worker worker;
  EXPECT_FALSE(Listener::open(worker, endpoint, {}));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "s"));
  for (const int descriptor : {busy, one, two}) ::close(descriptor);
}

TEST(Listener, FileThatIsNoSocketIsLeftAlone) {
  const TemporaryFolder folder;
  std::ofstream{folder.path() / "s"} << "precious";
  Worker worker;
  EXPECT_FALSE(Listener::open(worker, folder.socket(), {}));
  EXPECT_TRUE(std::filesystem::is_regular_file(folder.path() / "s"));
}

TEST(Listener, LinkToASocketElsewhereIsLeftAlone) {
  const TemporaryFolder folder;
  leave_stale_file(folder.socket("elsewhere"));
  std::filesystem::create_symlink(folder.path() / "elsewhere", folder.path() / "s");
  Worker worker;
  EXPECT_FALSE(Listener::open(worker, folder.socket(), {}));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "elsewhere"));
}

TEST(Listener, PathOverTheKernelsLimitIsRefusedNotCut) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Endpoint::unix_path((folder.path() / std::string(120, 'x')).string()));
}

TEST(Listener, UsedPortIsAnError) {
  Worker worker;
  const auto first = Listener::open(worker, Endpoint::tcp("127.0.0.1", 0).value(), {}).value();
  const auto second = Listener::open(worker, first.endpoint(), {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().detail().find(first.endpoint().text()), std::string::npos);
}

// ---- who may connect

/// Accepts for a test; counts who got through.
struct Door {
  explicit Door(const Endpoint& endpoint, ListenOptions options = {})
      : listener(Listener::open(worker, endpoint, noting(std::move(options))).value()) {
    spawn(accept_all(listener, worker, [this](const Accepted& connection) {
      ++accepted;
      ::close(connection.descriptor);
    }));
  }
  ~Door() {
    listener.close();
    testing::turn_for(worker, std::chrono::milliseconds{1});  // the accepting task ends
  }
  Worker worker;
  std::vector<uid_t> refused;
  Listener listener;
  int accepted = 0;

 private:
  ListenOptions noting(ListenOptions options) {
    options.on_refused = [this](uid_t peer) { refused.push_back(peer); };
    return options;
  }
};

TEST(Listener, OwnUserMayConnect) {
  const TemporaryFolder folder;
  Door door{folder.socket()};
  auto peer = RawPeer::connect(folder.socket(), &door.worker);
  EXPECT_TRUE(turn_until(door.worker, [&] { return door.accepted == 1; }));
  EXPECT_TRUE(door.refused.empty());
}

class PeerCredentials : public ::testing::TestWithParam<bool> {};

TEST_P(PeerCredentials, DecideWhoseConnectionIsTaken) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can connect as another user";
  const bool allowed = GetParam();
  constexpr uid_t stranger = 54321;
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0711});
  // The file lets everybody in: what is left is the kernel's word of who it is.
  ListenOptions options{.socket_mode = 0666};
  if (allowed) options.allowed_uids = {stranger};
  Door door{folder.socket(), options};
  const pid_t child = connect_as(stranger, folder.socket());
  EXPECT_TRUE(turn_until(door.worker, [&] { return door.accepted != 0 || !door.refused.empty(); }));
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(door.accepted, allowed ? 1 : 0);
  EXPECT_EQ(door.refused, allowed ? std::vector<uid_t>{} : std::vector{stranger});
}

INSTANTIATE_TEST_SUITE_P(Listener, PeerCredentials, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "AllowedUser" : "Stranger"; });

TEST(Listener, CloseEndsAcceptingAndLaterConnectionsAreRefused) {
  const TemporaryFolder folder;
  Worker worker;
  auto listener = Listener::open(worker, folder.socket(), {}).value();
  const Endpoint endpoint = listener.endpoint();
  bool ended = false;
  const auto accept = [](Listener& from, bool& flag) -> Task<void> {
    const auto result = co_await from.accept();
    flag = !result && result.error().kind() == base::ErrorKind::connection_closed;
  };
  spawn(accept(listener, ended));
  listener.close();
  EXPECT_TRUE(turn_until(worker, [&] { return ended; }));
  const int late = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_NE(::connect(late, endpoint.address(), endpoint.size()), 0);
  ::close(late);
}

}  // namespace
}  // namespace picket::transport

#include "apps/gateway/process/listening_sockets.hpp"

#include <set>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::process {
namespace {

using transport::Endpoint;
using transport::ListeningSocket;

/// Which socket it is, however many descriptors it has.
ino_t identity(const ListeningSocket& socket) {
  struct stat status{};
  EXPECT_EQ(::fstat(socket.descriptor(), &status), 0);
  return status.st_ino;
}

/// A port that is free, and was bound by this process alone.
Endpoint free_endpoint() { return ListeningSocket::open(Endpoint::tcp("127.0.0.1", 0).value(), {}).value().endpoint(); }

/// Which sockets each of so many workers accepts from.
std::vector<std::set<ino_t>> shared_out(const ListeningSockets& sockets, const Endpoint& endpoint,
                                        std::size_t workers) {
  std::vector<std::set<ino_t>> all;
  for (std::size_t i = 0; i < workers; ++i) {
    auto& mine = all.emplace_back();
    const auto owned = sockets.of_worker(endpoint, i, workers).value();
    for (const auto& socket : owned) mine.insert(identity(socket));
  }
  return all;
}

TEST(ListeningSockets, EachIsAcceptedFromHoweverManyWorkersThereAre) {
  const Endpoint endpoint = free_endpoint();
  ListeningSockets sockets;
  ASSERT_TRUE(sockets.prepare(endpoint, 4, {}));
  for (const std::size_t workers : {1U, 2U, 3U, 4U, 7U}) {
    std::set<ino_t> accepted;
    for (const auto& mine : shared_out(sockets, endpoint, workers)) {
      EXPECT_FALSE(mine.empty()) << workers;
      accepted.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(accepted.size(), 4U) << workers;
  }
}

TEST(ListeningSockets, OneThatWasInheritedIsUsedForItsAddress) {
  auto made = ListeningSocket::open(Endpoint::tcp("127.0.0.1", 0).value(), {}).value();
  const Endpoint endpoint = made.endpoint();
  const ino_t identity_of_made = identity(made);
  ListeningSockets sockets;
  sockets.inherit(ListeningSocket::adopt(made.release_descriptor()).value());
  ASSERT_TRUE(sockets.prepare(endpoint, 2, {}));
  EXPECT_EQ(shared_out(sockets, endpoint, 2), (std::vector<std::set<ino_t>>(2, {identity_of_made})));
  EXPECT_TRUE(sockets.commit().empty());
}

TEST(ListeningSockets, WhatNobodyWantsIsClosedAndToldOfWhereItWasInherited) {
  const Endpoint kept = free_endpoint();
  const Endpoint left = free_endpoint();
  auto made = ListeningSocket::open(Endpoint::tcp("127.0.0.1", 0).value(), {}).value();
  const std::string inherited = made.endpoint().text();
  ListeningSockets sockets;
  sockets.inherit(std::move(made));
  ASSERT_TRUE(sockets.prepare(kept, 1, {}));
  ASSERT_TRUE(sockets.prepare(left, 1, {}));
  EXPECT_EQ(sockets.commit(), std::vector{inherited});
  ASSERT_TRUE(sockets.prepare(kept, 1, {}));
  EXPECT_TRUE(sockets.commit().empty());
  EXPECT_TRUE(ListeningSocket::probe(left));
  EXPECT_FALSE(ListeningSocket::probe(kept));
}

TEST(ListeningSockets, WhatIsDiscardedLeavesAllAsItWas) {
  const Endpoint kept = free_endpoint();
  const Endpoint wanted = free_endpoint();
  ListeningSockets sockets;
  ASSERT_TRUE(sockets.prepare(kept, 1, {}));
  sockets.commit();
  ASSERT_TRUE(sockets.prepare(wanted, 2, {}));
  sockets.discard();
  EXPECT_TRUE(ListeningSocket::probe(wanted));
  EXPECT_FALSE(ListeningSocket::probe(kept));
}

TEST(ListeningSockets, AnAddressOfAnotherProcessIsNotShared) {
  const auto other = ListeningSocket::open(Endpoint::tcp("127.0.0.1", 0).value(), {.reuse_port = true}).value();
  ListeningSockets sockets;
  EXPECT_FALSE(sockets.prepare(other.endpoint(), 2, {}));
}

TEST(ListeningSockets, FilesGoWithThemUnlessTheyAreLeft) {
  const transport::testing::TemporaryFolder folder;
  for (const bool is_left : {false, true}) {
    ListeningSockets sockets;
    ASSERT_TRUE(sockets.prepare(folder.socket(), 1, {}));
    sockets.commit();
    const auto duplicate = sockets.of_worker(folder.socket(), 0, 1).value();
    if (is_left) {
      sockets.leave();
    } else {
      sockets.close();
    }
    EXPECT_EQ(std::filesystem::exists(folder.path() / "s"), is_left);
  }
}

TEST(ListeningSocket, IsNotMadeOfWhatDoesNotListen) {
  const int plain = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_FALSE(ListeningSocket::adopt(plain));
  EXPECT_FALSE(ListeningSocket::adopt(-1));
}

}  // namespace
}  // namespace picket::apps::gateway::process

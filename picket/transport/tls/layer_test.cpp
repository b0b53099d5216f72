#include "picket/transport/tls/layer.hpp"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "picket/transport/testing/tls_layers.hpp"

namespace picket::transport::tls {
namespace {

using Outcome = Transfer::Outcome;
using End = testing::TlsEnd;
using ::testing::HasSubstr;
using testing::peer_of;

class TlsLayers : public testing::TlsLayersTest {};

TEST_F(TlsLayers, KnowEachOther) {
  join();
  EXPECT_FALSE(client_.layer().is_established());
  shake_hands();
  EXPECT_TRUE(client_.layer().is_established());
  EXPECT_EQ(client_.layer().version(), "TLSv1.3");
  EXPECT_EQ(peer_of(client_.layer()), "agent.test");
  EXPECT_EQ(peer_of(server_.layer()), "proxy.test");
}

class TlsVersions : public TlsLayers, public ::testing::WithParamInterface<Version> {
 protected:
  TlsVersions() { client_options_.protocols.max_version = GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(All, TlsVersions, ::testing::Values(Version::v1_2, Version::v1_3),
                         [](const auto& version) { return version.param == Version::v1_2 ? "Tls12" : "Tls13"; });

TEST_P(TlsVersions, CarryBytesBothWays) {
  join();
  shake_hands();
  EXPECT_EQ(client_.layer().version(), GetParam() == Version::v1_2 ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(client_.write("question").size, 8U);
  EXPECT_EQ(server_.read_all(), "question");
  EXPECT_EQ(server_.write("answer").size, 6U);
  EXPECT_EQ(client_.read_all(), "answer");
}

TEST_P(TlsVersions, GoOnWhereTheirMemoryWasGivenBack) {
  join();
  shake_hands();
  for (int i = 0; i < 3; ++i) {
    client_.layer().release_memory();
    server_.layer().release_memory();
    EXPECT_EQ(client_.write("question").size, 8U);
    server_.layer().release_memory();
    EXPECT_EQ(server_.read_all(), "question");
    EXPECT_EQ(server_.write("answer").size, 6U);
    EXPECT_EQ(client_.read_all(), "answer");
  }
}

TEST_P(TlsVersions, KeepWhatTheyHaveNotGivenOutWhereTheirMemoryIsGivenBack) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("one and two").size, 11U);
  char three[3];
  EXPECT_EQ(server_.read(three).size, 3U);
  server_.layer().release_memory();
  EXPECT_EQ(server_.read_all(), " and two");
}

TEST_P(TlsVersions, GatherSmallPartsAndLargeOnes) {
  join();
  shake_hands();
  const std::string large(40'000, 'l');
  const std::array<std::string_view, 6> texts{"", "head", "", large, "tail", ""};
  std::array<iovec, 6> parts;
  std::string all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    parts[i] = {const_cast<char*>(texts[i].data()), texts[i].size()};
    all += texts[i];
  }
  const Transfer written = client_.layer().write(client_.socket(), parts);
  EXPECT_EQ(written.outcome, Outcome::moved);
  EXPECT_EQ(written.size, all.size());
  EXPECT_EQ(server_.read_all(), all);
}

TEST_P(TlsVersions, CarrySixteenMebibytesThroughASmallSocket) {
  join();
  shake_hands();
  std::string all(16 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i * 7 + i / 251);
  std::string got;
  std::string_view left = all;
  while (!left.empty()) {
    const Transfer written = client_.write(left);
    ASSERT_TRUE(written.outcome == Outcome::moved || written.outcome == Outcome::blocked);
    left.remove_prefix(written.size);
    got += server_.read_all();
  }
  EXPECT_TRUE((got += server_.read_all()) == all);
}

TEST_P(TlsVersions, ComeThroughAWireThatCarriesOneByteAtATime) {
  renew();
  int left[2];
  int right[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, left), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, right), 0);
  client_.open(client_context_->layer(), left[0]);
  server_.open(server_context_->layer(), right[0]);
  const auto carry = [](int from, int to, End& reader, std::string& got) {
    char byte = 0;
    while (::recv(from, &byte, 1, MSG_DONTWAIT) == 1) {
      ASSERT_EQ(::send(to, &byte, 1, MSG_DONTWAIT), 1);
      got += reader.read_all();
    }
  };
  std::string got;
  std::string nothing;
  Transfer written;
  for (int i = 0; i < 10 && written.outcome != Outcome::moved; ++i) {
    written = client_.write("hello");
    carry(left[1], right[1], server_, got);
    carry(right[1], left[1], client_, nothing);
  }
  EXPECT_EQ(written.outcome, Outcome::moved);
  carry(left[1], right[1], server_, got);
  EXPECT_EQ(got, "hello");
  ::close(left[1]);
  ::close(right[1]);
}

TEST_P(TlsVersions, GoOnReadingWhereThePeerHasEndedItsWriting) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("last").size, 4U);
  client_.end_writing();
  EXPECT_EQ(server_.read_all(), "last");
  EXPECT_EQ(server_.last().outcome, Outcome::ended);
  EXPECT_EQ(server_.peek().outcome, Outcome::ended);
  EXPECT_EQ(server_.write("answer").size, 6U);
  EXPECT_EQ(client_.read_all(), "answer");
  server_.end_writing();
  EXPECT_EQ(client_.read_all(), "");
  EXPECT_EQ(client_.last().outcome, Outcome::ended);
}

TEST_P(TlsVersions, TellACutFromAnEnd) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("half a sen").size, 10U);
  client_.cut();
  EXPECT_EQ(server_.read_all(), "half a sen");
  EXPECT_THAT(server_.reason(), HasSubstr("ended without the peer saying so in TLS (close_notify)"));
  EXPECT_EQ(server_.layer().failure(server_.last()).kind(), base::ErrorKind::connection_closed);
}

TEST_P(TlsVersions, AnswerAPeerThatHasEndedItsConnectionBehindWhatItSaid) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("last").size, 4U);
  ASSERT_EQ(::shutdown(client_.socket(), SHUT_WR), 0);
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(server_.read_all(), times == 0 ? "last" : "");
    EXPECT_EQ(server_.last().outcome, Outcome::failed) << "it is said again";
    EXPECT_THAT(server_.reason(), HasSubstr("close_notify"));
    EXPECT_EQ(server_.peek().outcome, Outcome::failed);
    EXPECT_TRUE(server_.layer().has_pending());
    EXPECT_FALSE(server_.layer().is_broken());
    EXPECT_EQ(server_.write("answer").size, 6U);
    EXPECT_EQ(client_.read_all(), "answer");
  }
  server_.end_writing();
  EXPECT_EQ(client_.read_all(), "");
  EXPECT_EQ(client_.last().outcome, Outcome::ended);
}

TEST_P(TlsVersions, ResumeASessionOfTheirContextAndNotOfAnother) {
  join();
  shake_hands();
  EXPECT_FALSE(client_.layer().is_resumed());
  End client;
  End server;
  join(client, server);
  shake_hands(client, server);
  EXPECT_TRUE(client.layer().is_resumed());
  EXPECT_EQ(peer_of(server.layer()), "proxy.test") << "a resumed session is still the same peer's";
  EXPECT_EQ(client.write("x").size, 1U);
  EXPECT_EQ(server.read_all(), "x");
  server_context_ = Context::server(server_options_).value();
  End client_again;
  End server_again;
  join(client_again, server_again);
  shake_hands(client_again, server_again);
  EXPECT_TRUE(client_again.layer().is_established());
  EXPECT_FALSE(client_again.layer().is_resumed());
}

TEST_P(TlsVersions, ResumeASessionForTheNameThatItsServerHasProvedAndForNoOther) {
  client_options_.server_name.clear();
  join("agent.test");
  shake_hands();
  End at_address;
  End server_there;
  join(at_address, server_there, "127.0.0.1");
  shake_hands(at_address, server_there);
  EXPECT_TRUE(at_address.layer().is_established());
  EXPECT_FALSE(at_address.layer().is_resumed());
  End again;
  End server_again;
  join(again, server_again, "agent.test");
  shake_hands(again, server_again);
  EXPECT_TRUE(again.layer().is_resumed());
}

TEST_F(TlsLayers, WhoeverAnswersIsBelievedWhereThatIsWanted) {
  server_options_.client_certificate = ClientCertificate::none;
  client_options_ = {.server_name = "another.test", .verifies = false};
  join();
  shake_hands();
  EXPECT_TRUE(client_.layer().is_established());
  EXPECT_FALSE(client_context_->warnings().empty());
}

TEST_P(TlsVersions, DoNotRenegotiate) {
  join();
  shake_hands();
  if (GetParam() == Version::v1_2) EXPECT_EQ(SSL_renegotiate(client_.layer().native()), 0);
  if (GetParam() == Version::v1_3) EXPECT_NE(SSL_renegotiate(client_.layer().native()), 1);
}

// ---- an idle connection

TEST_F(TlsLayers, TakeTicketsAndNewKeysForNoInput) {
  join();
  (void)client_.write("x");
  (void)server_.read_all();
  EXPECT_EQ(client_.write("x").size, 1U);
  EXPECT_EQ(server_.read_all(), "x");  // and sends tickets
  EXPECT_EQ(client_.peek().outcome, Outcome::blocked);
  EXPECT_FALSE(client_.layer().has_pending());
  ASSERT_EQ(SSL_key_update(server_.layer().native(), SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(SSL_do_handshake(server_.layer().native()), 1);
  EXPECT_EQ(server_.peek().outcome, Outcome::blocked);  // sends it
  EXPECT_EQ(client_.peek().outcome, Outcome::blocked);  // answers it
  EXPECT_EQ(server_.peek().outcome, Outcome::blocked);
  EXPECT_EQ(server_.write("new keys").size, 8U);
  EXPECT_EQ(client_.peek().outcome, Outcome::moved);
  EXPECT_EQ(client_.read_all(), "new keys");
  EXPECT_EQ(client_.write("too").size, 3U);
  EXPECT_EQ(server_.read_all(), "too");
}

TEST_P(TlsVersions, SayThatAPartOfARecordLiesInThem) {
  for (const std::size_t size : {1U, 5U, 105U}) {
    join();
    shake_hands();
    EXPECT_EQ(client_.write("hello").size, 5U);
    EXPECT_EQ(server_.read_all(), "hello");
    EXPECT_EQ(server_.peek().outcome, Outcome::blocked);
    EXPECT_FALSE(server_.layer().holds_part());
    const std::string part = std::string("\x17\x03\x03\x40\x00", 5).append(100, 'x').substr(0, size);
    ASSERT_EQ(::send(client_.socket(), part.data(), part.size(), 0), static_cast<ssize_t>(part.size()));
    EXPECT_EQ(server_.peek().outcome, Outcome::blocked);
    EXPECT_TRUE(server_.layer().holds_part()) << size;
  }
}

TEST_F(TlsLayers, SayWhatLiesInThem) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("hello").size, 5U);
  EXPECT_FALSE(server_.layer().has_pending());
  char byte = 0;
  EXPECT_EQ(server_.read({&byte, 1}).size, 1U);
  EXPECT_TRUE(server_.layer().has_pending());
  EXPECT_EQ(server_.read_all(), "ello");
  EXPECT_FALSE(server_.layer().has_pending());
  EXPECT_EQ(client_.write("a").size + client_.write("b").size, 2U);
  EXPECT_EQ(server_.read({&byte, 1}).size, 1U);
  EXPECT_TRUE(server_.layer().has_pending()) << "the next record came along";
  EXPECT_EQ(server_.read_all(), "b");
}

TEST_P(TlsVersions, SayThatTheEndLiesInThemWhereItCameBehindBytes) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("last").size, 4U);
  client_.end_writing();
  std::array<char, 16> bytes;
  EXPECT_EQ(server_.read(bytes).size, 4U);
  EXPECT_TRUE(server_.layer().has_pending()) << "nothing in the socket tells of it";
  EXPECT_EQ(server_.read_all(), "");
  EXPECT_EQ(server_.last().outcome, Outcome::ended);
}

// ---- records of next to nothing

TEST_P(TlsVersions, ReadSoManyRecordsOfOneByteAtATime) {
  join();
  shake_hands();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client_.write("x").size, 1U);
  std::array<char, 4096> bytes;
  const Transfer got = server_.read(bytes);
  EXPECT_EQ(got.size, 128U);
  EXPECT_TRUE(got.may_have_more);
  EXPECT_TRUE(server_.layer().has_pending()) << "the socket is empty: nobody else can say so";
  EXPECT_EQ(server_.peek().outcome, Outcome::moved);
  EXPECT_EQ(server_.read_all(), std::string(72, 'x'));
  EXPECT_FALSE(server_.layer().has_pending());
}

TEST_F(TlsLayers, AreOverForAPeerThatChangesItsKeysAllTheWhile) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("x").size + server_.read_all().size(), 2U);
  const auto change_keys = [this](int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(SSL_key_update(client_.layer().native(), SSL_KEY_UPDATE_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(client_.layer().native()), 1);
    }
    EXPECT_EQ(client_.write("y").size, 1U);
  };
  change_keys(50);
  EXPECT_EQ(server_.read_all(), "y") << "who does so now and then is served";
  change_keys(2000);
  std::array<char, 4096> bytes;
  Transfer got;
  int reads = 0;
  do got = server_.read(bytes);
  while (++reads < 10 && got.outcome != Outcome::failed);
  EXPECT_EQ(got.outcome, Outcome::failed);
  EXPECT_LT(reads, 4) << "what lies in one buffer, and no more";
}

TEST_F(TlsLayers, WriteTheRestOfWhatTheyTookOnceThereIsRoom) {
  join();
  shake_hands();
  const int least = 0;
  ASSERT_EQ(::setsockopt(client_.socket(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
  const std::string text(60'000, 'x');
  Transfer written = client_.write(text);
  EXPECT_EQ(written.outcome, Outcome::blocked);
  EXPECT_EQ(written.wanted, Readiness::writable);
  std::string got;
  for (int i = 0; i < 1000 && written.outcome == Outcome::blocked; ++i) {
    got += server_.read_all();
    written = client_.write(text);
  }
  EXPECT_EQ(written.size, text.size());
  EXPECT_EQ((got += server_.read_all()).size(), text.size());
}

// ---- reload

TEST_F(TlsLayers, GoOnWhereTheirContextIsReplaced) {
  join();
  shake_hands();
  const auto renewed = pair_.authority.issue("renewed", "DNS:agent.test,DNS:renewed.test");
  server_options_.certificate_file = renewed.certificate_file;
  server_options_.key_file = renewed.key_file;
  server_context_ = Context::server(server_options_).value();
  End client;
  End server;
  join(client, server);
  shake_hands(client, server);
  EXPECT_EQ(X509_check_host(SSL_get0_peer_certificate(client.layer().native()), "renewed.test", 0, 0, nullptr), 1);
  EXPECT_EQ(client_.write("old").size, 3U);
  EXPECT_EQ(server_.read_all(), "old");
}

}  // namespace
}  // namespace picket::transport::tls

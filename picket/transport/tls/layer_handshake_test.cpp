#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "picket/transport/testing/tls_layers.hpp"
#include "picket/transport/tls/layer.hpp"

namespace picket::transport::tls {
namespace {

using Outcome = Transfer::Outcome;
using End = testing::TlsEnd;
using testing::Authority;
using ::testing::HasSubstr;
using testing::peer_of;

class TlsHandshakes : public testing::TlsLayersTest {};

// ---- who is trusted

TEST_F(TlsHandshakes, TrustNobodyOfAnotherAuthority) {
  const Authority other{"another CA"};
  client_options_.ca_file = other.ca_file();
  join();
  expect_refusal("('agent.test') is not accepted: no CA that is trusted here",
                 "the peer does not trust our certificate");
}

TEST_F(TlsHandshakes, TrustNoClientOfAnotherAuthority) {
  const Authority other{"another CA"};
  const auto stranger = other.issue("stranger", "DNS:stranger.test");
  client_options_.certificate_file = stranger.certificate_file;
  client_options_.key_file = stranger.key_file;
  join();
  expect_refusal("the peer does not trust our certificate", "('stranger.test') is not accepted: no CA that is trusted");
}

TEST_F(TlsHandshakes, RefuseAnExpiredCertificate) {
  const auto old = pair_.authority.issue("old", "DNS:agent.test", -testing::day);
  server_options_.certificate_file = old.certificate_file;
  server_options_.key_file = old.key_file;
  join();
  expect_refusal("it has expired", "our certificate has expired");
}

TEST_F(TlsHandshakes, RefuseAnotherName) {
  client_options_.server_name = "other.test";
  join();
  expect_refusal("it has no such subjectAltName", "the peer does not accept our certificate");
}

TEST_F(TlsHandshakes, RefuseANameThatIsTheSubjectsOnly) {
  const auto named = pair_.authority.issue("agent.test", "");
  server_options_.certificate_file = named.certificate_file;
  server_options_.key_file = named.key_file;
  join();
  expect_refusal("it has no such subjectAltName", "the peer does not accept our certificate");
}

TEST_F(TlsHandshakes, LookForTheAddressThatIsDialledWhereNoNameIsGiven) {
  client_options_.server_name.clear();
  for (const std::string_view host : {"127.0.0.1", "::1", "agent.test"}) {
    renew();
    End client;
    End server;
    join(client, server, host);
    shake_hands(client, server);
    EXPECT_TRUE(client.layer().is_established()) << host << client.reason();
  }
  join("127.0.0.2");
  expect_refusal("it has no such IP address", "the peer does not accept our certificate");
}

TEST_F(TlsHandshakes, TrustNobodyWhereNoNameIsKnown) {
  client_options_.server_name.clear();
  join();
  expect_refusal("it has no such subjectAltName", "the peer does not accept our certificate");
}

TEST_F(TlsHandshakes, WantAClientsCertificateWhereOneIsRequired) {
  client_options_.certificate_file.clear();
  client_options_.key_file.clear();
  join();
  expect_refusal("the peer wants a client certificate and got none", "the peer showed no certificate");
  server_options_.client_certificate = ClientCertificate::optional;
  renew();
  End client;
  End server;
  join(client, server);
  shake_hands(client, server);
  EXPECT_TRUE(server.layer().is_established());
  EXPECT_EQ(peer_of(server.layer()), "");
}

// ---- what is spoken

TEST_F(TlsHandshakes, SpeakNoOldVersion) {
  client_options_.protocols.max_version = Version::v1_2;
  server_options_.protocols.min_version = Version::v1_3;
  join();
  expect_refusal("the peer accepts no version of TLS that we speak", "no version of TLS that we accept");
}

TEST_F(TlsHandshakes, AgreeOnAnApplicationProtocolOrOnNone) {
  server_options_.protocols.alpn = {"h2", "http/1.1"};
  client_options_.protocols.alpn = {"http/1.1", "h2"};
  join();
  shake_hands();
  EXPECT_EQ(client_.layer().alpn(), "h2");
  client_options_.protocols.alpn = {"other"};
  End client;
  End server;
  renew();
  join(client, server);
  shake_hands(client, server);
  EXPECT_THAT(client.reason(), HasSubstr("no application protocol that we offer"));
}

TEST_F(TlsHandshakes, CountAPeerThatAgreesToNoApplicationProtocol) {
  client_options_.protocols.alpn = {"h2"};  // what needs an agreement
  join();
  shake_hands();
  const Transfer outcome = client_.layer().establish(client_.socket());
  EXPECT_EQ(outcome.outcome, Outcome::failed);
  EXPECT_THAT(client_.layer().failure(outcome).detail(), HasSubstr("agrees to none of the protocols"));
  EXPECT_EQ(client_.layer().refusal(), Refusal::alpn);
}

TEST_F(TlsHandshakes, SayThatThePeerDoesNotSpeakTls) {
  for (const std::string_view plain :
       {std::string_view{"GET / HTTP/1.1\r\n\r\n"}, std::string_view{"\0\0\0\6\1{}", 7}}) {
    renew();
    End client;
    End server;
    join(client, server);
    ASSERT_GT(::send(client.socket(), plain.data(), plain.size(), 0), 0);
    (void)server.read_all();
    EXPECT_THAT(server.reason(), HasSubstr("the peer does not speak TLS"));
    End other_client;
    End other_server;
    join(other_client, other_server);
    ASSERT_GT(::send(other_server.socket(), plain.data(), plain.size(), 0), 0);
    (void)other_client.read_all();
    EXPECT_THAT(other_client.reason(), HasSubstr("the peer does not speak TLS"));
  }
}

TEST_F(TlsHandshakes, SayThatThePeerLeftDuringTheHandshake) {
  join();
  (void)client_.read_all();
  server_.cut();
  (void)client_.read_all();
  EXPECT_THAT(client_.reason(), HasSubstr("during the handshake"));
  EXPECT_EQ(client_.layer().failure(client_.last()).kind(), base::ErrorKind::connection_failed);
}

TEST_F(TlsHandshakes, HearWhyTheyWereRefusedWhereAWriteIsTheFirstToNotice) {
  client_options_.certificate_file.clear();
  client_options_.key_file.clear();
  join();
  (void)client_.peek();
  (void)server_.peek();
  (void)client_.peek();  // for the client, all is done
  EXPECT_TRUE(client_.layer().is_established());
  (void)server_.peek();
  server_.cut();
  const Transfer refused = client_.write("x");
  ASSERT_EQ(refused.outcome, Outcome::failed);
  EXPECT_THAT(client_.layer().failure(refused).detail(), HasSubstr("the peer wants a client certificate and got none"));
}

TEST_F(TlsHandshakes, AChangedRecordEndsTheConnection) {
  join();
  shake_hands();
  EXPECT_EQ(client_.write("hello").size, 5U);
  std::array<char, 100> record;
  const ssize_t size = ::recv(server_.socket(), record.data(), record.size(), 0);
  ASSERT_GT(size, 0);
  record[static_cast<std::size_t>(size) - 1] ^= 1;
  ASSERT_EQ(::send(client_.socket(), record.data(), static_cast<std::size_t>(size), 0), size);
  EXPECT_EQ(server_.read_all(), "");
  EXPECT_EQ(server_.last().outcome, Outcome::failed);
  EXPECT_EQ(server_.layer().failure(server_.last()).kind(), base::ErrorKind::invalid_message);
}

}  // namespace
}  // namespace picket::transport::tls

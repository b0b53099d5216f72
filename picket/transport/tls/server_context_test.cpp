#include "picket/transport/tls/server_context.hpp"

#include <array>
#include <chrono>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/testing/certificates.hpp"
#include "picket/transport/tls/layer.hpp"
#include "picket/transport/tls/pem.hpp"
#include "picket/transport/tls/tickets.hpp"

namespace picket::transport::tls {
namespace {

using testing::Authority;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Issued;
using Outcome = Transfer::Outcome;

/// A client of OpenSSL's own, which keeps its last session, and a server's layer, joined by two sockets.
class Servers : public ::testing::Test {
 protected:
  struct Met {
    bool is_established = false;
    Secured secured;
    std::string shown;  // the name in the certificate that the client saw
    int sent = 0;       // certificates, that one included
    Refusal refusal = Refusal::none;
  };

  [[nodiscard]] std::shared_ptr<const ServerContext> made() const { return ServerContext::make(options_).value(); }
  [[nodiscard]] std::string error() const {
    const auto made = ServerContext::make(options_);
    return made ? "" : made.error().detail();
  }
  [[nodiscard]] NamedCertificate named(std::vector<std::string> names, const Issued& issued) const {
    return {.hostnames = std::move(names),
            .certificate_file = issued.certificate_file,
            .key_file = issued.key_file,
            .ocsp_file = {}};
  }
  /// Has a client that asks for `name` meet the server.
  Met meet(const ServerContext& context, const std::string& name = {}) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    const std::shared_ptr<SSL> client{SSL_new(client_context_.get()), SSL_free};
    SSL_set_fd(client.get(), ends[0]);
    if (!name.empty()) SSL_set_tlsext_host_name(client.get(), name.c_str());
    if (session_) SSL_set_session(client.get(), session_.get());
    const auto layer = context.connection();
    Met met;
    for (int i = 0; i < 4; ++i) {
      (void)SSL_connect(client.get());
      met.is_established = layer->establish(ends[1]).outcome == Outcome::moved;
    }
    char byte = 0;
    (void)SSL_read(client.get(), &byte, 1);  // tickets
    met.refusal = layer->refusal();
    if (met.is_established) met.secured = context.secured(*layer);
    if (X509* const seen = SSL_get0_peer_certificate(client.get())) met.shown = name_of(*seen);
    met.sent = sk_X509_num(SSL_get_peer_cert_chain(client.get()));
    if (met.is_established) session_ = {SSL_get1_session(client.get()), SSL_SESSION_free};
    SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    ::close(ends[0]);
    ::close(ends[1]);
    return met;
  }
  void speak_at_most(int version) { SSL_CTX_set_max_proto_version(client_context_.get(), version); }
  void show_a_certificate(const Issued& issued) {
    SSL_CTX_use_certificate(client_context_.get(), issued.certificate.get());
    SSL_CTX_use_PrivateKey(client_context_.get(), issued.key.get());
  }
  void ask_clients(ClientCertificate how) {
    options_.client_certificate = how;
    options_.client_ca_file = authority_.ca_file();
  }

  Authority authority_;
  Issued default_ = authority_.issue("default", "DNS:default.test");
  Issued a_ = authority_.issue("a", "DNS:a.test");
  Issued b_ = authority_.issue("b", "DNS:b.test");
  Issued client_ = authority_.issue("client", "DNS:client.test");
  ServerOptions options_{.certificate_file = default_.certificate_file, .key_file = default_.key_file};
  std::shared_ptr<SSL_CTX> client_context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::shared_ptr<SSL_SESSION> session_;
};

class ServersOfVersions : public Servers, public ::testing::WithParamInterface<int> {
 protected:
  ServersOfVersions() { speak_at_most(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(All, ServersOfVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(ServersOfVersions, ShowTheCertificateOfTheNameThatIsAskedFor) {
  options_.named = {named({"a.test"}, a_), named({"*.b.test", "b.test"}, b_)};
  const auto context = made();
  EXPECT_EQ(meet(*context).shown, "default.test");
  session_.reset();
  EXPECT_EQ(meet(*context, "other.test").shown, "default.test");
  session_.reset();
  EXPECT_EQ(meet(*context, "A.Test").shown, "a.test");
  session_.reset();
  const Met met = meet(*context, "x.b.test");
  EXPECT_EQ(met.shown, "b.test");
  EXPECT_TRUE(met.secured.is_for("b.test"));
  EXPECT_TRUE(met.secured.is_for("Y.b.test."));
  EXPECT_FALSE(met.secured.is_for("a.test"));
  EXPECT_FALSE(met.secured.is_for("unknown.test"));
  EXPECT_FALSE(met.secured.is_for("x.y.b.test"));
}

TEST_P(ServersOfVersions, SendWhatStandsInTheFileAndNoSignerOfClients) {
  ask_clients(ClientCertificate::optional);  // by the authority that has signed the server's, too
  EXPECT_EQ(meet(*made()).sent, 1);
}

TEST_P(ServersOfVersions, SayWhatWasAgreedUpon) {
  options_.protocols.alpn = {"http/1.1"};
  constexpr std::array<unsigned char, 12> offered{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(client_context_.get(), offered.data(), offered.size());
  const Met met = meet(*made());
  EXPECT_EQ(met.secured.version, GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  EXPECT_THAT(std::string{met.secured.cipher}, HasSubstr("AES"));
  EXPECT_EQ(met.secured.alpn, "http/1.1");
  EXPECT_FALSE(met.secured.is_resumed);
  EXPECT_FALSE(met.secured.asks_for_certificate);
  EXPECT_FALSE(met.secured.peer);
}

TEST_P(ServersOfVersions, TellWhoTheClientIs) {
  ask_clients(ClientCertificate::optional);
  const auto context = made();
  const Met stranger = meet(*context);
  EXPECT_TRUE(stranger.secured.asks_for_certificate);
  EXPECT_FALSE(stranger.secured.peer);
  session_.reset();
  show_a_certificate(client_);
  for (const bool is_resumed : {false, true}) {
    const Met met = meet(*context);
    EXPECT_EQ(met.secured.is_resumed, is_resumed);
    ASSERT_TRUE(met.secured.peer);
    EXPECT_EQ(met.secured.peer->subject, "CN=client");
    EXPECT_EQ(met.secured.peer->issuer, "CN=test CA");
    EXPECT_EQ(met.secured.peer->serial, "05");
    EXPECT_EQ(met.secured.peer->fingerprint.size(), 64U);
  }
}

TEST_P(ServersOfVersions, SayInKindsWhyThereIsNoConnection) {
  ask_clients(ClientCertificate::required);
  EXPECT_EQ(meet(*made()).refusal, Refusal::certificate) << "none";
  const Authority other{"another CA"};
  show_a_certificate(other.issue("stranger", "DNS:stranger.test"));
  EXPECT_EQ(meet(*made()).refusal, Refusal::certificate) << "of another CA";
  options_.client_certificate = ClientCertificate::none;
  options_.protocols.min_version = options_.protocols.max_version =
      GetParam() == TLS1_2_VERSION ? Version::v1_3 : Version::v1_2;
  SSL_CTX_set_min_proto_version(client_context_.get(), GetParam());
  EXPECT_EQ(meet(*made()).refusal, Refusal::version);
}

TEST_P(ServersOfVersions, RefuseClientsOfOtherApplicationProtocolsAlone) {
  options_.protocols.alpn = {"http/1.1"};
  constexpr std::array<unsigned char, 3> offered{2, 'h', '2'};
  SSL_CTX_set_alpn_protos(client_context_.get(), offered.data(), offered.size());
  EXPECT_EQ(meet(*made()).refusal, Refusal::alpn);
}

// ---- tickets

class Tickets : public ServersOfVersions {
 protected:
  Tickets() { options_.tickets = keys_; }
  std::shared_ptr<TicketKeys> keys_ = std::make_shared<TicketKeys>();
};
INSTANTIATE_TEST_SUITE_P(All, Tickets, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(Tickets, AreGoodAtAnotherContextWithTheSameSettings) {
  EXPECT_FALSE(meet(*made()).secured.is_resumed);
  EXPECT_TRUE(meet(*made()).secured.is_resumed);
}

TEST_P(Tickets, AreGoodAfterOneRotationAndNotAfterTwo) {
  const auto context = made();
  (void)meet(*context);
  keys_->rotate();
  EXPECT_TRUE(meet(*context).secured.is_resumed);
  session_.reset();
  (void)meet(*context);
  keys_->rotate();
  keys_->rotate();
  const Met met = meet(*context);
  EXPECT_TRUE(met.is_established);
  EXPECT_FALSE(met.secured.is_resumed);
}

TEST_P(Tickets, AreNotGoodUnderAnotherName) {
  options_.named = {named({"a.test"}, a_)};
  const auto context = made();
  (void)meet(*context, "a.test");
  const Met met = meet(*context, "b.test");
  EXPECT_TRUE(met.is_established);
  EXPECT_FALSE(met.secured.is_resumed);
  EXPECT_EQ(met.shown, "default.test");
}

/// CVE-2025-23419: a session of a server that asks nobody must not stand for a certificate elsewhere.
TEST_P(Tickets, OfAServerThatAsksForNoCertificateAreNotGoodWhereOneIsRequired) {
  (void)meet(*made());
  ask_clients(ClientCertificate::required);
  EXPECT_EQ(meet(*made()).refusal, Refusal::certificate);
  show_a_certificate(client_);
  const Met met = meet(*made());
  EXPECT_FALSE(met.secured.is_resumed);
  EXPECT_TRUE(met.secured.peer);
}

TEST_P(Tickets, AreNotGoodWhereOtherAuthoritiesAreTrusted) {
  ask_clients(ClientCertificate::required);
  show_a_certificate(client_);
  (void)meet(*made());
  const Authority other{"another CA"};
  options_.client_ca_file = other.ca_file();
  EXPECT_EQ(meet(*made()).refusal, Refusal::certificate);
}

TEST_P(Tickets, OfAClientWhoseCertificateIsOverAreNotGood) {
  ask_clients(ClientCertificate::optional);
  show_a_certificate(authority_.issue("brief", "DNS:brief.test", 2));
  const auto context = made();
  (void)meet(*context);
  EXPECT_TRUE(meet(*context).secured.is_resumed);
  std::this_thread::sleep_for(std::chrono::milliseconds{3'100});
  const Met met = meet(*context);
  EXPECT_FALSE(met.is_established) << "a whole handshake, in which the certificate is looked at";
  EXPECT_EQ(met.refusal, Refusal::certificate);
}

TEST_P(Tickets, AreNotMadeWhereNothingIsResumed) {
  options_.resumes = false;
  const auto context = made();
  (void)meet(*context);
  EXPECT_EQ(SSL_SESSION_has_ticket(session_.get()), 0);
  EXPECT_FALSE(meet(*context).secured.is_resumed);
}

// ---- files

TEST_F(Servers, TakeAChainThatIsOutOfOrderAndSaySo) {
  const auto between = authority_.issue_authority("between");
  const auto leaf = between.issue("leaf", "DNS:leaf.test");
  const auto join = [&](std::initializer_list<const Issued*> all) {
    std::string text;
    for (const Issued* one : all) text += testing::contents(one->certificate_file);
    return authority_.write_file("chain.pem", text);
  };
  options_.key_file = leaf.key_file;
  options_.certificate_file = join({&leaf, &between.ca()});
  EXPECT_THAT(made()->warnings(), IsEmpty());
  options_.certificate_file = join({&between.ca(), &leaf});
  const auto context = made();
  EXPECT_THAT(context->warnings(), ElementsAre(HasSubstr("chain.pem are out of order, and are sent in the right one")));
  EXPECT_EQ(meet(*context).shown, "leaf.test");
  options_.certificate_file = join({&leaf, &a_});
  EXPECT_THAT(made()->warnings(), ElementsAre(HasSubstr("the certificate of a.test in")));
}

TEST_F(Servers, SayThatACertificateHasExpired) {
  const auto old = authority_.issue("old", "DNS:old.test", -testing::day);
  options_.certificate_file = old.certificate_file;
  options_.key_file = old.key_file;
  EXPECT_THAT(made()->warnings(), ElementsAre(::testing::ContainsRegex("old.test in .* has expired on 20..-..-.. ")));
}

TEST_F(Servers, NameTheFileOfANamedCertificateThatIsWrong) {
  options_.named = {named({"a.test"}, a_)};
  options_.named[0].key_file = b_.key_file;
  EXPECT_EQ(error(), "the key in " + b_.key_file + " is not the one of the certificate in " + a_.certificate_file);
  options_.named = {named({"a.test"}, a_), named({"A.test"}, b_)};
  EXPECT_EQ(error(), "two certificates are for \"A.test\"");
}

TEST_F(Servers, RefuseAnOcspFileThatIsNone) {
  options_.ocsp_file = authority_.write_file("ocsp", "nonsense");
  EXPECT_THAT(error(), HasSubstr("holds no response in DER; `openssl ocsp -respout` writes one"));
  options_.ocsp_file = "/nowhere/ocsp";
  EXPECT_EQ(error(), "cannot read the OCSP file /nowhere/ocsp: No such file or directory");
}

}  // namespace
}  // namespace picket::transport::tls

#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/transport/testing/certificates.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/tls/layer.hpp"
#include "picket/transport/tls/pem.hpp"

/// Two ends of one connection in TLS, by their layers alone.
namespace picket::transport::testing {

/// Whom the peer's certificate is of; empty where it showed none.
inline std::string peer_of(const tls::TlsLayer& layer) {
  X509* const certificate = SSL_get0_peer_certificate(layer.native());
  return certificate == nullptr ? std::string{} : tls::name_of(*certificate);
}

/// One end: a layer and its socket.
class TlsEnd {
 public:
  void open(std::unique_ptr<Layer> layer, int socket) {
    layer_ = std::move(layer);
    socket_ = socket;
  }
  TlsEnd() = default;
  TlsEnd(const TlsEnd&) = delete;
  TlsEnd& operator=(const TlsEnd&) = delete;
  ~TlsEnd() { cut(); }

  [[nodiscard]] tls::TlsLayer& layer() { return static_cast<tls::TlsLayer&>(*layer_); }
  [[nodiscard]] int socket() const noexcept { return socket_; }
  Transfer read(std::span<char> into) { return layer_->read(socket_, into); }
  Transfer write(std::string_view text) {
    const iovec part{const_cast<char*>(text.data()), text.size()};
    return layer_->write(socket_, {&part, 1});
  }
  Transfer peek() { return layer_->peek(socket_); }
  /// All that is there; what the attempt behind it came to is last().
  std::string read_all() {
    std::string text;
    std::array<char, 50000> bytes;
    while ((last_ = read(bytes)).outcome == Transfer::Outcome::moved) text.append(bytes.data(), last_.size);
    return text;
  }
  [[nodiscard]] const Transfer& last() const noexcept { return last_; }
  /// Why the last attempt to read failed.
  [[nodiscard]] std::string reason() const {
    return last_.outcome == Transfer::Outcome::failed ? layer_->failure(last_).detail() : "";
  }
  void end_writing() {
    layer_->end_writing(socket_);
    ::shutdown(socket_, SHUT_WR);
  }
  /// Without a word of TLS.
  void cut() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  std::unique_ptr<Layer> layer_;
  int socket_ = -1;
  Transfer last_;
};

class TlsLayersTest : public ::testing::Test {
 protected:
  /// New connections are of the options as they are then.
  void renew() {
    server_context_ = tls::Context::server(server_options_).value();
    client_context_ = tls::Context::client(client_options_).value();
  }
  void join(TlsEnd& client, TlsEnd& server, std::string_view host = {}) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    client.open(client_context_->layer(host), ends[0]);
    server.open(server_context_->layer(), ends[1]);
  }
  void join(std::string_view host = {}) {
    renew();
    join(client_, server_, host);
  }
  void shake_hands() { shake_hands(client_, server_); }
  static void shake_hands(TlsEnd& client, TlsEnd& server) {
    for (int i = 0; i < 4; ++i) {
      (void)client.read_all();
      (void)server.read_all();
    }
  }
  /// What both ends say after a handshake that must not succeed.
  void expect_refusal(const std::string& of_client, const std::string& of_server) {
    shake_hands();
    EXPECT_THAT(client_.reason(), ::testing::HasSubstr(of_client));
    EXPECT_THAT(server_.reason(), ::testing::HasSubstr(of_server));
    EXPECT_NE(client_.write("x").outcome, Transfer::Outcome::moved);
    EXPECT_EQ(server_.read_all(), "");
  }

  TlsPair pair_;
  tls::ServerOptions server_options_ = pair_.server_options();
  tls::ClientOptions client_options_ = pair_.client_options();
  std::shared_ptr<const tls::Context> server_context_;
  std::shared_ptr<const tls::Context> client_context_;
  TlsEnd client_;
  TlsEnd server_;
};

}  // namespace picket::transport::testing

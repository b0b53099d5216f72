#include "picket/transport/tls/context.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "picket/transport/tls/layer.hpp"
#include "picket/transport/tls/pem.hpp"
#include "picket/transport/tls/reason.hpp"

namespace picket::transport::tls {
namespace {

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::connection_failed, std::move(detail)); }

struct Frees {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using Native = std::unique_ptr<SSL_CTX, Frees>;
using Session = std::unique_ptr<SSL_SESSION, Frees>;

// Forward secrecy and authenticated encryption, TLS 1.2; those of TLS 1.3 are all like that.
constexpr const char* default_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

int number_of(Version version) noexcept { return version == Version::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

/// OpenSSL takes those of TLS 1.3 apart from the others.
base::Status set_ciphers(SSL_CTX& context, std::string_view names) {
  std::array<std::string, 2> lists;  // before TLS 1.3, TLS 1.3
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    std::string& list = lists[name.starts_with("TLS_") ? 1 : 0];
    list.append(list.empty() ? "" : ":").append(name);
  }
  if (!lists[0].empty() && SSL_CTX_set_cipher_list(&context, lists[0].c_str()) != 1)
    return refused(fmt::format("'{}' names no cipher of TLS 1.2; `openssl ciphers -tls1_2` lists them", lists[0]));
  if (!lists[1].empty() && SSL_CTX_set_ciphersuites(&context, lists[1].c_str()) != 1)
    return refused(fmt::format(
        "'{}' names a cipher that TLS 1.3 does not have; `openssl ciphers -s -tls1_3` lists them", lists[1]));
  return {};
}

/// As RFC 7301 has it on the wire.
base::Result<std::vector<unsigned char>> alpn_list(const std::vector<std::string>& names) {
  std::vector<unsigned char> list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return refused("the name of an application protocol has 1 to 255 bytes");
    list.push_back(static_cast<unsigned char>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  return list;
}

base::Result<Native> make(const SSL_METHOD* method, const Protocols& protocols) {
  if (protocols.min_version > protocols.max_version) return refused("the least version of TLS is above the greatest");
  Native context{SSL_CTX_new(method)};
  if (!context) throw std::bad_alloc{};
  SSL_CTX_set_min_proto_version(context.get(), number_of(protocols.min_version));
  SSL_CTX_set_max_proto_version(context.get(), number_of(protocols.max_version));
  // Renegotiation lets a peer make this end work for nothing, and change what it is in mid-stream.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);  // else two system calls a record
  PICKET_TRY(set_ciphers(*context, default_ciphers));
  PICKET_TRY(set_ciphers(*context, protocols.ciphers));
  return context;
}

base::Status use_certificate(SSL_CTX& context, const std::string& certificate_file, const std::string& key_file) {
  auto certificates = read_certificates(certificate_file);
  if (!certificates) return certificates.error();
  const auto key = read_key(key_file);
  if (!key) return key.error();
  if (SSL_CTX_use_certificate(&context, certificates->front().get()) != 1)
    return refused(fmt::format("the certificate in {} cannot be used: {}", certificate_file, last_reason()));
  for (std::size_t i = 1; i < certificates->size(); ++i) SSL_CTX_add1_chain_cert(&context, (*certificates)[i].get());
  if (X509_check_private_key(certificates->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return refused(
        fmt::format("the key in {} is not the one of the certificate in {}; where the file has several "
                    "certificates, the one of the key comes first",
                    key_file, certificate_file));
  }
  if (SSL_CTX_use_PrivateKey(&context, key->get()) != 1)
    return refused(fmt::format("the key in {} cannot be used: {}", key_file, last_reason()));
  return {};
}

base::Result<std::vector<Certificate>> trust(SSL_CTX& context, const std::string& ca_file) {
  auto certificates = read_certificates(ca_file);
  if (!certificates) return certificates;
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  for (const Certificate& certificate : *certificates) X509_STORE_add_cert(store, certificate.get());
  // What the file names is trusted, whoever has signed it.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return certificates;
}

/// Sessions that may be resumed. A ticket of TLS 1.3 is used once (RFC 8446 §C.4): who sees it twice knows that both
/// are the same client.
class Sessions {
 public:
  void put(Session session) {
    const std::scoped_lock lock{mutex_};
    if (sessions_.size() == most) sessions_.erase(sessions_.begin());
    sessions_.push_back(std::move(session));
  }
  [[nodiscard]] Session take() {
    const std::scoped_lock lock{mutex_};
    if (sessions_.empty()) return nullptr;
    SSL_SESSION* const latest = sessions_.back().get();
    if (SSL_SESSION_get_protocol_version(latest) != TLS1_3_VERSION && SSL_SESSION_up_ref(latest) == 1)
      return Session{latest};
    Session taken = std::move(sessions_.back());
    sessions_.pop_back();
    return taken;
  }

 private:
  static constexpr std::size_t most = 16;  // connections that are opened again at once

  std::mutex mutex_;
  std::vector<Session> sessions_;  // the latest last
};

class ClientContext final : public Context, public std::enable_shared_from_this<ClientContext> {
 public:
  ClientContext(Native native, const ClientOptions& options)
      : native_(std::move(native)),
        server_name_(options.server_name),
        agreement_(options.protocols.alpn.empty() ? Agreement::optional : Agreement::required) {
    SSL_CTX_set_app_data(native_.get(), this);
    SSL_CTX_set_session_cache_mode(native_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(native_.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<const ClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->sessions_.put(Session{session});
      return 1;  // it is ours now
    });
  }

  [[nodiscard]] std::unique_ptr<Layer> layer(std::string_view host) const override {
    auto layer = std::make_unique<TlsLayer>(shared_from_this(), native_.get(), Role::client, agreement_);
    expect(*layer->native(), server_name_.empty() ? std::string{host} : server_name_);
    if (const Session session = sessions_.take()) SSL_set_session(layer->native(), session.get());
    return layer;
  }

 private:
  /// A name that is not said must not mean that every name will do.
  static void expect(SSL& ssl, std::string name) {
    X509_VERIFY_PARAM* const expected = SSL_get0_param(&ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) == 1) return;
    if (name.empty()) name = "no name given";
    SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (SSL_set1_host(&ssl, name.c_str()) != 1) throw std::bad_alloc{};
    SSL_set_tlsext_host_name(&ssl, name.c_str());
    ERR_clear_error();
  }

  Native native_;
  std::string server_name_;
  Agreement agreement_;
  mutable Sessions sessions_;
};

class ServerContext final : public Context, public std::enable_shared_from_this<ServerContext> {
 public:
  ServerContext(Native native, std::vector<unsigned char> alpn) noexcept
      : native_(std::move(native)), alpn_(std::move(alpn)) {
    // Sessions are in the tickets, not here: nothing to fill.
    SSL_CTX_set_session_cache_mode(native_.get(), SSL_SESS_CACHE_OFF);
    constexpr std::string_view id = "picket";
    SSL_CTX_set_session_id_context(native_.get(), reinterpret_cast<const unsigned char*>(id.data()), id.size());
    if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(native_.get(), &ServerContext::select, this);
  }

  [[nodiscard]] std::unique_ptr<Layer> layer(std::string_view) const override {
    return std::make_unique<TlsLayer>(shared_from_this(), native_.get(), Role::server);
  }

 private:
  static int select(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void* self) {
    const auto& ours = static_cast<const ServerContext*>(self)->alpn_;
    const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, ours.data(),
                                            static_cast<unsigned int>(ours.size()), offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  Native native_;
  std::vector<unsigned char> alpn_;
};

base::Status ask_clients(SSL_CTX& context, const ServerOptions& options) {
  if (options.client_certificate == ClientCertificate::none) return {};
  if (options.client_ca_file.empty())
    return refused("client certificates are asked for, but no CA file says who may have signed them");
  const auto authorities = trust(context, options.client_ca_file);
  if (!authorities) return authorities.error();
  for (const Certificate& authority : *authorities) SSL_CTX_add_client_CA(&context, authority.get());
  const bool required = options.client_certificate == ClientCertificate::required;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), &TlsLayer::verified);
  return {};
}

}  // namespace

base::Result<std::shared_ptr<const Context>> Context::client(const ClientOptions& options) {
  auto native = make(TLS_client_method(), options.protocols);
  if (!native) return native.error();
  SSL_CTX& context = **native;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, &TlsLayer::verified);
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
  } else {
    PICKET_TRY(trust(context, options.ca_file));
  }
  if (options.certificate_file.empty() != options.key_file.empty())
    return refused("a client certificate has a key and a key a certificate: only one of both is given");
  if (!options.certificate_file.empty())
    PICKET_TRY(use_certificate(context, options.certificate_file, options.key_file));
  const auto alpn = alpn_list(options.protocols.alpn);
  if (!alpn) return alpn.error();
  SSL_CTX_set_alpn_protos(&context, alpn->data(), static_cast<unsigned int>(alpn->size()));
  return std::make_shared<ClientContext>(std::move(*native), options);
}

base::Result<std::shared_ptr<const Context>> Context::server(const ServerOptions& options) {
  auto native = make(TLS_server_method(), options.protocols);
  if (!native) return native.error();
  if (options.certificate_file.empty() || options.key_file.empty())
    return refused("a TLS listener needs a certificate and its key: one of both is not given");
  PICKET_TRY(use_certificate(**native, options.certificate_file, options.key_file));
  PICKET_TRY(ask_clients(**native, options));
  auto alpn = alpn_list(options.protocols.alpn);
  if (!alpn) return alpn.error();
  return std::make_shared<ServerContext>(std::move(*native), std::move(*alpn));
}

}  // namespace picket::transport::tls

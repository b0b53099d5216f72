#include "picket/transport/tls/server_context.hpp"

#include <array>
#include <ctime>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "picket/transport/tls/layer.hpp"
#include "picket/transport/tls/native.hpp"
#include "picket/transport/tls/pem.hpp"
#include "picket/transport/tls/staple.hpp"
#include "picket/transport/tls/tickets.hpp"

namespace picket::transport::tls {

struct ServerContext::Shown {
  Native native;
  std::optional<Staple> staple;
};

namespace {

/// Of those that ask for a name whose certificate does not have it, each is refused by its own client.
void note_names(const NamedCertificate& certificate, X509& shown, std::vector<std::string>& warnings) {
  for (const std::string& name : certificate.hostnames)
    if (X509_check_host(&shown, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) != 1)
      warnings.push_back(
          fmt::format("the certificate of {} in {} is not for \"{}\": clients that ask for it will refuse it",
                      name_of(shown), certificate.certificate_file, name));
}

/// The name that a client asks for, as its hello has it (RFC 6066 §3); empty where there is none, or none that can be
/// read: OpenSSL refuses that by itself.
std::string_view asked_name(SSL* ssl) noexcept {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return {};
  constexpr std::size_t head = 5;  // the list's size, the kind of name, the name's size
  if (size <= head || bytes[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t name_size = (std::size_t{bytes[3]} << 8U) + bytes[4];
  if (name_size > size - head) return {};
  return {reinterpret_cast<const char*>(bytes + head), name_size};
}

// ---- tickets

/// Looked up once: by its name OpenSSL would do that for each ticket. Where OpenSSL is configured to have none, each
/// use of it fails.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return fetched != nullptr ? fetched : EVP_aes_256_cbc();
}

bool use_key(const TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool seals) {
  std::array<char, 7> digest{"SHA256"};
  auto secret = key.mac;
  const std::array<OSSL_PARAM, 3> params{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  return EVP_CipherInit_ex(cipher, ticket_cipher(), nullptr, key.cipher.data(), iv, seals ? 1 : 0) == 1 &&
         EVP_MAC_CTX_set_params(mac, params.data()) == 1;
}

/// What OpenSSL asks for a ticket's keys. 1: here they are; 2: the same, and the client gets a new ticket; 0: there are
/// none, so a whole handshake follows; -1: an error.
int give_key(const TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
             bool seals) {
  const TicketKey latest = keys.latest();
  if (seals) {
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
    std::copy(latest.name.begin(), latest.name.end(), name);
    return use_key(latest, iv, cipher, mac, true) ? 1 : -1;
  }
  const auto found = keys.find({reinterpret_cast<const char*>(name), TicketKey::name_size});
  if (!found) return 0;
  if (!use_key(*found, iv, cipher, mac, false)) return -1;
  return found->name == latest.name ? 1 : 2;
}

// ---- what a ticket is good for

/// All that a session must not be carried over from and to, as a digest.
class Settings {
 public:
  Settings(const ServerOptions& options, const NamedCertificate& certificate,
           const std::vector<Certificate>& authorities) {
    const Protocols& protocols = options.protocols;
    text_ = fmt::format("{} {} {}", static_cast<int>(options.client_certificate),
                        static_cast<int>(protocols.min_version), static_cast<int>(protocols.max_version));
    add(protocols.ciphers);
    add(certificate.certificate_file);
    for (const std::string& name : certificate.hostnames) add(name);
    for (const Certificate& authority : authorities) {
      std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
      unsigned int size = 0;
      X509_digest(authority.get(), EVP_sha256(), digest.data(), &size);
      add({reinterpret_cast<const char*>(digest.data()), size});
    }
  }
  [[nodiscard]] std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> digest() const {
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> digest{};
    EVP_Digest(text_.data(), text_.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return digest;
  }

 private:
  void add(std::string_view value) { text_.append(fmt::format("\n{} ", value.size())).append(value); }

  std::string text_;
};

base::Result<std::vector<Certificate>> ask_clients(SSL_CTX& context, const ServerOptions& options) {
  if (options.client_certificate == ClientCertificate::none) return std::vector<Certificate>{};
  if (options.client_ca_file.empty())
    return refused("client certificates are asked for, but no CA file says who may have signed them");
  auto authorities = trust(context, options.client_ca_file);
  if (!authorities) return authorities;
  for (const Certificate& authority : *authorities) SSL_CTX_add_client_CA(&context, authority.get());
  const bool required = options.client_certificate == ClientCertificate::required;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), &TlsLayer::verified);
  return authorities;
}

int show_staple(SSL* ssl, void* arg) {
  const auto& staple = *static_cast<const Staple*>(arg);
  if (staple.expires && *staple.expires <= std::time(nullptr)) return SSL_TLSEXT_ERR_NOACK;
  void* const copy = OPENSSL_memdup(staple.response.data(), staple.response.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<int>(staple.response.size()));  // it is OpenSSL's now
  return SSL_TLSEXT_ERR_OK;
}

/// A ticket keeps nobody known whose certificate is over: a whole handshake follows, which refuses it. A client of
/// TLS 1.3 gets a new one each time, since one is for one connection (RFC 8446 §C.4). It is our first word after the
/// handshake, too: a client whose request waits for an acknowledgement of its Finished has it then, and not 40 ms
/// later.
SSL_TICKET_RETURN look_at_session(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                  SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* const peer = SSL_SESSION_get0_peer(session);
  if (peer != nullptr && X509_cmp_current_time(X509_get0_notAfter(peer)) < 0) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const bool renews = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION;
  return renews ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

void set_tickets(SSL_CTX& context, const ServerOptions& options) {
  // Sessions are in the tickets, not here: nothing to fill.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(&context, ticket_lifetime_seconds);
  SSL_CTX_set_session_ticket_cb(&context, nullptr, look_at_session, nullptr);
  if (!options.resumes) {
    SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(&context, 0);
  }
  if (options.tickets == nullptr) return;
  SSL_CTX_set_app_data(&context, const_cast<TicketKeys*>(options.tickets.get()));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, [](SSL* ssl, unsigned char* name, unsigned char* iv,
                                                    EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seals) {
    const auto& keys = *static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    return give_key(keys, name, iv, cipher, mac, seals != 0);
  });
}

}  // namespace

ServerContext::ServerContext() = default;
ServerContext::~ServerContext() = default;

base::Result<std::shared_ptr<const ServerContext>> ServerContext::make(const ServerOptions& options) {
  const std::shared_ptr<ServerContext> made{new ServerContext};
  auto alpn = alpn_list(options.protocols.alpn);
  if (!alpn) return alpn.error();
  made->alpn_ = std::move(*alpn);
  made->tickets_ = options.tickets;
  made->asks_for_certificate_ = options.client_certificate != ClientCertificate::none;
  PICKET_TRY(made->add(options, {.hostnames = {},
                                 .certificate_file = options.certificate_file,
                                 .key_file = options.key_file,
                                 .ocsp_file = options.ocsp_file}));
  for (const NamedCertificate& named : options.named) PICKET_TRY(made->add(options, named));
  return std::shared_ptr<const ServerContext>{made};
}

base::Status ServerContext::add(const ServerOptions& options, const NamedCertificate& certificate) {
  if (certificate.certificate_file.empty() || certificate.key_file.empty())
    return refused("a TLS listener needs a certificate and its key: one of both is not given");
  auto native = make_native(TLS_server_method(), options.protocols);
  if (!native) return native.error();
  // A client gets what stands in the file. Else OpenSSL looks for signers of a certificate that stands alone there, in
  // each handshake, and sends of those of client certificates what fits.
  SSL_CTX_set_mode(native->get(), SSL_MODE_NO_AUTO_CHAIN);
  PICKET_TRY(use_certificate(**native, certificate.certificate_file, certificate.key_file, warnings_));
  note_names(certificate, *SSL_CTX_get0_certificate(native->get()), warnings_);
  const auto authorities = ask_clients(**native, options);
  if (!authorities) return authorities.error();
  const auto settings = Settings{options, certificate, *authorities}.digest();
  SSL_CTX_set_session_id_context(native->get(), settings.data(), settings.size());
  set_tickets(**native, options);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(native->get(), &ServerContext::choose_protocol, this);
  SSL_CTX_set_client_hello_cb(native->get(), &ServerContext::choose_certificate, this);
  auto shown = std::make_unique<Shown>();
  if (!certificate.ocsp_file.empty()) {
    auto staple = Staple::read(certificate.ocsp_file, *SSL_CTX_get0_certificate(native->get()), warnings_);
    if (!staple) return staple.error();
    shown->staple = std::move(*staple);
    SSL_CTX_set_tlsext_status_cb(native->get(), show_staple);
    SSL_CTX_set_tlsext_status_arg(native->get(), &*shown->staple);
  }
  shown->native = std::move(*native);
  for (const std::string& name : certificate.hostnames)
    if (!names_.add(name, shown_.size())) return refused(fmt::format("two certificates are for \"{}\"", name));
  shown_.push_back(std::move(shown));
  return {};
}

std::unique_ptr<Layer> ServerContext::layer(std::string_view) const { return connection(); }

std::unique_ptr<TlsLayer> ServerContext::connection() const {
  return std::make_unique<TlsLayer>(shared_from_this(), shown_.front()->native.get(), Role::server);
}

std::size_t ServerContext::certificate_for(std::string_view host) const noexcept {
  return names_.find(host).value_or(0);
}

int ServerContext::choose_certificate(ssl_st* ssl, int*, void* self) {
  const auto& context = *static_cast<const ServerContext*>(self);
  const std::size_t chosen = context.certificate_for(asked_name(ssl));
  // With it goes what sessions are good for: OpenSSL has looked at no ticket yet.
  if (SSL_set_SSL_CTX(ssl, context.shown_[chosen]->native.get()) == nullptr) return SSL_CLIENT_HELLO_ERROR;
  static_cast<TlsLayer*>(SSL_get_app_data(ssl))->show(chosen);
  return SSL_CLIENT_HELLO_SUCCESS;
}

int ServerContext::choose_protocol(ssl_st*, const unsigned char** chosen, unsigned char* size,
                                   const unsigned char* offered, unsigned int offered_size, void* self) {
  const auto& ours = static_cast<const ServerContext*>(self)->alpn_;
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, ours.data(),
                                          static_cast<unsigned int>(ours.size()), offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Secured ServerContext::secured(const TlsLayer& connection) const {
  X509* const peer = SSL_get0_peer_certificate(connection.native());
  return {.version = connection.version(),
          .cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(connection.native())),
          .alpn = std::string{connection.alpn()},
          .is_resumed = connection.is_resumed(),
          .asks_for_certificate = asks_for_certificate_,
          .peer = peer == nullptr ? std::nullopt : std::optional{PeerCertificate::of(*peer)},
          .context = shared_from_this(),
          .certificate = connection.shown()};
}

}  // namespace picket::transport::tls

#include "picket/transport/tls/context.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "picket/transport/tls/layer.hpp"
#include "picket/transport/tls/native.hpp"
#include "picket/transport/tls/server_context.hpp"

namespace picket::transport::tls {
namespace {

struct Frees {
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using Session = std::unique_ptr<SSL_SESSION, Frees>;

/// Sessions that may be resumed. A ticket of TLS 1.3 is used once (RFC 8446 §C.4): who sees it twice knows that both
/// are the same client.
///
/// A session is good for the name that its server has proved to have, and no other: resuming proves nothing anew.
class Sessions {
 public:
  void put(std::string name, Session session) {
    const std::scoped_lock lock{mutex_};
    if (sessions_.size() == most) sessions_.erase(sessions_.begin());
    sessions_.push_back({std::move(name), std::move(session)});
  }
  [[nodiscard]] Session take(std::string_view name) {
    const std::scoped_lock lock{mutex_};
    const auto latest =
        std::find_if(sessions_.rbegin(), sessions_.rend(), [&](const Kept& one) { return one.name == name; });
    if (latest == sessions_.rend()) return nullptr;
    SSL_SESSION* const session = latest->session.get();
    if (SSL_SESSION_get_protocol_version(session) != TLS1_3_VERSION && SSL_SESSION_up_ref(session) == 1)
      return Session{session};
    Session taken = std::move(latest->session);
    sessions_.erase(std::next(latest).base());
    return taken;
  }

 private:
  struct Kept {
    std::string name;
    Session session;
  };
  static constexpr std::size_t most = 16;  // connections that are opened again at once

  std::mutex mutex_;
  std::vector<Kept> sessions_;  // the latest last
};

/// HTTP/1.1 is what servers speak that know nothing of ALPN.
bool needs_agreement(const Protocols& protocols) {
  return !protocols.alpn.empty() && std::ranges::find(protocols.alpn, http1) == protocols.alpn.end();
}

class ClientContext final : public Context, public std::enable_shared_from_this<ClientContext> {
 public:
  ClientContext(Native native, const ClientOptions& options, std::vector<std::string> warnings)
      : native_(std::move(native)),
        server_name_(options.server_name),
        agreement_(needs_agreement(options.protocols) ? Agreement::required : Agreement::optional) {
    warnings_ = std::move(warnings);
    SSL_CTX_set_app_data(native_.get(), this);
    SSL_CTX_set_session_cache_mode(native_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(native_.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<const ClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))
          ->sessions_.put(expected_of(*ssl), Session{session});
      return 1;  // it is ours now
    });
  }

  [[nodiscard]] std::unique_ptr<Layer> layer(std::string_view host) const override {
    auto layer = std::make_unique<TlsLayer>(shared_from_this(), native_.get(), Role::client, agreement_);
    expect(*layer->native(), server_name_.empty() ? std::string{host} : server_name_);
    if (const Session session = sessions_.take(expected_of(*layer->native())))
      SSL_set_session(layer->native(), session.get());
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

  /// The name or address that the server has to prove.
  static std::string expected_of(SSL& ssl) {
    X509_VERIFY_PARAM* const expected = SSL_get0_param(&ssl);
    if (const char* const name = X509_VERIFY_PARAM_get0_host(expected, 0)) return name;
    char* const address = X509_VERIFY_PARAM_get1_ip_asc(expected);
    std::string text{address == nullptr ? "" : address};
    OPENSSL_free(address);
    return text;
  }

  Native native_;
  std::string server_name_;
  Agreement agreement_;
  mutable Sessions sessions_;
};

}  // namespace

base::Result<std::shared_ptr<const Context>> Context::client(const ClientOptions& options) {
  auto native = make_native(TLS_client_method(), options.protocols);
  if (!native) return native.error();
  SSL_CTX& context = **native;
  std::vector<std::string> warnings;
  if (options.verifies) {
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, &TlsLayer::verified);
  } else {
    SSL_CTX_set_verify(&context, SSL_VERIFY_NONE, nullptr);
    warnings.emplace_back("the server's certificate is not verified: whoever is on the way can answer in its place");
  }
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
  } else {
    PICKET_TRY(trust(context, options.ca_file));
  }
  if (options.certificate_file.empty() != options.key_file.empty())
    return refused("a client certificate has a key and a key a certificate: only one of both is given");
  if (!options.certificate_file.empty())
    PICKET_TRY(use_certificate(context, options.certificate_file, options.key_file, warnings));
  const auto alpn = alpn_list(options.protocols.alpn);
  if (!alpn) return alpn.error();
  SSL_CTX_set_alpn_protos(&context, alpn->data(), static_cast<unsigned int>(alpn->size()));
  return std::make_shared<ClientContext>(std::move(*native), options, std::move(warnings));
}

base::Result<std::shared_ptr<const Context>> Context::server(const ServerOptions& options) {
  auto made = ServerContext::make(options);
  if (!made) return made.error();
  return std::shared_ptr<const Context>{std::move(*made)};
}

}  // namespace picket::transport::tls

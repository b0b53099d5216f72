#include "apps/gateway/generation/listener_tls.hpp"

#include <utility>

#include <fmt/format.h>

namespace picket::apps::gateway::generation {
namespace {

namespace tls = transport::tls;

tls::Version version_of(config::TlsVersion version) noexcept {
  return version == config::TlsVersion::v1_2 ? tls::Version::v1_2 : tls::Version::v1_3;
}

tls::ClientCertificate asked_by(config::ClientAuth auth) noexcept {
  switch (auth) {
    case config::ClientAuth::off: return tls::ClientCertificate::none;
    case config::ClientAuth::optional: return tls::ClientCertificate::optional;
    case config::ClientAuth::required: return tls::ClientCertificate::required;
  }
  std::unreachable();
}

tls::ServerOptions options_of(const config::ListenerTls& wanted, std::shared_ptr<const tls::TicketKeys> tickets) {
  tls::ServerOptions options{.certificate_file = wanted.certificate.cert_file,
                             .key_file = wanted.certificate.key_file,
                             .client_ca_file = wanted.ca_file,
                             .client_certificate = asked_by(wanted.client_auth),
                             .protocols = {.min_version = version_of(wanted.min_version),
                                           .max_version = version_of(wanted.max_version),
                                           .ciphers = wanted.cipher_suite,
                                           .alpn = {"h2", "http/1.1", "http/1.0"}},
                             .ocsp_file = wanted.certificate.ocsp_file,
                             .named = {},
                             .resumes = wanted.session_resumption,
                             .tickets = std::move(tickets)};
  for (const config::Sni& sni : wanted.sni)
    options.named.push_back({.hostnames = sni.hostnames,
                             .certificate_file = sni.certificate.cert_file,
                             .key_file = sni.certificate.key_file,
                             .ocsp_file = sni.certificate.ocsp_file});
  return options;
}

}  // namespace

base::Result<TlsContext> tls_of(const config::Listener& listener, std::shared_ptr<const tls::TicketKeys> tickets) {
  if (!listener.tls) return TlsContext{};
  auto made = tls::ServerContext::make(options_of(*listener.tls, std::move(tickets)));
  if (!made)
    return base::fail(made.error().kind(), fmt::format("listener \"{}\": {}", listener.id, made.error().detail()));
  return made;
}

std::vector<std::string> warnings_of(const config::Listener& listener, const TlsContext& context) {
  std::vector<std::string> all;
  if (context == nullptr) return all;
  for (const std::string& warning : context->warnings())
    all.push_back(fmt::format("listener \"{}\": {}", listener.id, warning));
  return all;
}

}  // namespace picket::apps::gateway::generation

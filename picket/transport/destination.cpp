#include "picket/transport/destination.hpp"

#include "picket/base/host_name.hpp"

namespace picket::transport {
namespace {

/// What the operator wrote, as a certificate has it. Of a service its domain: the hosts that its records name are the
/// name server's word alone, and whoever forges that could name his own (RFC 6125 §6.2.1).
std::string expected_host(const Endpoint& where) {
  std::string_view host = where.host();
  if (base::is_service_name(host)) host = base::domain_of_service(host);
  host = host.substr(0, host.find('%'));  // an interface is this machine's matter
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::string{host};
}

/// A Unix socket has no name that could stand there; this is what gRPC's own libraries write.
std::string authority_of(const Endpoint& where, const std::string& host) {
  if (where.is_unix()) return "localhost";
  return where.is_name() && where.port() == 0 ? host : where.text();
}

}  // namespace

base::Result<Destination> Destination::make(Endpoint endpoint, tls::ClientOptions tls) {
  Destination made = sharing(std::move(endpoint), nullptr);
  const Endpoint& where = made.endpoint_;
  if (!where.is_tls()) return made;
  if (!tls.server_name.empty()) made.authority_ = tls.server_name;
  if (where.carrier() == Carrier::grpc) tls.protocols.alpn = {std::string{tls::http2}};
  auto context = tls::Context::client(tls);
  if (!context) return context.error();
  made.tls_ = std::move(*context);
  return made;
}

Destination Destination::sharing(Endpoint endpoint, std::shared_ptr<const tls::Context> tls) {
  Destination made{std::move(endpoint)};
  made.expected_ = expected_host(made.endpoint_);
  made.authority_ = authority_of(made.endpoint_, made.expected_);
  made.tls_ = std::move(tls);
  return made;
}

Destination Destination::at(const Endpoint& address) const {
  Destination there = *this;
  there.endpoint_ = endpoint_.at(address);
  return there;
}

std::unique_ptr<Layer> Destination::layer() const { return tls_ ? tls_->layer(expected_) : nullptr; }

}  // namespace picket::transport

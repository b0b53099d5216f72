#include "picket/transport/destination.hpp"

namespace picket::transport {

base::Result<Destination> Destination::make(Endpoint endpoint, tls::ClientOptions tls) {
  Destination made{std::move(endpoint)};
  const Endpoint& where = made.endpoint_;
  // A Unix socket has no name that could stand there; this is what gRPC's own libraries write.
  made.authority_ = where.is_unix() ? "localhost" : where.text();
  if (!where.is_tls()) return made;
  if (!tls.server_name.empty()) made.authority_ = tls.server_name;
  if (where.carrier() == Carrier::grpc) tls.protocols.alpn = {std::string{tls::http2}};
  auto context = tls::Context::client(tls);
  if (!context) return context.error();
  made.tls_ = std::move(*context);
  return made;
}

std::unique_ptr<Layer> Destination::layer() const { return tls_ ? tls_->layer(endpoint_.host()) : nullptr; }

}  // namespace picket::transport

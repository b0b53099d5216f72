#pragma once

#include <memory>
#include <string>

#include "picket/transport/endpoint.hpp"
#include "picket/transport/layer.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::transport {

/// An agent's, or an upstream's, endpoint with what is needed to speak there: what all connections to it share.
/// Thread safety and lifetime: a value; its TLS context is shared.
///
///   const auto destination = transport::Destination::make(*endpoint, {.ca_file = "/etc/picket/ca.pem"});
///   if (!destination) return destination.error();
///   const auto link = transport::dial(worker, *destination, config, std::chrono::seconds{1}, owner);
class Destination {
 public:
  /// Reads the files of `tls` where TLS is spoken there. Errors: connection_failed naming file, reason and what to do.
  [[nodiscard]] static base::Result<Destination> make(Endpoint endpoint, tls::ClientOptions tls);

  /// One of several that share what `tls` has: null: in clear.
  [[nodiscard]] static Destination sharing(Endpoint endpoint, std::shared_ptr<const tls::Context> tls);

  /// Lifetime: the destination's.
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// The same, of a name, at one of its addresses: who is there has to prove that it is who the operator named.
  [[nodiscard]] Destination at(const Endpoint& address) const;
  /// What requests to it name as their authority: the name in its certificate where the operator gave one, else the
  /// address.
  [[nodiscard]] const std::string& authority() const noexcept { return authority_; }
  /// For one new connection; null: in clear.
  [[nodiscard]] std::unique_ptr<Layer> layer() const;

 private:
  explicit Destination(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

  Endpoint endpoint_;
  std::string expected_;  // whose certificate is good
  std::string authority_;
  std::shared_ptr<const tls::Context> tls_;  // null: in clear
};

}  // namespace picket::transport

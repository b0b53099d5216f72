#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "picket/transport/tls/context.hpp"
#include "picket/transport/tls/hostnames.hpp"
#include "picket/transport/tls/secured.hpp"

struct ssl_st;

namespace picket::transport::tls {

class TlsLayer;

/// What the connections of one listener share: its certificates, one of which a client is shown by the name that it
/// asks for, and what is asked of clients.
///
/// It is chosen before anything else of a handshake is looked at, so that a ticket is taken for what it is worth there:
/// one resumes only under the settings, and for the certificate, that it was made for (CVE-2025-23419). Immutable:
/// certificates are reloaded by a new context, and connections that have begun go on with theirs. Thread safety: every
/// call, from any thread, without a lock of ours. Lifetime: its layers keep it.
///
///   const auto context = tls::ServerContext::make(options);
///   if (!context) return context.error();
///   transport::Channel channel{worker, accepted.descriptor, (*context)->layer()};
class ServerContext final : public Context, public std::enable_shared_from_this<ServerContext> {
 public:
  /// Errors: connection_failed naming file, reason and what to do.
  [[nodiscard]] static base::Result<std::shared_ptr<const ServerContext>> make(const ServerOptions& options);
  ~ServerContext() override;

  [[nodiscard]] std::unique_ptr<Layer> layer(std::string_view host = {}) const override;
  /// For one new connection, as what it is.
  [[nodiscard]] std::unique_ptr<TlsLayer> connection() const;

  /// What came of one, once its handshake is over.
  [[nodiscard]] Secured secured(const TlsLayer& connection) const;

  /// The index of the certificate that a client is shown that asks for `host`; 0 is the default. Complexity: O(log n)
  /// in names.
  [[nodiscard]] std::size_t certificate_for(std::string_view host) const noexcept;

 private:
  struct Shown;  // one certificate

  ServerContext();
  [[nodiscard]] base::Status add(const ServerOptions& options, const NamedCertificate& certificate);

  static int choose_certificate(ssl_st* ssl, int* alert, void* self);
  static int choose_protocol(ssl_st* ssl, const unsigned char** chosen, unsigned char* size,
                             const unsigned char* offered, unsigned int offered_size, void* self);

  std::vector<std::unique_ptr<Shown>> shown_;  // the default first
  Hostnames names_;
  std::vector<unsigned char> alpn_;
  std::shared_ptr<const TicketKeys> tickets_;
  bool asks_for_certificate_ = false;
};

}  // namespace picket::transport::tls

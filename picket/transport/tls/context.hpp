#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/transport/layer.hpp"
#include "picket/transport/tls/options.hpp"

namespace picket::transport::tls {

/// What the TLS connections of one agent, or of one listener, share: certificates, whom to trust, versions; of a client
/// the sessions that it may resume.
///
/// Immutable but for those sessions: a certificate is reloaded by a new context, and connections that have begun go on
/// with theirs. Thread safety: every call, from any thread; the sessions are behind a mutex that handshakes take and
/// nothing else. Lifetime: its layers keep it.
class Context {
 public:
  /// Errors: connection_failed naming file, reason and what to do. Reads files while the caller waits.
  [[nodiscard]] static base::Result<std::shared_ptr<const Context>> client(const ClientOptions& options);
  [[nodiscard]] static base::Result<std::shared_ptr<const Context>> server(const ServerOptions& options);

  virtual ~Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// For one new connection. `host`, the name or IP address that is dialled, is what a client asks for and looks for in
  /// the certificate unless the options name something else; a server has no use for it. `host` is looked at during the
  /// call.
  [[nodiscard]] virtual std::unique_ptr<Layer> layer(std::string_view host = {}) const = 0;
  /// What is odd about the files, and keeps nobody from being served: a date that is over, an order that is none. One
  /// sentence each, for the log of whoever made it. Lifetime: the context's.
  [[nodiscard]] std::span<const std::string> warnings() const noexcept { return warnings_; }

 protected:
  Context() = default;

  std::vector<std::string> warnings_;  // filled while it is made
};

}  // namespace picket::transport::tls

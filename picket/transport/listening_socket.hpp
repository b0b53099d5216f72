#pragma once

#include <optional>
#include <utility>

#include <sys/types.h>

#include "picket/base/result.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/listen_options.hpp"

namespace picket::transport {

/// A socket that listens, and its file where it has one: what a Listener accepts from, several of them where the socket
/// is duplicated, or another process that it is handed to.
///
/// On a Unix socket a stale file is removed only after a connection to it was refused, by one process at a time (a live
/// server is never unseated, nor one that is just starting), and the file gets its mode before it accepts anybody.
/// Thread safety: none. Lifetime: closed, and its file removed, with its owner.
class ListeningSocket {
 public:
  /// Binds and listens. Errors: io or connection_failed, naming address and reason.
  [[nodiscard]] static base::Result<ListeningSocket> open(const Endpoint& endpoint, const ListenOptions& options);
  /// Takes over what another process made, as it stands; its file is left to that process, until own_file(). Errors: io
  /// where it does not listen, or at no address that there is a spelling for; then the descriptor is closed.
  [[nodiscard]] static base::Result<ListeningSocket> adopt(int descriptor);
  /// Whether nobody listens at a TCP endpoint, not even somebody who would share it: binds it alone and lets it go.
  /// Never listens, so that no client gets a connection that nobody serves. Errors: as open().
  [[nodiscard]] static base::Status probe(const Endpoint& endpoint);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket() { close(); }

  /// The same socket once more; the file stays this one's. Errors: io, out of descriptors.
  [[nodiscard]] base::Result<ListeningSocket> duplicate() const;
  /// The address it listens on, with the port the kernel chose for port 0.
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// -1 once it was released or closed.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Not to be closed with this; the file is, and goes with it.
  [[nodiscard]] int release_descriptor() noexcept { return std::exchange(descriptor_, -1); }
  /// Whether the socket's file goes with it.
  [[nodiscard]] bool owns_file() const noexcept { return file_.has_value(); }
  /// The file goes with this from now on, whoever made it.
  void own_file() { file_ = file_at(endpoint_); }
  /// The file stays when this is closed: another process listens on the socket.
  void leave_file() noexcept { file_.reset(); }
  /// Removes the file, if it is still its own, then closes.
  void close() noexcept;

 private:
  using File = std::pair<dev_t, ino_t>;

  ListeningSocket(Endpoint endpoint, int descriptor, std::optional<File> file) noexcept
      : endpoint_(std::move(endpoint)), descriptor_(descriptor), file_(file) {}
  [[nodiscard]] static std::optional<File> file_at(const Endpoint& endpoint);

  Endpoint endpoint_;
  int descriptor_;
  std::optional<File> file_;  // what we made, so that close() never removes another's file
};

}  // namespace picket::transport

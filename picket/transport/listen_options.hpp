#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "picket/base/error.hpp"

namespace picket::transport {

/// How a listening socket is made, and who may connect to it. A value; its functions are called on the thread of
/// whoever listens, and what they refer to outlives that.
///
///   transport::ListenOptions options{.socket_mode = 0660, .socket_group = "www-data"};
///   options.on_failed = [&log](const base::Error& why) { log.write(0, why.message()); };
///
/// Thread safety: a value. Errors: a group that the system does not know, or that the process may not give the file to,
/// is said by Listener::open().
struct ListenOptions {
  int backlog = 1024;  ///< connections the kernel queues
  /// One descriptor is held back and given up where an accept finds none left: for a server that has to answer even
  /// then.
  bool keeps_spare = false;
  bool reuse_port = false;                  ///< TCP: several workers listen on one port, the kernel spreads connections
  mode_t socket_mode = 0600;                ///< Unix: permissions of the socket file
  std::optional<std::string> socket_group;  ///< Unix: group of the socket file; none: the process's
  std::vector<uid_t> allowed_uids;          ///< Unix: peers beside root and the process's own user
  /// Unix: told of each peer that was turned away by its credentials. On the listener's worker; may be empty.
  std::function<void(uid_t)> on_refused;
  /// Told of each accept that failed (io, e.g. out of descriptors). On the listener's worker; may be empty.
  std::function<void(const base::Error&)> on_failed;
};

}  // namespace picket::transport

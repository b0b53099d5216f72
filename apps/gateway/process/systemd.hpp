#pragma once

#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/transport/listening_socket.hpp"

namespace picket::apps::gateway::process {

/// The sockets that systemd has made for this process (sd_listen_fds(3)); empty without it. Errors: one of them is
/// no socket that listens.
[[nodiscard]] base::Result<std::vector<transport::ListeningSocket>> sockets_of_systemd();

/// Tells systemd, where it has started this process and wants to know (sd_notify(3)): "READY=1", "MAINPID=…".
void notify_systemd(std::string_view text);

}  // namespace picket::apps::gateway::process

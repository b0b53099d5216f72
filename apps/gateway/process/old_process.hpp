#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/gateway/process/handover_channel.hpp"
#include "picket/base/result.hpp"
#include "picket/transport/listening_socket.hpp"
#include "picket/transport/tls/tickets.hpp"

namespace picket::apps::gateway::process {

/// What the new process is given.
struct Inheritance {
  std::vector<transport::ListeningSocket> sockets;
  /// Addresses whose socket files are this process's as soon as it serves; not those that systemd made.
  std::vector<std::string> files;
  std::optional<transport::tls::TicketKeys::Handed> tickets;
};

/// The process whose place this one takes, as this one sees it. Thread safety: one controlling thread.
class OldProcess {
 public:
  /// Nothing where this process was started by hand.
  [[nodiscard]] static std::unique_ptr<OldProcess> of_environment();

  /// What it hands over. Errors: it is gone, or does not say everything in time.
  [[nodiscard]] base::Result<Inheritance> inherit();
  /// Lets another process stand between the old one and this one, until this one serves. Once it has gone, this one is
  /// init's child: systemd waits for the end of no main process that is another's (docs/adr/0061). Before there are
  /// threads. Returns: of the process between, once this one has ended, what it ended with; nothing of this one, nor
  /// where no process can be made.
  [[nodiscard]] std::optional<int> stand_behind_another();
  /// This process serves, and needs nobody between.
  void say_serving();
  /// How many connections it has, where it has said so since the last call; 0 once it is gone. Does not wait.
  [[nodiscard]] std::optional<std::size_t> look();
  [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }

 private:
  explicit OldProcess(HandoverChannel channel) : channel_(std::move(channel)) {}
  HandoverChannel channel_;
  bool is_gone_ = false;
};

}  // namespace picket::apps::gateway::process

#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "apps/gateway/process/handover_channel.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/listening_socket.hpp"
#include "picket/transport/tls/tickets.hpp"

namespace picket::apps::gateway::process {

/// The process that is to take this one's place, as this one sees it. Thread safety: one controlling thread.
/// Lifetime: one that does not serve when this ends is ended, and waited for; the sockets outlive it.
class NewProcess {
 public:
  enum class State : unsigned char {
    starting,
    serving,  ///< It accepts clients: this process may drain.
    gone,     ///< It ended, or took too long and was ended.
  };

  /// Starts `program` with these arguments; look() hands it everything. Errors: io, where it cannot be started.
  [[nodiscard]] static base::Result<std::unique_ptr<NewProcess>> start(
      const std::filesystem::path& program, const std::vector<std::string>& arguments,
      const std::vector<const transport::ListeningSocket*>& sockets, const transport::tls::TicketKeys::Handed& tickets);
  NewProcess(const NewProcess&) = delete;
  NewProcess& operator=(const NewProcess&) = delete;
  ~NewProcess();

  /// How it is now; does not wait.
  [[nodiscard]] State look();
  /// As look() saw it last.
  [[nodiscard]] State state() const noexcept { return state_; }
  /// Of the process that was started; once it serves, of the one that does (OldProcess::stand_behind_another()).
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Why it is gone.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// This process has so many connections still.
  void say_connections(std::size_t count);

 private:
  NewProcess(HandoverChannel channel, pid_t pid)
      : channel_(std::move(channel)), pid_(pid), started_(base::Clock::now()) {}
  /// Whether it has ended by itself.
  [[nodiscard]] bool has_ended();
  [[nodiscard]] bool is_closed_for_long();
  /// What has not found room so far. Errors: the channel's.
  [[nodiscard]] base::Status hand_on();
  void end(std::string reason);
  void let_go(pid_t serves);

  HandoverChannel channel_;
  pid_t pid_;
  base::TimePoint started_;
  std::optional<base::TimePoint> closed_at_;    // its end of the channel
  std::deque<HandoverChannel::Record> unsent_;  // their descriptors are this process's own
  State state_ = State::starting;
  std::string reason_;
};

}  // namespace picket::apps::gateway::process

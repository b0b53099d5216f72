#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "picket/base/result.hpp"
#include "picket/transport/listening_socket.hpp"
#include "picket/transport/tls/tickets.hpp"

/// How one process of the gateway takes the place of another under way (docs/adr/0048): the old one starts the new one
/// and hands it, over a socket of records, what it listens on and the keys of session tickets. The new one says when it
/// serves; then the old one drains, and says how many connections it has still.
namespace picket::apps::gateway::process {

/// What the new process is given.
struct Inheritance {
  std::vector<transport::ListeningSocket> sockets;
  /// Addresses whose socket files are this process's as soon as it serves; not those that systemd made.
  std::vector<std::string> files;
  std::optional<transport::tls::TicketKeys::Handed> tickets;
};

/// One end of the socket between both: records of text, each with a descriptor or without. Thread safety: none.
class HandoverChannel {
 public:
  struct Record {
    std::string text;
    int descriptor = -1;  ///< The receiver's to close.
  };

  /// Both ends. Errors: io, out of descriptors.
  [[nodiscard]] static base::Result<std::pair<HandoverChannel, HandoverChannel>> make();
  explicit HandoverChannel(int socket) noexcept : socket_(socket) {}
  HandoverChannel(HandoverChannel&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  HandoverChannel& operator=(HandoverChannel&&) = delete;
  ~HandoverChannel();

  [[nodiscard]] int socket() const noexcept { return socket_; }
  /// False: there is no room now; does not wait. Errors: connection_closed, where the other process is gone; io.
  [[nodiscard]] base::Result<bool> send(std::string_view text, int descriptor = -1) const;
  /// Waits for as long; nothing where nothing has come. Errors: as send().
  [[nodiscard]] base::Result<std::optional<Record>> receive(std::chrono::milliseconds patience) const;

 private:
  int socket_;
};

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
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Why it is gone.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// This process has so many connections still.
  void say_connections(std::size_t count);

 private:
  NewProcess(HandoverChannel channel, pid_t pid)
      : channel_(std::move(channel)), pid_(pid), started_(std::chrono::steady_clock::now()) {}
  /// Whether it has ended by itself.
  [[nodiscard]] bool has_ended();
  [[nodiscard]] bool is_closed_for_long();
  /// What has not found room so far. Errors: the channel's.
  [[nodiscard]] base::Status hand_on();
  void end(std::string reason);

  HandoverChannel channel_;
  pid_t pid_;
  std::chrono::steady_clock::time_point started_;
  std::optional<std::chrono::steady_clock::time_point> closed_at_;  // its end of the channel
  std::deque<HandoverChannel::Record> unsent_;                      // their descriptors are this process's own
  State state_ = State::starting;
  std::string reason_;
};

/// The process whose place this one takes, as this one sees it. Thread safety: one controlling thread.
class OldProcess {
 public:
  /// Nothing where this process was started by hand.
  [[nodiscard]] static std::unique_ptr<OldProcess> of_environment();

  /// What it hands over. Errors: it is gone, or does not say everything in time.
  [[nodiscard]] base::Result<Inheritance> inherit();
  /// This process serves.
  void say_serving();
  /// How many connections it has, where it has said so since the last call; 0 once it is gone. Does not wait.
  [[nodiscard]] std::optional<std::size_t> look();
  [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }

 private:
  explicit OldProcess(HandoverChannel channel) : channel_(std::move(channel)) {}
  HandoverChannel channel_;
  bool is_gone_ = false;
};

/// The sockets that systemd has made for this process (sd_listen_fds(3)); empty without it. Errors: one of them is
/// no socket that listens.
[[nodiscard]] base::Result<std::vector<transport::ListeningSocket>> sockets_of_systemd();

/// Tells systemd, where it has started this process and wants to know (sd_notify(3)): "READY=1", "MAINPID=…".
void notify_systemd(std::string_view text);

}  // namespace picket::apps::gateway::process

#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "picket/transport/listening_socket.hpp"

namespace picket::apps::gateway::process {

/// All sockets that this process listens on, by their address: of clients, of agents that dial, of scrapers. Whoever
/// accepts from one has a duplicate of it, so that it can be handed to another process, and one that another process
/// left, or systemd made, is accepted from by whatever number of workers there are.
///
/// Sockets change with the configuration, in two steps: those that it wants are prepared, then commit() closes the
/// others, or discard() those that are new. Thread safety: one controlling thread.
class ListeningSockets {
 public:
  /// One that another process made. It is closed by the first commit() that does not want it.
  void inherit(transport::ListeningSocket socket);

  /// Wants an address, with `count` sockets where there is none yet; over 1 they share its port. Errors: the address
  /// cannot be had.
  [[nodiscard]] base::Status prepare(const transport::Endpoint& endpoint, std::size_t count,
                                     transport::ListenOptions options);
  /// Duplicates of the sockets of a prepared address that are worker `index`'s of so many: each socket is some
  /// worker's, and each worker has one at least. Errors: out of descriptors.
  [[nodiscard]] base::Result<std::vector<transport::ListeningSocket>> of_worker(const transport::Endpoint& endpoint,
                                                                                std::size_t index,
                                                                                std::size_t workers) const;
  /// What was prepared is in use. Returns the addresses of inherited sockets that nobody wanted.
  std::vector<std::string> commit();
  void discard();

  /// The files of these addresses are this process's from now on: nobody else serves them any more.
  void own_files(const std::vector<std::string>& addresses);
  /// Closes all: what still comes is refused.
  void close();
  /// Closes all of them here; their files stay, for the process that has them now.
  void leave();
  [[nodiscard]] std::vector<const transport::ListeningSocket*> all() const;

 private:
  /// The sockets of one address.
  struct Bound {
    std::vector<transport::ListeningSocket> sockets;
    enum class Origin : unsigned char { ours, inherited, prepared } origin = Origin::ours;
    bool is_wanted = false;
  };
  std::map<std::string, Bound> bound_;  // by address
};

}  // namespace picket::apps::gateway::process

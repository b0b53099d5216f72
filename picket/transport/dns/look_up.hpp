#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/transport/dns/knowledge.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport::dns {

/// Whom to ask, and how often. A value.
struct Options {
  std::vector<std::string> servers;  ///< "IP:PORT", in their order; none: those of /etc/resolv.conf.
  std::string hosts_file = "/etc/hosts";
  base::Duration longest_ttl = most_ttl;  ///< How long an answer is good at most; from least_ttl to most_ttl.

  /// What is wrong with the first server that is none; nothing where each is one. In words for whoever wrote it.
  [[nodiscard]] std::optional<std::string> problem() const;
  friend bool operator==(const Options&, const Options&) = default;
};

/// One look-up of a name: in the hosts file, else by the name servers, over UDP and for long answers TCP. It has
/// sockets of its own, and with them ports and ids that nobody can guess from those of another.
///
/// Thread safety: the worker's thread. Lifetime: destroyed before it is done it ends, and calls nobody. Errors: are
/// part of what is found. The hosts file is read anew each time. Complexity: of a host two questions, of a service one,
/// and two for each of its targets.
///
///   look_up.emplace(worker, options, *endpoint, [&](dns::Findings found) { learn(std::move(found)); });
///
/// Units: once addresses of one family are there, those of the other have half a second. What the hosts file says is
/// good for 30 s.
class LookUp {
 public:
  using Done = std::move_only_function<void(Findings)>;

  /// `name`: an endpoint whose is_name() is true. `done` is called once, from the loop, and may destroy the look-up.
  LookUp(Worker& worker, const Options& options, const Endpoint& name, Done done);
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;
  ~LookUp();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace picket::transport::dns

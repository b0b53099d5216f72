#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "picket/base/result.hpp"
#include "picket/transport/dns/answer.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport::dns {

/// Asks name servers, by c-ares, on the worker's own loop: no thread, nothing that blocks. Answers to other questions,
/// of other ids and from other addresses are not heard; one that is cut is asked for again over TCP.
///
/// Thread safety: the worker's thread. Lifetime: the worker outlives it; destroyed, it calls nobody any more.
/// Complexity: one question on the wire at a time for each ask(), with c-ares' own time-outs and retries; it has its
/// sockets to itself.
class Channel {
 public:
  using Done = std::move_only_function<void(base::Result<Answer>)>;

  /// `servers`: "IP:PORT", in their order; none: those of /etc/resolv.conf, as it is now. Its search domains count in
  /// either case.
  Channel(Worker& worker, std::span<const std::string> servers);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  /// `done` may be called from within; it may ask more, and must not destroy the channel. Errors: connection_failed
  /// with the reason in words. A name that has no records of that type has an empty answer.
  void ask(const std::string& name, Type type, Done done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace picket::transport::dns

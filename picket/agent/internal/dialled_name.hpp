#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "picket/agent/internal/kept_connection.hpp"
#include "picket/transport/destination.hpp"
#include "picket/transport/dns/watch.hpp"
#include "picket/transport/worker.hpp"

namespace picket::agent::internal {

/// A name that an agent dials: each of its addresses is a proxy, for as long as the name has it. An address that leaves
/// is not dialled again; connections to it last as long as they do, since a proxy that is leaving drains them itself.
///
/// Thread safety: the worker's, under enter(). Lifetime: worker and owner outlive it.
class DialledName final : private transport::dns::Watch::Owner {
 public:
  /// What becomes of a proxy.
  class Owner {
   public:
    virtual void on_proxy(const std::shared_ptr<DialledHost>& host, const transport::Endpoint& address) = 0;
    virtual void on_proxy_left(const transport::Endpoint& address) = 0;

   protected:
    ~Owner() = default;
  };

  /// `host`: whose endpoint is a name. `log`: may be empty.
  DialledName(transport::Worker& worker, std::shared_ptr<DialledHost> host, const DialOptions& options, Owner& owner,
              std::function<void(std::string_view)> log);

 private:
  void on_places(std::span<const transport::dns::Place> places) override;
  void on_failure() override {}
  void on_trouble(const base::Error& why) override;
  void on_well_again() override;
  void say(std::string_view line) const;

  const std::shared_ptr<DialledHost> host_;
  const transport::Endpoint name_;
  Owner& owner_;
  std::function<void(std::string_view)> log_;
  std::vector<transport::Endpoint> addresses_;
  transport::dns::Watch watch_;  // the first to go
};

}  // namespace picket::agent::internal

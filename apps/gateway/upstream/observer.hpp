#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "picket/base/error.hpp"
#include "picket/transport/dns/knowledge.hpp"

namespace picket::apps::gateway::upstream {

/// Told of what an operator wants to know of an upstream's targets: their names, and how they fare. Thread safety:
/// called on the worker's thread; must not call back into the pool. Lifetime: outlives the pool; what it is told of
/// lives as long as the call.
class Observer {
 public:
  /// `target`: "NAME:PORT", as configured. It has these addresses now.
  virtual void on_places(std::string_view target, std::span<const transport::dns::Place> places) = 0;
  /// It cannot be looked up, or only in part; `known`: addresses that are used on meanwhile.
  virtual void on_look_up_trouble(std::string_view target, const base::Error& why, std::size_t known) = 0;
  virtual void on_looked_up_again(std::string_view target) = 0;
  /// Checks find an address down, or up again. `why`: of the last check that failed; nothing where it is up.
  virtual void on_down(std::string_view address, const base::Error& why) = 0;
  virtual void on_up_again(std::string_view address) = 0;
  /// The first checks of an address have all failed: one may be set up so that none can pass.
  virtual void on_check_never_passes(std::string_view address, const base::Error& why) = 0;
  /// Requests to it get no answer: it is passed over for a time.
  virtual void on_rest(std::string_view address) = 0;

 protected:
  ~Observer() = default;
};

}  // namespace picket::apps::gateway::upstream

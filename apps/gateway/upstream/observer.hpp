#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "picket/base/error.hpp"
#include "picket/transport/dns/knowledge.hpp"

namespace picket::apps::gateway::upstream {

/// Told of what an operator wants to know of an upstream's targets that are names. Thread safety: called on the
/// worker's thread; must not call back into the pool. Lifetime: outlives the pool; what it is told of lives as long as
/// the call.
class Observer {
 public:
  /// `target`: "NAME:PORT", as configured. It has these addresses now.
  virtual void on_places(std::string_view target, std::span<const transport::dns::Place> places) = 0;
  /// It cannot be looked up, or only in part; `known`: addresses that are used on meanwhile.
  virtual void on_look_up_trouble(std::string_view target, const base::Error& why, std::size_t known) = 0;
  virtual void on_looked_up_again(std::string_view target) = 0;

 protected:
  ~Observer() = default;
};

}  // namespace picket::apps::gateway::upstream

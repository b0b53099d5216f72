#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <spdlog/fwd.h>

#include "picket/pool/observer.hpp"

namespace picket::apps::gateway::logs {

/// Tells the log what becomes of names that one shard looks up: a line per change. `whose`: as the line begins, "agent
/// 'waf'". Thread safety: the shard's thread. Lifetime: the log outlives it.
class NameLog {
 public:
  NameLog(std::size_t shard, spdlog::logger& log) : shard_(shard), log_(log) {}

  void on_places(std::string_view whose, std::span<const transport::dns::Place> places) const;
  /// `known`: addresses that are used on meanwhile. Each trouble is said once, until a look-up goes well.
  void on_trouble(std::string_view whose, const base::Error& why, std::size_t known);
  void on_well_again(std::string_view whose);

 private:
  std::size_t shard_;
  spdlog::logger& log_;
  std::map<std::string, std::set<std::string>, std::less<>> said_;
};

}  // namespace picket::apps::gateway::logs

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"

namespace picket::pool::reverse {

/// Where a connection of an agent that registered has its place.
struct Seat {
  std::string agent;  ///< The pool's agent that it feeds.
  std::string id;     ///< Under which it registered.
  std::size_t worker = 0;
};

/// How many connections there may be.
struct MostConnections {
  std::uint32_t of_an_id = 4;
  std::uint32_t of_all = 1024;
};

/// Who has registered, and which worker serves whom. Pure.
///
/// Thread safety: none; one owner. Complexity: of join(), the number of workers. Memory: by the ids that have a
/// connection; nothing is remembered of those that have left. Errors: of join(), in words that an agent may hear.
class Members {
 public:
  explicit Members(std::size_t workers) : workers_(workers) {}

  /// A place at the worker that has the fewest connections for that agent, of those the one that has the fewest of that
  /// id. Errors, for the agent to hear: unavailable where the id or all together have as many connections as they may,
  /// or live connections that came with another token hold the id.
  [[nodiscard]] base::Result<Seat> join(std::string_view agent, std::string_view id,
                                        std::optional<std::string_view> token, MostConnections most);
  /// The connection that had the place is gone. Once for each seat.
  void leave(const Seat& seat);
  /// Connections that have a place.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  using Counts = std::vector<std::uint32_t>;  // by worker
  struct Member {
    std::optional<std::string> token;  // of whoever came first
    std::uint32_t connections = 0;
    Counts by_worker;
  };

  std::size_t workers_;
  std::size_t size_ = 0;
  std::map<std::string, Member, std::less<>> by_id_;
  std::map<std::string, Counts, std::less<>> by_agent_;
};

}  // namespace picket::pool::reverse

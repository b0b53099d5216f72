#pragma once

#include <cstddef>
#include <limits>
#include <memory>

#include <boost/intrusive/list.hpp>

#include "picket/base/time.hpp"

namespace picket::apps::gateway::upstream {

/// Who keeps idle connections that can be closed for another's sake. Leaves its budget when it is destroyed.
class IdleOwner : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using IdleSince = base::TimePoint (*)(const void* self);
  using CloseOldest = void (*)(void* self);

  /// `idle_since`: of its oldest idle connection; TimePoint::max() where it has none.
  IdleOwner(IdleSince idle_since, CloseOldest close_oldest, void* self) noexcept
      : idle_since_(idle_since), close_oldest_(close_oldest), self_(self) {}

  [[nodiscard]] base::TimePoint idle_since() const { return idle_since_(self_); }
  void close_oldest() { close_oldest_(self_); }

 private:
  IdleSince idle_since_;
  CloseOldest close_oldest_;
  void* self_;
};

/// The sockets of one worker to upstreams, over all upstreams and all configurations that are in use: idle connections
/// are worth having only as long as nobody needs their descriptors.
/// Thread safety: its worker's thread. Lifetime: outlives its places and its owners.
class SocketBudget {
  struct Leave {
    void operator()(SocketBudget* budget) const noexcept { --budget->open_; }
  };

 public:
  /// One socket, for as long as it is counted.
  using Place = std::unique_ptr<SocketBudget, Leave>;

  /// How many there may be, idle ones included. More are open where all of them are at work.
  void set_limit(std::size_t limit) noexcept { limit_ = limit; }
  void join(IdleOwner& owner) { owners_.push_back(owner); }

  /// A place for a socket that is about to be opened: idle ones go for it, the longest idle first.
  [[nodiscard]] Place take() noexcept;
  /// Closes the connection that has been idle for longest, whosever it is. Returns whether there was one. Complexity:
  /// the number of owners.
  bool close_oldest() noexcept;
  [[nodiscard]] std::size_t open() const noexcept { return open_; }

 private:
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t open_ = 0;
  boost::intrusive::list<IdleOwner, boost::intrusive::constant_time_size<false>> owners_;
};

}  // namespace picket::apps::gateway::upstream

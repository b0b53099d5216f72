#pragma once

#include <memory>

#include "picket/wire/messages.hpp"

namespace picket::bench {

/// A pool and the agent that it asks, on one thread and one event loop, over a real Unix socket: what an event costs
/// both ends together, in a way that repeats, since nobody waits for another thread. The agent allows everything.
///
/// Thread safety: none; one per thread. Throws std::runtime_error where the two do not get on.
class BothEnds {
 public:
  explicit BothEnds(wire::Encoding encoding);
  BothEnds(const BothEnds&) = delete;
  BothEnds& operator=(const BothEnds&) = delete;
  ~BothEnds();

  /// One exchange from its id to the farewell that is queued at its end: request_headers like these are asked, and
  /// answered.
  void exchange(const wire::RequestHeaders& like);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace picket::bench

#pragma once

#include "picket/base/time.hpp"
#include "picket/wire/frame.hpp"

namespace picket::session {

/// Hears each frame of a connection whole, as one end has it: what was written, what was read. For people who look at a
/// conversation; what it costs is paid by connections that have one.
///
/// Thread safety: called on the connection's thread; must not call back. Lifetime: it outlives the connection; a frame
/// is valid during the call, its payload is followed by limits::tail_padding readable bytes.
class Tap {
 public:
  /// Called when the frame is complete in the output: it may not have reached the socket yet.
  virtual void on_sent(const wire::FrameView& frame, base::TimePoint now) = 0;
  virtual void on_received(const wire::FrameView& frame, base::TimePoint now) = 0;

 protected:
  ~Tap() = default;
};

}  // namespace picket::session

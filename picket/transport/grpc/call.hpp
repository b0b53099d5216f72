#pragma once

#include <string_view>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"

namespace picket::transport::grpc {

/// One call of a client, at the agent's end. Thread safety: its connection's. Lifetime: until its stream is closed.
class Call {
 public:
  virtual ~Call() = default;
  /// A piece of the client's messages, cut anywhere. Whoever takes it gives the stream's window back.
  virtual void on_data(std::string_view bytes) = 0;
  /// The client says nothing more.
  virtual void on_end() = 0;
  /// The stream is over; nothing can be said any more. Last of all that is called.
  virtual void on_broken(const base::Error& reason) = 0;
  /// What is said to whoever asks whether the agent serves has changed.
  virtual void on_serving_changed() {}
  /// The agent leaves, within that time: what need not last ends. Units: no `eta` at all is zero.
  virtual void on_draining(base::Duration) {}
};

}  // namespace picket::transport::grpc

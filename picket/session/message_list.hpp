#pragma once

namespace picket::session {

/// The messages that one end of a connection understands: for each there is a take(). Only a type: it is never made. A
/// Conversation compares a frame's type with each in turn, so those that come most stand first.
template <class... Messages>
struct MessageList {};

}  // namespace picket::session

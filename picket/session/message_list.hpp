#pragma once

namespace picket::session {

/// The messages that one end of a connection understands: for each there is a take().
template <class... Messages>
struct MessageList {};

}  // namespace picket::session

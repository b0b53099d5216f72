#pragma once

namespace picket::http2 {

class Connection;

/// Has a server's end say that a client may ask to speak another protocol on a stream (RFC 8441 §3), in a SETTINGS
/// frame behind the first: before anything is gathered, so that both leave together. What is asked comes as a head
/// whose
/// `:protocol` names it.
void offer_extended_connect(Connection& connection);

}  // namespace picket::http2

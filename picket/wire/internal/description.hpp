#pragma once

#include "picket/wire/internal/describe_agent_response.hpp"
#include "picket/wire/internal/describe_control.hpp"
#include "picket/wire/internal/describe_events.hpp"
#include "picket/wire/internal/describe_handshake.hpp"

/// Every message's fields, listed once, in the order of protocol.md §3-§6 and §8. JSON, MessagePack and protobuf,
/// reading and writing, and copies all follow from these lists: two codecs that could disagree would.
namespace picket::wire {}

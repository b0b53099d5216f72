#pragma once

#include <cstdint>
#include <string_view>

#include "picket/base/result.hpp"
#include "picket/wire/frame.hpp"

/// Envelopes: what type and length are on a socket is on gRPC a message with one of several fields (protocol.md, gRPC).
/// encode() writes them; decode() reads what is in them. Pure functions: any thread, nothing is kept.
namespace picket::wire {

/// A stream of the service: which one an encoder writes for. ProcessEvent's messages are those of the first.
enum class Stream : std::uint8_t {
  process,  ///< ProcessStream: ProxyToAgent, AgentToProxy
  control,  ///< ControlStream: ProxyControl, AgentControl
};

/// The messages that carry the others: two a stream, one for each direction.
enum class Envelope : std::uint8_t { proxy_to_agent, agent_to_proxy, agent_control, proxy_control };

/// The message's name in the protocol, e.g. "ProxyToAgent".
[[nodiscard]] std::string_view name(Envelope envelope) noexcept;

/// The field's number of a message of that type in one of the stream's envelopes; 0 where the stream has no such
/// message. Complexity: O(1), a table.
[[nodiscard]] std::uint32_t number_in(Stream stream, FrameType type) noexcept;

/// What stands in an envelope. As in any union the last member counts; one that comes twice, which would make one
/// message of both, is refused. Lifetime: the payload is a view of `bytes`. Errors: invalid_message, where the bytes
/// are none, or no member is one that is known here. Complexity: O(1) for what encoders write, one member and nothing
/// else; else linear in `bytes`.
[[nodiscard]] base::Result<FrameView> open_envelope(Envelope envelope, std::string_view bytes);

}  // namespace picket::wire

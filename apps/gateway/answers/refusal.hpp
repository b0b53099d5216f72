#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "picket/inspection/answer.hpp"
#include "picket/inspection/failure.hpp"

namespace picket::apps::gateway::answers {

/// Why the gateway ends an exchange by itself, as the client sees it in `x-picket-reason`. No agent names, no
/// addresses.
enum class Reason : std::uint8_t {
  none,
  agent_timeout,
  agent_unavailable,
  agent_protocol_error,
  body_too_large,
  body_undecodable,  ///< It is not what its Content-Encoding says.
  bad_request,
  misdirected_request,  ///< For a host whose certificate the client was not shown.
  upstream_error,
  upstream_certificate,  ///< It has one that is not accepted.
  overloaded,
  guardrail,         ///< An agent found in a text what its route does not let pass.
  client_gone,       ///< In logs alone, as what follows: nobody is left to answer.
  proxy_shutdown,    ///< What was under way when a drain's time was over.
  websocket_breach,  ///< An end of a WebSocket broke RFC 6455, or sent too large a message.
};
inline constexpr std::size_t reason_count = 15;
static_assert(static_cast<std::size_t>(Reason::websocket_breach) + 1 == reason_count);
/// Those that an answer may have.
inline constexpr auto answer_reason_count = static_cast<std::size_t>(Reason::client_gone);
[[nodiscard]] std::string_view name(Reason reason) noexcept;
/// As a client is told of it.
[[nodiscard]] Reason reason_of(inspection::Failure failure) noexcept;

/// The client's answer where the gateway itself says no.
[[nodiscard]] inspection::Answer refusal(Reason reason, std::uint16_t status, base::Arena& arena);

}  // namespace picket::apps::gateway::answers

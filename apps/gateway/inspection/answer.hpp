#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "apps/gateway/inspection/chunks.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/http/fields.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::inspection {

/// Why the gateway answers by itself, as the client sees it in `x-picket-reason`. No agent names, no addresses.
enum class Reason : std::uint8_t {
  none,
  agent_timeout,
  agent_unavailable,
  agent_protocol_error,
  body_too_large,
  bad_request,
  upstream_error,
  overloaded,
};
inline constexpr std::size_t reason_count = 8;
[[nodiscard]] std::string_view name(Reason reason) noexcept;

/// A whole answer that does not come from the upstream. Views live as long as the arena it was made in.
struct Answer {
  std::uint16_t status = 503;
  http::FieldList fields;
  std::string_view body;
  Reason reason = Reason::none;
};

/// What an agent was asked, as far as its answer must fit to it.
struct Question {
  wire::EventKind kind = wire::EventKind::request_headers;
  const RewrittenBody* body = nullptr;  ///< Of a body chunk: what has become of the body; null where it has passed.
  std::uint32_t chunk = 0;              ///< Of a body chunk: which.
  bool is_last = false;                 ///< Of a body chunk.
  std::uint64_t max_body_size = 0;      ///< Bytes that a mutation may make of the body.
};

/// Whether a response can be applied, all of it: an agent of which a part would be dropped or taken for something else
/// has failed (protocol.md §5). How many fields it makes, their names and values, header operations that touch framing
/// or hop-by-hop fields or come when the request is gone, statuses, redirect URLs with control characters, the
/// protocol's version; and where it allows, mutations of chunks that are not held, needs_more where nothing follows,
/// decisions about frames.
[[nodiscard]] base::Status check(const wire::AgentResponse& response, const Question& question);

/// The client's answer to a decision that is not allow: a block's status, body and headers; Location; or the challenge;
/// with the operations on response headers that stand beside it. Nothing for allow.
[[nodiscard]] std::optional<Answer> answer_for(const wire::AgentResponse& response, base::Arena& arena);

/// The client's answer when the gateway itself has to say no.
[[nodiscard]] Answer answer_for(Reason reason, std::uint16_t status, base::Arena& arena);

/// How a failed agent shows: its reason, and the status a fail-closed agent's client gets.
struct Failure {
  Reason reason;
  std::uint16_t status;
};
[[nodiscard]] Failure failure_of(base::ErrorKind kind) noexcept;

}  // namespace picket::apps::gateway::inspection

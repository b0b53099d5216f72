#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/body/agent_stage.hpp"
#include "picket/http/fields.hpp"
#include "picket/wire/messages.hpp"

namespace picket::inspection {

/// A whole answer to the client.
///
/// Thread safety: a value. Lifetime: views live as long as the arena it was made in, and the response it was made of.
struct Answer {
  std::uint16_t status = 503;
  http::FieldList fields;
  std::string_view body;
};

/// What an agent was asked, as far as its answer must fit to it. Thread safety: a value. Lifetime: `body` outlives it.
struct Question {
  wire::EventKind kind = wire::EventKind::request_headers;
  const body::AgentStage* body = nullptr;  ///< Of a body chunk: what holds the body; null where it goes past.
  std::uint32_t chunk = 0;                 ///< Of a body chunk: which.
  bool is_last = false;                    ///< Of a body chunk, or of an answer's head: nothing of the body follows.
  bool has_left = false;                   ///< Of a body or a frame: the head is on its way, and cannot change. Of a
                                           ///< head that is shown again: so is the answer.
  bool is_of_answer = false;               ///< Of a text: the answer's.
  std::uint64_t max_body_size = 0;         ///< Bytes that a mutation may make of the body.
};

/// Whether a response can be applied, all of it: an agent of which a part would be dropped or taken for something else
/// has failed (protocol.md §5). How many fields it makes, their names and values, header operations that touch framing
/// or hop-by-hop fields or come when the request is gone, statuses, redirect URLs with control characters, the
/// protocol's version; and where it allows, mutations of chunks that are not held, needs_more where nothing follows or
/// about a text or a frame, decisions about frames in answers to something else, and codes and reasons that no close
/// frame may have.
///
/// Thread safety: any thread. Errors: says in words what cannot be applied; nothing of the response was applied then.
[[nodiscard]] base::Status check(const wire::AgentResponse& response, const Question& question);

/// Whether it lets a frame pass that it is about: it says so, or nothing of frames. Thread safety: any thread.
[[nodiscard]] bool passes_frame(const wire::AgentResponse& response) noexcept;

/// The client's answer to a decision that is not allow: a block's status, body and headers; Location; or the challenge;
/// with the operations on response headers that stand beside it. Nothing for allow.
[[nodiscard]] std::optional<Answer> answer_for(const wire::AgentResponse& response, base::Arena& arena);

}  // namespace picket::inspection

#pragma once

#include <cstdint>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/messages.hpp"

namespace picket::session::dialects {

/// A decision of the dialect site: which exchange it is about, and the response that it stands for, without an id.
struct SiteDecision {
  std::uint64_t number = 0;
  wire::AgentResponse response;
};

/// Reads one. Go writes a decision as the protocol does, and {"needs_more": true} beside it; Kotlin puts a `type` into
/// it, and into header operations, where Go puts an `operation`. Lifetime: what it refers to lives in `arena`. Errors:
/// invalid_message, where it is none of these: it must not be taken for anything else.
[[nodiscard]] base::Result<SiteDecision> read_site_decision(std::string_view payload, base::Arena& arena);

}  // namespace picket::session::dialects

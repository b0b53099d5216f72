#pragma once

#include <string>
#include <string_view>

#include "apps/guard/finding.hpp"
#include "picket/agent/decision.hpp"

namespace picket::apps::guard {

/// A text in which a word such as "[redacted: email]" stands in the place of each finding. Complexity: linear.
[[nodiscard]] std::string redacted(std::string_view text, const Findings& findings);

/// `guardrail_response` of protocol.md §5, as JSON: what was found, where, and how sure that is. Values themselves are
/// never in it, but for `redacted_content`, which is the text without them and there where `with_redacted` asks.
/// Complexity: linear.
[[nodiscard]] std::string guardrail_response(std::string_view text, const Findings& findings, bool with_redacted);

/// The answer to a GuardrailInspect: an allow, since the route says what becomes of what was found; with the categories
/// for the audit log.
[[nodiscard]] agent::Decision answer_to(std::string_view text, const Findings& findings, bool with_redacted);

}  // namespace picket::apps::guard

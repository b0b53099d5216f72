#pragma once

#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/guardrail/text_run.hpp"
#include "picket/wire/messages.hpp"

namespace picket::inspection {

/// What an agent has found in a text without deciding about it (protocol.md §5, guardrail answers).
struct Finding {
  bool is_detected = false;
  /// All of what was found, in order; empty where an answer does not say where it is. Borders of code points, within
  /// the text.
  std::vector<guardrail::Redaction> redactions;
};

/// Reads `guardrail_response` of an answer about `content`: spans, or else the redacted text as what differs from the
/// one that was asked about. Nothing is found where the answer has no such word.
///
/// Thread safety: pure. Errors: says in words what is wrong with it; spans beyond the text or within a code point are.
[[nodiscard]] base::Result<Finding> read_finding(const wire::AgentResponse& response, std::string_view content);

}  // namespace picket::inspection

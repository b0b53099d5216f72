#pragma once

#include <optional>
#include <string_view>

#include "picket/inspection/answer.hpp"
#include "picket/inspection/failure.hpp"

namespace picket::inspection {

/// What a phase came to: the exchange goes on, or ends with an answer or a failure.
///
/// Thread safety: a value. Lifetime: the answer's views are those of the exchange's arena, `agent` is a view of the
/// agent's own id: not to be kept beyond the exchange.
struct Verdict {
  std::optional<Answer> answer;         ///< The client's, where an agent decided.
  Failure failure = Failure::none;      ///< Of an agent that fails closed, or of a body that is too large.
  std::string_view decision = "allow";  ///< For a log.
  std::string_view agent;               ///< Who decided or failed; empty where no agent did.
  std::string_view cause = {};          ///< Of a failure, where there is more to say of it: words for a log.

  /// Else the client gets `answer`, or the status of `failure`.
  [[nodiscard]] bool goes_on() const noexcept { return !answer && failure == Failure::none; }
};

}  // namespace picket::inspection

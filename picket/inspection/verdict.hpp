#pragma once

#include <optional>
#include <string_view>

#include "picket/inspection/answer.hpp"
#include "picket/inspection/failure.hpp"

namespace picket::inspection {

/// What a phase came to: the exchange goes on, or ends with an answer or a failure.
struct Verdict {
  std::optional<Answer> answer;         ///< The client's, where an agent decided.
  Failure failure = Failure::none;      ///< Of an agent that fails closed, or of a body that is too large.
  std::string_view decision = "allow";  ///< For a log.
  std::string_view agent;               ///< Who decided or failed; empty where no agent did.

  [[nodiscard]] bool goes_on() const noexcept { return !answer && failure == Failure::none; }
};

}  // namespace picket::inspection

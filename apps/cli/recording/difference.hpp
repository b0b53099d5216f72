#pragma once

#include <string>
#include <vector>

#include "picket/wire/messages.hpp"

namespace picket::apps::cli {

/// One field that is not as it was. A value that is missing is "nothing".
struct Difference {
  std::string field;  ///< e.g. decision.block.status
  std::string recorded;
  std::string now;
  friend bool operator==(const Difference&, const Difference&) = default;
};

/// The fields in which two answers differ, in their order. What names the event is left out, since every conversation
/// has ids of its own; and what is masked in the recording is equal to anything. Pure.
[[nodiscard]] std::vector<Difference> differences(const wire::AgentResponse& recorded, const wire::AgentResponse& now);

}  // namespace picket::apps::cli

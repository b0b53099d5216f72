#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace picket::apps::waf {

/// A rule that matched and was not told to keep quiet (`nolog`).
struct RuleMatch {
  std::string id;  ///< e.g. "942100"
  std::string message;
  std::vector<std::string> tags;
  friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};

/// What the rules say after one event. A value that owns its strings.
struct Verdict {
  enum class Action : std::uint8_t { allow, block, redirect };

  Action action = Action::allow;
  std::uint16_t status = 0;        ///< For block and redirect, 200 to 599.
  std::string url;                 ///< For redirect.
  std::vector<RuleMatch> matches;  ///< Of this event, in the order they matched; a rule that matched twice stands once.
  std::vector<std::string>
      notes;  ///< What was not inspected whole and why: see the note_* constants of transaction.hpp.

  [[nodiscard]] bool allows() const noexcept { return action == Action::allow; }
};

}  // namespace picket::apps::waf

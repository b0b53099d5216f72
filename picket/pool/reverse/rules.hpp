#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"

namespace picket::pool::reverse {

/// Whether a pattern names an id: "edge-1" names itself, "edge-*" every id that begins so. Pure.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view id) noexcept;
/// What is wrong with a pattern; nothing where it is one.
[[nodiscard]] std::optional<std::string> pattern_problem(std::string_view pattern);

/// What an agent has to know that registers under an id.
struct Secret {
  std::string ids;  ///< A pattern.
  std::string token;

  friend bool operator==(const Secret&, const Secret&) = default;
};

/// An agent of the pool and the ids that feed it. A value.
struct Claim {
  std::string agent;
  std::vector<std::string> ids;  ///< Patterns.

  friend bool operator==(const Claim&, const Claim&) = default;
};

/// Connections of all agents that dialled: where a pattern claims ids without end, they do not take all descriptors.
inline constexpr std::uint32_t most_connections = 1024;

/// Who may register. A value.
///
/// An id that a secret names needs one of those secrets that name it, whatever else is said. Thread safety: none
/// needed; a value. Complexity: of judge(), the number of patterns; the time that it takes says nothing of how much of
/// a token was right.
struct Rules {
  std::vector<Claim> claims;
  std::vector<std::string> allowed;  ///< Patterns; empty: every id that is claimed.
  std::vector<Secret> secrets;
  bool require_auth = false;                         ///< Ids that no secret names are refused.
  std::uint32_t max_connections_per_agent = 4;       ///< By the id; 1 to 65,536.
  std::uint32_t max_connections = most_connections;  ///< Of all ids together.

  /// What cannot be meant so, in a sentence; nothing where all of it can.
  [[nodiscard]] std::optional<std::string> problem() const;
  /// Whom an id feeds: of several claims that name it the one with the most of it, an exact one above all. Errors, for
  /// the agent to hear: unavailable with why it may not register.
  [[nodiscard]] base::Result<const Claim*> judge(std::string_view id, std::optional<std::string_view> token) const;
};

/// Whether two tokens are one, in a time that depends on the length of `given` alone.
[[nodiscard]] bool same_token(std::string_view known, std::string_view given) noexcept;

}  // namespace picket::pool::reverse

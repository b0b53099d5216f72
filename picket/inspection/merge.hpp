#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "picket/inspection/chain.hpp"

namespace picket::inspection {

/// Where one agent of a route stands with one event. Thread safety: a value.
struct Opinion {
  enum class State : std::uint8_t {
    pending,
    allows,
    decides,  ///< Block, redirect or challenge.
    failed,
  };
  State state = State::pending;
  FailureMode failure_mode = FailureMode::closed;
};

/// What all opinions together mean. Thread safety: a value. `index` is of the opinions, and counts with `decision` and
/// `failure` only.
struct Merged {
  enum class Kind : std::uint8_t {
    undecided,  ///< Something that could change the result is pending.
    allow,
    decision,  ///< Of the agent `index`.
    failure,   ///< Of the fail-closed agent `index`.
  };
  Kind kind = Kind::undecided;
  std::size_t index = 0;
};

/// The first decision that is not allow, else the first failure of a fail-closed agent, else allow; as soon as nothing
/// earlier in the order is pending. A decision outweighs a failure before it, so a failure waits for the rest.
///
/// `opinions`: in the chain's order, which decides, and not the order in which answers come: the same answers always
/// mean the same.
/// Thread safety: pure. Complexity: one pass over the agents of a route, up to the first that is pending or decides.
///
/// With opinions {fails closed, pending, blocks} it is undecided: the second may still block in the third's place. With
/// {fails closed, allows, blocks} it is the third's decision, and with {blocks, pending, pending} the first's at once.
[[nodiscard]] Merged merge(std::span<const Opinion> opinions) noexcept;

}  // namespace picket::inspection

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "picket/pool/config.hpp"

namespace picket::pool {

/// How a service's record says that its address is to be chosen (RFC 2782). Thread safety: a value.
struct Standing {
  std::uint16_t priority = 0;  ///< The least goes first.
  std::uint16_t weight = 0;    ///< The share among those of one priority.
};

/// What selection must know of one connection, taken at one moment: selection itself looks at no connection, and is
/// tested without one.
///
/// Thread safety: a value. Lifetime: refers to nothing.
struct Candidate {
  bool takes_new = false;       ///< Open, neither draining nor suspect, and its agent not unhealthy.
  bool paused = false;          ///< Its agent asked for nothing more for now.
  std::uint32_t in_flight = 0;  ///< Units: events.
  bool suspect = false;         ///< An event timed out, and the ping since is not answered: why it takes nothing new.
  bool full = false;            ///< More waits to be written to it than it is given.
  std::uint8_t rank = 0;        ///< Of its health, the least is the best. By health_based only.
  double latency = 0;           ///< Mean, in any unit. By health_based only.
  Standing standing = {};       ///< By select_by_standing() only.
};

/// Why there is no connection for an exchange: what its call waits for, and which error it ends with. Where several
/// hold the first of full, paused and suspect counts.
enum class SelectionFailure : std::uint8_t {
  none_ready,   ///< No connection can take anything.
  all_suspect,  ///< Those that could have still to answer a ping since an event timed out.
  all_paused,   ///< Those that could asked for a pause.
  all_full,     ///< Those that could have their limit in flight, or unwritten.
};

/// What selection came to. `failure` says something where there is no index. Thread safety: a value.
struct Selection {
  std::optional<std::size_t> index;  ///< Among the candidates.
  SelectionFailure failure = SelectionFailure::none_ready;
};

/// Where selection goes on, between one and the next. One for each agent and worker: workers that shared it would have
/// to lock.
///
/// Thread safety: none; one owner.
struct SelectionState {
  std::size_t turn = 0;      ///< Of those that are as good as each other, the next.
  std::uint32_t random = 1;  ///< Another one for each agent, so that proxies do not all choose alike; not 0.
};

/// The connection for a new exchange; moves `state`. Of round_robin, least_connections and health_based those
/// that are equally good take turns; the others draw lots.
///
/// `max_in_flight`: events that one connection may have unanswered.
/// Thread safety: pure but for `state`. Complexity: linear in `candidates`, and allocates nothing.
[[nodiscard]] Selection select(std::span<const Candidate> candidates, LoadBalanceStrategy strategy,
                               std::uint32_t max_in_flight, SelectionState& state) noexcept;

/// The same where their addresses are to be chosen otherwise than in turn: those of the least priority that take
/// anything, each as often as its weight says; one of weight 0 hardly ever beside others. Addresses of a higher
/// priority number serve while those before them take nothing, not while they are merely full or paused.
///
/// Those of other priorities are reset in `candidates`, so that the failure speaks of what was considered.
/// Thread safety: pure but for its arguments. Complexity: linear in `candidates`, and allocates nothing.
[[nodiscard]] Selection select_by_standing(std::span<Candidate> candidates, std::uint32_t max_in_flight,
                                           SelectionState& state) noexcept;

}  // namespace picket::pool

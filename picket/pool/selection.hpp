#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "picket/pool/config.hpp"

namespace picket::pool {

/// How a service's record says that its address is to be chosen (RFC 2782).
struct Standing {
  std::uint16_t priority = 0;  ///< The least goes first.
  std::uint16_t weight = 0;    ///< The share among those of one priority.
};

/// What selection must know of one connection.
struct Candidate {
  bool takes_new = false;
  bool paused = false;
  std::uint32_t in_flight = 0;
  bool suspect = false;    ///< An event timed out, and the ping since is not answered: why it takes nothing new.
  bool full = false;       ///< More waits to be written to it than it is given.
  std::uint8_t rank = 0;   ///< Of its health, the least is the best. By health_based only.
  double latency = 0;      ///< Mean, in any unit. By health_based only.
  Standing standing = {};  ///< By select_by_standing() only.
};

enum class SelectionFailure : std::uint8_t {
  none_ready,   ///< No connection can take anything.
  all_suspect,  ///< Those that could have still to answer a ping since an event timed out.
  all_paused,   ///< Those that could asked for a pause.
  all_full,     ///< Those that could have their limit in flight, or unwritten.
};

struct Selection {
  std::optional<std::size_t> index;
  SelectionFailure failure = SelectionFailure::none_ready;
};

/// Where selection goes on, between one and the next.
struct SelectionState {
  std::size_t turn = 0;      ///< Of those that are as good as each other, the next.
  std::uint32_t random = 1;  ///< Another one for each agent; not 0.
};

/// The connection for a new exchange; moves `state`. Pure. Complexity: linear in `candidates`.
[[nodiscard]] Selection select(std::span<const Candidate> candidates, LoadBalanceStrategy strategy,
                               std::uint32_t max_in_flight, SelectionState& state) noexcept;

/// The same where their addresses are to be chosen otherwise than in turn: those of the least priority that take
/// anything, each as often as its weight says. Pure. Complexity: linear in `candidates`.
[[nodiscard]] Selection select_by_standing(std::span<Candidate> candidates, std::uint32_t max_in_flight,
                                           SelectionState& state) noexcept;

}  // namespace picket::pool

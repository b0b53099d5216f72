#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "picket/pool/config.hpp"

namespace picket::pool {

/// What selection must know of one connection.
struct Candidate {
  bool takes_new = false;
  bool paused = false;
  std::uint32_t in_flight = 0;
  bool suspect = false;  ///< An event timed out, and the ping since is not answered: why it takes nothing new.
  bool full = false;     ///< More waits to be written to it than it is given.
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

/// The connection for a new exchange. `turn` is the round-robin position, moved on success. Pure.
[[nodiscard]] Selection select(std::span<const Candidate> candidates, LoadBalanceStrategy strategy,
                               std::uint32_t max_in_flight, std::size_t& turn) noexcept;

}  // namespace picket::pool

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "picket/base/correlation_id.hpp"
#include "picket/inspection/asking_again.hpp"
#include "picket/inspection/chain.hpp"
#include "picket/pool/exchange.hpp"

namespace picket::inspection {

/// For so long at most an agent that pauses an exchange again and again holds it up; then it is asked all the same, and
/// its time-out decides.
inline constexpr base::Duration most_paused = std::chrono::seconds{120};

/// One agent of a chain, as one exchange asks it: its filter says on what terms, its exchange keeps the connection.
///
/// Thread safety: the worker's thread. Lifetime: the chain outlives it. An agent that has failed open is not told of
/// what follows but of the end: its exchange is completed as the others are. Of frames it is (FrameInspection).
struct Participant {
  /// What it knows of the request's head, where it is shown heads.
  enum class Head : std::uint8_t {
    unknown,
    underway,  ///< It is shown the head once more, and has not answered.
    known,     ///< It has answered.
    skipped,   ///< It takes none. It was told once.
  };

  const Filter& filter;
  std::optional<base::MintedId> new_id = {};  ///< Of the exchange that took the place of one that was lost.
  pool::Exchange exchange;
  Head head = Head::unknown;
  AskingAgain asking_again = {};
  bool failed_open = false;   ///< Not asked again, but about frames.
  bool skips_frames = false;  ///< It takes none. It was told once.
  bool holds_answer = false;  ///< Wants some of the answer's body before its head goes on (needs_more).

  /// A call about the request's head is done.
  void head_ended(const pool::Call& call) noexcept {
    head = call.skipped() ? Head::skipped : call.result() ? Head::known : Head::unknown;
  }
};

}  // namespace picket::inspection

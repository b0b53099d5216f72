#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/time.hpp"

namespace picket::http2 {

/// What a peer sends that costs more than it brings. What of it is too much ends the connection.
enum class Excess : std::uint8_t {
  streams,         ///< Opened and then given up, by whichever end.
  pings,           ///< And their answers.
  settings,        ///< And their answers.
  window_updates,  ///< For next to nothing.
  priorities,
  empty_frames,    ///< Of a body, with no end.
  invalid_frames,  ///< What a stream's state does not allow.
  header_blocks,   ///< Heads in too many CONTINUATION frames, and heads over the limit.
};
inline constexpr std::size_t excess_count = 8;
static_assert(static_cast<std::size_t>(Excess::header_blocks) + 1 == excess_count);
/// One word for a metric.
[[nodiscard]] std::string_view name(Excess excess) noexcept;

/// How many frames that bring nothing a peer may send: so many at once, given back by work and by time, all of them in
/// ten seconds (docs/adr/0040). What is due does not count, however much of it comes at once: each was earned by a
/// frame of ours or a stream of the peer's, which cost more. The one that is too many says what there was too much of.
///
/// Thread safety: none. Complexity: O(1).
class FrameBudget {
 public:
  explicit FrameBudget(std::uint32_t most) noexcept : most_(most), left_(most) {}

  /// A frame that brings nothing.
  void count_idle(Excess kind) noexcept {
    if (left_ == 0) return;
    --left_;
    if (left_ == 0) excess_ = kind;
  }
  /// One of those that may be due.
  void count_expected(Excess kind) noexcept {
    if (due_ == 0) return count_idle(kind);
    --due_;
  }
  /// A head over the limit: a few bytes may stand for hundreds of kilobytes to look at, and are answered.
  void count_oversized() noexcept {
    for (std::size_t i = 0; i < oversized_head_cost && !excess_; ++i) count_idle(Excess::header_blocks);
  }
  /// Work pays back.
  void count_useful(std::size_t count) noexcept { left_ = std::min<std::size_t>(most_, left_ + count); }
  /// Time does.
  void forgive(base::TimePoint now) noexcept {
    const base::Duration each = base::Duration{whole_again} / most_;
    const auto share = (now - forgiven_) / each;
    if (share <= 0) return;
    forgiven_ += share * each;  // less than one is forgiven next time
    count_useful(static_cast<std::size_t>(share));
  }
  /// So many more are due.
  void expect(std::size_t count) noexcept { due_ += count; }
  /// Somebody else found too much of it.
  void exceed(std::optional<Excess> kind) noexcept {
    if (!excess_) excess_ = kind;
  }
  [[nodiscard]] std::optional<Excess> excess() const noexcept { return excess_; }

 private:
  static constexpr std::size_t oversized_head_cost = 10;
  static constexpr auto whole_again = std::chrono::seconds{10};

  std::uint32_t most_;
  std::size_t left_;
  std::size_t due_ = 0;
  base::TimePoint forgiven_{};  // until when
  std::optional<Excess> excess_;
};

}  // namespace picket::http2

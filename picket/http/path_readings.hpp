#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "picket/base/arena.hpp"

/// How servers are known to read a path: what goes around one reader's checks is another reader's path. Pure.
namespace picket::http {

/// One thing that some reader does to a path before it looks up what it names.
struct ReadingStep {
  std::string_view name;
  bool decodes;  ///< It decodes escapes: no chain of steps has more than max_decodings of these.
  /// The path after this step; `path` itself where nothing changes.
  std::string_view (*apply)(std::string_view path, base::Arena& arena);
};

/// The table of steps. A reading is what any chain of them makes of a path, in any order.
[[nodiscard]] std::span<const ReadingStep> reading_steps() noexcept;

inline constexpr std::size_t max_decodings = 2;
/// A path with more readings than this, or with more bytes in all of them, has been made to cost: honest ones have
/// less than twenty. They bound the work to about that of parsing as many bytes of ordinary requests.
inline constexpr std::size_t max_readings = 128;
inline constexpr std::size_t max_reading_bytes = 256 * 1024;

/// Whether no step changes anything, so that all readers agree. One pass, no allocation.
[[nodiscard]] bool has_one_reading(std::string_view path) noexcept;

/// Every reading of `path`, which begins with a slash; itself first, none twice. Nothing where there are more than the
/// limits allow. Lifetime: the path's and the arena's.
[[nodiscard]] std::optional<std::span<const std::string_view>> readings_of(std::string_view path, base::Arena& arena);

}  // namespace picket::http

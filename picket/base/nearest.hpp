#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// What somebody probably meant. Pure functions.
namespace picket::base {

/// Insertions, deletions, replacements and swaps of neighbours that make one of the other (optimal string alignment).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// `did you mean "x"?` where a known name is near, else `known: "x", "y"`; empty where nothing is known.
[[nodiscard]] std::string suggest(std::string_view written, std::span<const std::string_view> known);

}  // namespace picket::base

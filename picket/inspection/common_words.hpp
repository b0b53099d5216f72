#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace picket::inspection {

/// A part that two texts have in common, with a word in it.
struct CommonWords {
  std::size_t begin = 0;      ///< In the one text.
  std::size_t new_begin = 0;  ///< In the other.
  std::size_t size = 0;       ///< In both.
};

/// Most words and signs that two texts may differ in before they are told apart no more.
inline constexpr std::size_t most_differences = 512;

/// What of a text is still there in another, in order, whole words and the signs between them. Texts that differ in
/// more than most_differences have nothing in common.
///
/// Thread safety: pure. Units: bytes; all places are borders of words. Source: Myers, "An O(ND) Difference Algorithm
/// and Its Variations". Complexity: linear in the texts for each difference; memory of some bytes for each word, and
/// some 2 MiB for most_differences.
[[nodiscard]] std::vector<CommonWords> common_words(std::string_view text, std::string_view other);

}  // namespace picket::inspection

#pragma once

#include <span>
#include <string_view>

/// What is said to a language model to talk it out of its orders.
namespace picket::apps::guard {

/// Words in an order: a step is words with '|' in between, of which one has to come, '*' at a word's end standing for
/// any; "..3" before a step says that up to three other words may stand between. In lower case, without accents. The
/// first step has whole words only.
struct Phrase {
  std::string_view words;
  std::string_view kind;
  float confidence;
};
[[nodiscard]] std::span<const Phrase> phrases() noexcept;

/// Texts that are found as they are, in NFKC with case folded: marks of chat templates, and phrases in scripts that do
/// not part words.
[[nodiscard]] std::span<const Phrase> literals() noexcept;

/// Several words in one, such as "ignorePreviousInstructions".
[[nodiscard]] std::span<const std::string_view> run_together() noexcept;

}  // namespace picket::apps::guard

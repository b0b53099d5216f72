#pragma once

#include <cstdint>
#include <string_view>

#include "apps/guard/json_walk.hpp"
#include "apps/guard/tokens.hpp"

namespace picket::apps::guard {

/// What an answer of a model says that it cost, read as it streams, in JSON or in events of a stream, and where the
/// APIs put it: `total_tokens`, `prompt_tokens` and `completion_tokens` (OpenAI), `input_tokens` and `output_tokens`
/// (Anthropic) in the root's `usage` or that of `message` or `response`; `promptTokenCount` and its kin (Gemini) in
/// `usageMetadata`; `prompt_eval_count` and `eval_count` (Ollama) in the root. What stands elsewhere, such as in the
/// input of a tool, a model has written. Of several numbers of one name the largest counts, since streams repeat them
/// as they grow. A number with a fraction or an exponent is one, too, also as a text ("1,000"); what is too large for
/// one exchange counts as the most that one can cost; null and what is below 1 count as not said, and what is no number
/// as not to be read, so that nothing that a model says makes an exchange free, or a part of it.
///
/// Thread safety: none. Complexity: linear in what is fed; it keeps less than 1 KiB.
class UsageReader {
 public:
  void feed(std::string_view chunk);
  [[nodiscard]] bool says_any() const noexcept { return total_.most + prompt_.most + completion_.most != 0; }
  /// What the exchange has cost, by its total or, where none is said, by its parts: of one that is not said it is the
  /// estimate, and of one of which something cannot be read the larger of both.
  [[nodiscard]] Tokens tokens(const Estimate& estimate) const noexcept;
  /// The same of an exchange that ended in the middle, where what is said need not be all: the larger of both.
  [[nodiscard]] Tokens tokens_so_far(const Estimate& estimate) const noexcept;
  /// An estimate by what was fed: the texts in it or, where it is no JSON, all of it.
  [[nodiscard]] std::uint64_t estimated_answer() const noexcept {
    return walk_.is_any() ? walk_.tokens() : bytes_.tokens();
  }

 private:
  /// What was said of one name: the largest number, and whether something was none.
  struct Said {
    std::uint64_t most = 0;
    bool is_unread = false;

    [[nodiscard]] bool counts() const noexcept { return most != 0 && !is_unread; }
  };
  void read(JsonWalk::Step step);
  [[nodiscard]] Tokens larger_of(const Tokens& parts) const noexcept;

  JsonWalk walk_;
  TokenCount bytes_;
  Said total_;
  Said prompt_;
  Said completion_;
};

}  // namespace picket::apps::guard

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::guard {

/// How many tokens a text is, where nobody says: one for every four bytes of ASCII, and one for each other character.
/// English is about as much by the tokenizers in use; code, and scripts of many letters to a token, are up to twice as
/// many or half. Complexity: linear.
[[nodiscard]] std::uint64_t estimated_tokens(std::string_view text) noexcept;

/// Tokens of prompt and answer by an estimate.
struct Estimate {
  std::uint64_t prompt = 0;
  std::uint64_t answer = 0;
};

/// What an exchange has cost, by who says how many: the model, or an estimate.
struct Tokens {
  std::uint64_t said = 0;
  std::uint64_t estimated = 0;

  [[nodiscard]] std::uint64_t all() const noexcept { return said + estimated; }
  [[nodiscard]] friend Tokens operator+(const Tokens& a, const Tokens& b) noexcept {
    return {.said = a.said + b.said, .estimated = a.estimated + b.estimated};
  }
  [[nodiscard]] bool operator==(const Tokens&) const = default;
};

/// What an answer of a model says that it cost, read as it streams: the members `total_tokens`, `prompt_tokens` and
/// `completion_tokens` (OpenAI), `input_tokens` and `output_tokens` (Anthropic), `promptTokenCount` and its kin
/// (Gemini), `prompt_eval_count` and `eval_count` (Ollama), in JSON or in events of a stream. They are looked for as
/// bytes: within a JSON text a quote has a backslash before it, so that what a model writes is not taken for them. Of
/// several numbers of one name the largest counts, since streams repeat them as they grow. A number with a fraction or
/// an exponent is one, too, also as a text ("1,000"); what is too large for one exchange counts as the most that one
/// can cost; null and what is below 1 count as not said, and what is no number as not to be read, so that nothing that
/// a model says makes an exchange free, or a part of it.
///
/// Thread safety: none. Complexity: linear in what is fed; it keeps at most 64 bytes.
class UsageReader {
 public:
  void feed(std::string_view chunk);
  [[nodiscard]] bool says_any() const noexcept { return total_.most + prompt_.most + completion_.most != 0; }
  /// What the exchange has cost, by its total or, where none is said, by its parts: of one that is not said it is the
  /// estimate, and of one of which something cannot be read the larger of both.
  [[nodiscard]] Tokens tokens(const Estimate& estimate) const noexcept;
  /// The same of an exchange that ended in the middle, where what is said need not be all: the larger of both.
  [[nodiscard]] Tokens tokens_so_far(const Estimate& estimate) const noexcept;

 private:
  /// What was said of one name: the largest number, and whether something was none.
  struct Said {
    std::uint64_t most = 0;
    bool is_unread = false;

    [[nodiscard]] bool counts() const noexcept { return most != 0 && !is_unread; }
  };
  void read(std::string_view text);
  [[nodiscard]] Tokens larger_of(const Tokens& parts) const noexcept;

  std::string tail_;  // of what was fed, without blanks behind blanks: a member may lie across chunks
  Said total_;
  Said prompt_;
  Said completion_;
};

/// Tokens of a text that is seen in windows which overlap: what was at the end of the last one is not counted again.
///
/// Thread safety: none. Complexity: linear in what is fed; it keeps at most 2 KiB.
class OverlappingText {
 public:
  void feed(std::string_view window);
  [[nodiscard]] std::uint64_t tokens() const noexcept { return tokens_; }

 private:
  std::string tail_;
  std::uint64_t tokens_ = 0;
};

/// The same for several texts whose windows come in between each other's.
///
/// Thread safety: none. Complexity: as OverlappingText, for at most `most` texts: of one that comes back after so many
/// others an overlap is counted twice.
class OverlappingTexts {
 public:
  static constexpr std::size_t most = 16;

  /// `name`: which text it is a window of.
  void feed(std::string_view name, std::string_view window);
  [[nodiscard]] std::uint64_t tokens() const noexcept;

 private:
  struct Named {
    std::size_t name = 0;  // its hash: a name may be of any length
    OverlappingText text;
  };
  std::vector<Named> texts_;  // what was fed last stands last
  std::uint64_t forgotten_ = 0;
};

}  // namespace picket::apps::guard

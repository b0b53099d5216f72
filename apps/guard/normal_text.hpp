#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::guard {

/// A text as its reader takes it, whatever it is written in: Unicode's NFKC with case folded and what is not seen
/// (zero-width characters, soft hyphens, tags) left out; for words besides letters that only look like ASCII's
/// (Cyrillic, Greek, with accents) as ASCII's, and digits within words as the letters for which they stand.
///
/// Thread safety: none, for one thread; what it is made by is shared and only read. Lifetime: `source` must outlive it.
/// Complexity: linear in the text.
class NormalText {
 public:
  struct Word {
    std::size_t begin;  // of words(), bytes
    std::size_t size;
    std::size_t normal_begin;  // of text(), bytes
    std::size_t normal_end;
  };
  /// A part of the source. Units: bytes.
  struct Span {
    std::size_t begin;
    std::size_t end;
  };

  explicit NormalText(std::string_view source);
  NormalText(const NormalText&) = delete;
  NormalText& operator=(const NormalText&) = delete;
  ~NormalText();

  /// NFKC_Casefold, in UTF-8.
  [[nodiscard]] std::string_view text() const noexcept;
  [[nodiscard]] const std::vector<Word>& words() const noexcept { return words_; }
  [[nodiscard]] std::string_view letters(const Word& word) const noexcept {
    return std::string_view{letters_}.substr(word.begin, word.size);
  }
  /// What of the source became the bytes [begin, end) of text(). Complexity: linear in the distance from the last call.
  [[nodiscard]] Span source_of(std::size_t begin, std::size_t end);

 private:
  struct Normalized;
  void find_words();
  void add_word(std::size_t letters_begin, std::size_t normal_begin, std::size_t normal_end);

  std::unique_ptr<Normalized> normalized_;
  std::string letters_;
  std::vector<Word> words_;
};

}  // namespace picket::apps::guard

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::guard {

/// A text as recognisers of values read it, in which these characters are ASCII's: full-width letters, digits and signs
/// (U+FF01 to U+FF5E), digits of any script, spaces, hyphens and the minus sign. "４１١𝟏" is "4111". What is not seen
/// (zero-width characters, soft hyphens, tags, controls) is left out. Where the text has none of these, it is the text
/// itself.
///
/// Thread safety: a value. Lifetime: the source must outlive it. Complexity: linear; four bytes for each of a text that
/// has such characters.
class PlainText {
 public:
  explicit PlainText(std::string_view source);

  [[nodiscard]] std::string_view text() const noexcept { return is_source_ ? source_ : std::string_view{plain_}; }
  /// Where in the source the character begins from which the byte `at` of text() comes.
  [[nodiscard]] std::size_t begin_in_source(std::size_t at) const noexcept;
  /// Where in the source the one ends from which the last byte before `at` comes.
  [[nodiscard]] std::size_t end_in_source(std::size_t at) const noexcept;

 private:
  void copy_from(std::size_t at);

  std::string_view source_;
  bool is_source_ = true;
  std::string plain_;
  std::vector<std::uint32_t> sources_;  // of each byte
};

}  // namespace picket::apps::guard

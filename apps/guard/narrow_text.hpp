#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::guard {

/// A text in which full-width letters, digits and signs (U+FF01 to U+FF5E, U+3000), as Japanese and Chinese texts have
/// them, are ASCII's: "４１１１" is "4111". Where the text has none, it is the text itself.
///
/// Thread safety: a value. Lifetime: the source must outlive it. Complexity: linear; four bytes for each of a text that
/// has such characters.
class NarrowText {
 public:
  explicit NarrowText(std::string_view source);

  [[nodiscard]] std::string_view text() const noexcept {
    return sources_.empty() ? source_ : std::string_view{narrow_};
  }
  /// Which byte of the source the byte `at` of text() comes from; of its end the source's end.
  [[nodiscard]] std::size_t source_of(std::size_t at) const noexcept { return sources_.empty() ? at : sources_[at]; }

 private:
  std::string_view source_;
  std::string narrow_;
  std::vector<std::uint32_t> sources_;
};

}  // namespace picket::apps::guard

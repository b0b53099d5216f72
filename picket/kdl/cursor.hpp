#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/kdl/characters.hpp"
#include "picket/kdl/document.hpp"

namespace picket::kdl {

/// A place in a text that is known to be UTF-8, and the errors found on the way.
///
/// Thread safety: none. Lifetime: borrows both; what it returns are views of the text. Units: positions and lengths are
/// bytes from the start. Errors: collected, never thrown; reading goes on, so that one run tells of all, and stops
/// after max_errors. Complexity: O(1), but for what reads to the end of a word or a line. Texts are at most
/// max_document_size: positions are 32 bits.
///
///   Cursor cursor{text, file, errors};
///   skip_line_space(cursor);
///   const std::uint32_t begin = cursor.position();
///   if (cursor.accept("node")) handle(cursor.span_from(begin));
class Cursor {
 public:
  Cursor(std::string_view text, std::uint32_t file, std::vector<Error>& errors)
      : text_(text), errors_(&errors), file_(file) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  [[nodiscard]] std::uint32_t position() const noexcept { return at_; }
  [[nodiscard]] std::string_view rest() const noexcept { return text_.substr(at_); }
  [[nodiscard]] bool starts_with(std::string_view prefix) const noexcept { return rest().starts_with(prefix); }
  /// The next byte; NUL, which no document contains, at the end. A byte, not a character: for what KDL writes in ASCII.
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
  /// Without a length at the end. Of what stands here.
  [[nodiscard]] CodePoint code_point() const noexcept { return decode(text_, at_); }
  /// Bytes of the newline that stands here, or 0.
  [[nodiscard]] std::size_t newline() const noexcept { return newline_length(text_, at_); }
  /// Lifetime: the source's. `begin` and `end` are positions of it.
  [[nodiscard]] std::string_view text(std::uint32_t begin, std::uint32_t end) const noexcept {
    return text_.substr(begin, end - begin);
  }

  /// To the end at the most.
  void advance(std::size_t bytes) noexcept {
    at_ = static_cast<std::uint32_t>(std::min<std::size_t>(text_.size(), at_ + bytes));
  }
  void advance_code_point() noexcept { advance(std::max<std::size_t>(1, code_point().length)); }
  /// Steps over `expected`. False: it does not stand here, and nothing moved. Any text, not a whole word: what follows
  /// is for the caller to look at.
  bool accept(std::string_view expected) noexcept {
    if (!starts_with(expected)) return false;
    advance(expected.size());
    return true;
  }
  /// Goes back to where the cursor was, unless reading was stopped in between.
  void seek(std::uint32_t position) noexcept {
    if (!stopped_) at_ = position;
  }
  /// The characters of a bare word or number that stand here. Empty where none stands. Lifetime: the source's.
  std::string_view take_word() noexcept {
    const std::uint32_t begin = at_;
    for (CodePoint point = code_point(); point.length != 0 && is_identifier(point.value); point = code_point())
      advance(point.length);
    return text(begin, at_);
  }
  /// To the newline that ends this line, or to the end.
  void skip_line() noexcept {
    while (!at_end() && newline() == 0) advance_code_point();
  }

  [[nodiscard]] Span span(std::uint32_t begin, std::uint32_t end) const noexcept { return {file_, begin, end}; }
  [[nodiscard]] Span span_from(std::uint32_t begin) const noexcept { return span(begin, at_); }

  /// `message` says what is wrong, `hint` what to do about it, or nothing. One beyond max_errors would help nobody:
  /// reading stops with the last of them. Both are sentences without a full stop, as whoever wrote the file is to read
  /// them.
  void error(Span at, std::string message, std::string hint) {
    if (stopped_) return;
    errors_->push_back({at, std::move(message), std::move(hint)});
    if (errors_->size() == max_errors) stop();
  }
  /// Gives up on the rest of the document: no reading and no errors from here on.
  void stop() noexcept {
    at_ = static_cast<std::uint32_t>(text_.size());
    stopped_ = true;
  }

 private:
  std::string_view text_;
  std::vector<Error>* errors_;
  std::uint32_t file_;
  std::uint32_t at_ = 0;
  bool stopped_ = false;
};

/// Skips white space and /* */ comments, which nest, and \ with the newline behind it: what may stand inside a node.
/// Says whether there was any. A comment that is never closed is reported, and stops the reading. Complexity: linear in
/// what is skipped; nesting is counted, not followed.
bool skip_node_space(Cursor& cursor);

/// Skips the same, newlines and // comments: what may stand between nodes.
void skip_line_space(Cursor& cursor);

}  // namespace picket::kdl

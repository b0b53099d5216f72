#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "picket/base/recycled_containers.hpp"

namespace picket::guardrail {

/// A part of a text, and what goes on in its place. Units: bytes of the text that was asked about.
struct Redaction {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string replacement;
};

/// Bytes of a value whose end has not come for which what came of it is asked about again, from its beginning.
inline constexpr std::size_t longest_value = 16 * 1024;

/// One text on its way: what of it is to be asked, and how far it may go on.
///
/// It is asked about in pieces, one at a time, that overlap by the window, and of what was asked the last window stays:
/// so a value of at most that many bytes is whole in one piece, however the text was cut, and none of it has left
/// before. What is held is asked about as it came, redacted or not, so that a value that grows is found as what it has
/// become.
///
/// There are two exceptions. Of a text that goes on after it was ended nothing is held any more: a value that stands
/// across that place is in two pieces. And a longer value is found only by who tells its beginning without its end. A
/// redaction that reaches a piece's end, or the white space there, is open: what it covers is in the next piece, too,
/// though its words have left, until an answer shows where it ends. What is open for more than longest_value, and the
/// window, goes on to the text's end.
///
/// Thread safety: its owner's. Units: bytes since the text's beginning; all places are borders of code points.
class TextRun {
 public:
  explicit TextRun(std::size_t window) noexcept : window_(window) {}

  /// More of it, as UTF-8.
  void append(std::string_view text) { text_.append(text); }
  /// Nothing comes any more, for now: the rest is asked about and goes on.
  void end() noexcept { has_ended_ = true; }
  /// It has not ended after all. Whether it had.
  bool reopen() noexcept { return std::exchange(has_ended_, false); }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  [[nodiscard]] std::uint64_t size() const noexcept { return kept_ + (text_.size() - gone_); }
  /// What of it goes on in other words. Of those that have begun to leave the words are gone.
  struct Span {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string replacement;
  };
  /// Whether an answer would let something go on, and none is awaited.
  [[nodiscard]] bool has_question() const noexcept;
  struct Piece {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string_view text;  ///< Lifetime: until the run changes.
  };
  /// What is asked next, of `most` bytes beside the overlap. has_question().
  [[nodiscard]] Piece ask(std::size_t most);
  /// What was asked has its answer. `redactions`: of its text; those that have left count no more.
  void answer(const Piece& piece, std::span<const Redaction> redactions);
  /// What was found otherwise. It has not left.
  void redact(Span span) { add(std::move(span)); }
  [[nodiscard]] const base::RecycledDeque<Span>& spans() const noexcept { return spans_; }
  /// What has not gone on.
  [[nodiscard]] std::string_view held() const noexcept { return part(released_, size()); }
  /// Nothing is asked any more: all goes on, as far as it was redacted.
  void give_up() noexcept;

  /// How far it may go on.
  [[nodiscard]] std::uint64_t border() const noexcept;

  /// The one that covers `at`; null where none does.
  [[nodiscard]] Span* span_at(std::uint64_t at) noexcept;
  /// The words that take its place. They leave once.
  [[nodiscard]] std::string take_words(Span& span) noexcept {
    replaced_ -= span.replacement.size();
    return std::exchange(span.replacement, {});
  }
  /// Whether any touches that part.
  [[nodiscard]] Span* span_in(std::uint64_t begin, std::uint64_t end) noexcept;
  /// What has gone on: up to `to`.
  void release(std::uint64_t to);

  /// Bytes that are kept of it, and of what was found in it.
  [[nodiscard]] std::uint64_t memory() const noexcept {
    return text_.capacity() + spans_.size() * sizeof(Span) + replaced_;
  }

 private:
  static constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

  void add(Span span);
  void forget();
  [[nodiscard]] std::string_view part(std::uint64_t begin, std::uint64_t end) const noexcept {
    return std::string_view{text_}.substr(gone_ + static_cast<std::size_t>(begin - kept_),
                                          static_cast<std::size_t>(end - begin));
  }

  std::size_t window_;
  base::RecycledString text_;  // what is kept, behind what has gone
  std::size_t gone_ = 0;       // bytes of it
  std::uint64_t kept_ = 0;     // from there on
  std::uint64_t released_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool has_ended_ = false;
  std::optional<std::uint64_t> open_;  // where a value begins whose end has not come
  base::RecycledDeque<Span> spans_;    // in order, none overlaps another
  std::uint64_t replaced_ = 0;         // bytes of the words that take their places
};

}  // namespace picket::guardrail

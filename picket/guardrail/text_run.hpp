#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace picket::guardrail {

/// A part of a text, and what goes on in its place. Units: bytes of the text that was asked about.
struct Redaction {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string replacement;
};

/// One text on its way: what of it is to be asked, and how far it may go on.
///
/// It is asked about in pieces that overlap by the window, and of what was asked the last window stays: so a value of
/// at most that many bytes is whole in one piece, however the text was cut, and none of it has left before. What is
/// held is asked about as it came, redacted or not, so that a value that grows is found as what it has become.
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

  [[nodiscard]] std::uint64_t size() const noexcept { return released_ + held().size(); }
  /// Whether an answer would let something go on, and none is awaited that has to come first.
  [[nodiscard]] bool has_question() const noexcept;
  struct Piece {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string_view text;  ///< Lifetime: until the run changes.
  };
  /// What is asked next, of `most` bytes beside the overlap. has_question().
  [[nodiscard]] Piece ask(std::size_t most);
  /// The oldest question has its answer. `redactions`: of its text; those that have left count no more.
  void answer(const Piece& piece, std::span<const Redaction> redactions);
  /// Nothing is asked any more: all goes on, as far as it was redacted.
  void give_up() noexcept;

  /// How far it may go on.
  [[nodiscard]] std::uint64_t border() const noexcept;

  /// What of it goes on in other words. Of those that have begun to leave the words are gone.
  struct Span {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string replacement;
  };
  /// The one that covers `at`; null where none does.
  [[nodiscard]] Span* span_at(std::uint64_t at) noexcept;
  /// Whether any touches that part.
  [[nodiscard]] Span* span_in(std::uint64_t begin, std::uint64_t end) noexcept;
  /// What has gone on: up to `to`.
  void release(std::uint64_t to);

 private:
  void add(Span span);
  [[nodiscard]] std::string_view held() const noexcept { return std::string_view{text_}.substr(gone_); }

  std::size_t window_;
  std::string text_;      // what is held, behind what has gone
  std::size_t gone_ = 0;  // bytes of it
  std::uint64_t released_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool has_ended_ = false;
  std::vector<Span> spans_;  // in order, none overlaps another
};

}  // namespace picket::guardrail

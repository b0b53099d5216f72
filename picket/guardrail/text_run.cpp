#include "picket/guardrail/text_run.hpp"

#include <algorithm>
#include <utility>

#include "picket/guardrail/json_text.hpp"

namespace picket::guardrail {
namespace {

/// Bytes up to the white space at its end: an expression's `$` matches before a last line's end, too.
std::size_t size_of_words(std::string_view text) noexcept { return text.find_last_not_of(" \t\r\n") + 1; }

}  // namespace

bool TextRun::has_question() const noexcept {
  // Once at a time: what comes next depends on what is said of it, and meanwhile more gathers of what streams.
  if (asked_ == size() || asked_ != answered_) return false;
  return has_ended_ || held().size() > window_;
}

TextRun::Piece TextRun::ask(std::size_t most) {
  const std::uint64_t overlap = std::min<std::uint64_t>(window_, asked_ - released_);
  std::uint64_t begin = released_ + border_before(held(), static_cast<std::size_t>(asked_ - released_ - overlap));
  if (open_) begin = std::min(begin, *open_);
  const auto new_begin = static_cast<std::size_t>(asked_ - released_);
  std::size_t end = held().size() - new_begin > most ? border_before(held(), new_begin + most) : held().size();
  if (end == new_begin) end = held().size();  // less than a code point
  asked_ = released_ + end;
  return {.begin = begin, .end = asked_, .text = part(begin, asked_)};
}

void TextRun::answer(const Piece& piece, std::span<const Redaction> redactions) {
  answered_ = std::max(answered_, piece.end);
  open_.reset();
  const std::uint64_t words_end =
      redactions.empty() ? piece.end : piece.begin + size_of_words(part(piece.begin, piece.end));
  for (const Redaction& each : redactions) {
    if (each.begin == each.end) continue;
    Span span{.begin = piece.begin + each.begin, .end = piece.begin + each.end, .replacement = each.replacement};
    if (span.end >= words_end) open_ = std::min(open_.value_or(span.begin), span.begin);
    if (span.begin < released_) span = {.begin = released_, .end = span.end, .replacement = {}};
    if (span.begin < span.end) add(std::move(span));
  }
  if (open_ && piece.end - *open_ > std::max<std::uint64_t>(window_, longest_value)) {
    add({.begin = std::max(*open_, released_), .end = endless, .replacement = {}});
    open_.reset();
  }
  forget();
}

/// What was found once stays found. Those that overlap become one, with the words of the first: they may have left.
void TextRun::add(Span span) {
  const auto first = std::ranges::upper_bound(spans_, span.begin, {}, &Span::end);
  auto last = first;
  for (; last != spans_.end() && last->begin < span.end; ++last) replaced_ -= last->replacement.size();
  if (first != last) {
    if (first->begin <= span.begin) span.replacement = std::move(first->replacement);
    span.begin = std::min(span.begin, first->begin);
    span.end = std::max(span.end, std::prev(last)->end);
  }
  replaced_ += span.replacement.size();
  spans_.insert(spans_.erase(first, last), std::move(span));
}

void TextRun::give_up() noexcept {
  has_ended_ = true;
  open_.reset();
  asked_ = answered_ = size();
}

std::uint64_t TextRun::border() const noexcept {
  if (has_ended_ && answered_ >= size()) return size();
  const std::uint64_t tail = std::min<std::uint64_t>(window_, answered_ - released_);
  return released_ + border_before(held(), static_cast<std::size_t>(answered_ - released_ - tail));
}

TextRun::Span* TextRun::span_at(std::uint64_t at) noexcept { return span_in(at, at + 1); }

TextRun::Span* TextRun::span_in(std::uint64_t begin, std::uint64_t end) noexcept {
  const auto found = std::ranges::upper_bound(spans_, begin, {}, &Span::end);
  return found != spans_.end() && found->begin < end ? &*found : nullptr;
}

void TextRun::release(std::uint64_t to) {
  released_ = to;
  asked_ = std::max(asked_, to);
  answered_ = std::max(answered_, to);
  for (; !spans_.empty() && spans_.front().end <= to; spans_.pop_front())
    replaced_ -= spans_.front().replacement.size();
  if (!spans_.empty()) spans_.front().begin = std::max(spans_.front().begin, to);
  forget();
}

/// What has gone on is kept where a value that has not ended begins in it.
void TextRun::forget() {
  const std::uint64_t keeps = std::min(released_, open_.value_or(released_));
  gone_ += static_cast<std::size_t>(keeps - kept_);
  kept_ = keeps;
  if (gone_ > text_.size() / 2) text_.erase(0, std::exchange(gone_, 0));  // so that each byte moves once
}

}  // namespace picket::guardrail

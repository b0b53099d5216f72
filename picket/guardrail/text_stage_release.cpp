#include <algorithm>
#include <utility>

#include "picket/guardrail/json_text.hpp"
#include "picket/guardrail/text_stage.hpp"

/// What of a body goes on, and in which words.
namespace picket::guardrail {

/// What was found in a row is redacted in its parts; the words that take its place stand in the first of them.
void TextStage::redact_parts() {
  for (const InRow& each : in_rows_) {
    const std::uint64_t end = each.begin + each.part->size();
    const auto& spans = each.row->spans();
    auto span = std::ranges::upper_bound(spans, each.begin, {}, &TextRun::Span::end);
    for (; span != spans.end() && span->begin < end; ++span) {
      TextRun::Span found{.begin = std::max(span->begin, each.begin) - each.begin,
                          .end = std::min(span->end, end) - each.begin,
                          .replacement = {}};
      if (span->begin >= each.begin) found.replacement = span->replacement;
      change(*each.part, [&] { each.part->redact(std::move(found)); });
    }
  }
  in_rows_.clear();
}

std::string_view TextStage::held(std::uint64_t from, std::uint64_t to) const noexcept {
  return held_.text().substr(static_cast<std::size_t>(from - released_), static_cast<std::size_t>(to - from));
}

/// As it came.
void TextStage::pass(std::uint64_t to) {
  out_.append(held(released_, to));
  drop(to);
}

void TextStage::rewrite(std::string_view words, std::uint64_t to) {
  write_escaped(words, out_);
  drop(to);
}

/// The words are escaped for either reader.
void TextStage::rewrite_nested(std::string_view words, std::uint64_t to) {
  base::Buffer inner;
  write_escaped(words, inner);
  rewrite(inner.text(), to);
}

void TextStage::drop(std::uint64_t to) {
  held_.consume(static_cast<std::size_t>(to - released_));
  released_ = to;
  static_cast<void>(counted_.set(fed_ - released_));  // less than before
}

/// A document goes on when all that is in it was answered, so that who refuses some of it refuses all.
void TextStage::release() {
  if (!is_watching()) return;
  if (format_ == Format::document && (!waiting_.empty() || unanswered_ != 0)) return;
  redact_parts();
  bool goes_on = true;
  while (!places_.empty() && goes_on) change(*places_.front().run, [&] { goes_on = release_place(); });
  if (places_.empty()) pass(complete_);
}

/// Whether all of the first piece has gone on.
bool TextStage::release_place() {
  Place& place = places_.front();
  if (place.kind == Found::Kind::json) return release_nested(place);
  const std::uint64_t border = std::min(place.run->border(), place.until);
  if (border <= place.at) return false;
  if (place.begin > released_) pass(place.begin);
  if (place.kind == Found::Kind::string) {
    release_spelled(place, border);
  } else if (border == place.until) {
    if (TextRun::Span* const span = place.run->span_in(place.at, place.until);
        span != nullptr && place.kind == Found::Kind::number) {
      out_.append('"');
      rewrite(place.run->take_words(*span), place.end);
      out_.append('"');
    } else {
      pass(place.end);
    }
    place.run->release(place.until);
    place.at = place.until;
  }
  if (place.at != place.until) return false;
  places_.pop_front();
  return true;
}

/// Of an escape that is cut the beginning goes the way of its end, where that comes.
bool TextStage::release_nested(Place& place) {
  const std::uint64_t border = place.run->border();
  bool goes_on = true;
  while (goes_on && released_ < place.end) goes_on = release_nested_unit(place, border);
  place.run->release(place.at);
  if (!goes_on) return false;
  places_.pop_front();
  return true;
}

/// Whether the next of what it says has gone on.
bool TextStage::release_nested_unit(Place& place, std::uint64_t border) {
  NestedText nested = *place.nested;
  std::uint64_t end = std::max(released_, place.begin);
  std::size_t size = 0;
  while (size == 0 && end != place.end) {
    const Unit unit = next_unit(held(end, place.end));
    size = nested.take({unit.bytes.data(), unit.size}).size();
    end += unit.raw;
  }
  const std::uint64_t until = place.at + std::max<std::size_t>(size, 1);
  const bool has_no_end = size == 0 && place.run->has_ended() && place.at == place.run->size();
  if (border < until && !(has_no_end && border == place.at)) return false;
  if (place.begin > released_) pass(place.begin);
  if (TextRun::Span* const span = place.run->span_in(place.at, until); span != nullptr) {
    rewrite_nested(place.run->take_words(*span), end);
  } else {
    pass(end);
  }
  place.at += size;
  *place.nested = nested;
  return true;
}

void TextStage::release_spelled(Place& place, std::uint64_t border) {
  if (border == place.until && place.run->span_in(place.at, border) == nullptr) {
    pass(place.end);
    place.at = border;
  }
  while (place.at < border) {
    const Unit unit = next_unit(held(released_, place.end));
    TextRun::Span* const span = place.run->span_at(place.at);
    if (span == nullptr) {
      pass(released_ + unit.raw);
    } else {
      rewrite(place.run->take_words(*span), released_ + unit.raw);
    }
    place.at += unit.size;
  }
  place.run->release(place.at);
}

}  // namespace picket::guardrail

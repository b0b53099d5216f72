#include "picket/guardrail/text_stage.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "picket/guardrail/json_text.hpp"
#include "picket/guardrail/members.hpp"

namespace picket::guardrail {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t most_spaces = 1024;     // bytes before what an answer is
constexpr std::size_t most_of_a_text = 1024;  // bytes that one takes beside its name and what it says
constexpr std::string_view spaces = " \t\r\n";

/// What ends a stream of chat completions; it is no JSON.
bool is_done(std::string_view data) noexcept {
  constexpr std::string_view done = "[DONE]";
  return data.starts_with(done) && data.find_first_not_of(spaces, done.size()) == std::string_view::npos;
}

}  // namespace

TextStage::TextStage(const Policy& policy, base::BlockPool& pool)
    : policy_(policy), counted_(pool), notes_(pool), document_(pool), made_(pool) {}

// ---- the body

/// A block more than may be held is taken: that is how it shows that there is more.
std::size_t TextStage::credit() const noexcept {
  const bool is_full = out_.size() >= base::block_size || (!passes_ && fed_ - released_ > policy_.holds);
  return stop_ != body::Stop::none || is_full ? 0 : base::block_size;
}

void TextStage::feed(body::Part part) {
  if (stop_ != body::Stop::none) return;
  fed_ += part.bytes.size();
  if (part.is_last) end_ = End::fed;
  if (passes_) {
    released_ = fed_;
    return out_.append(base::as_text(part.bytes.view()));
  }
  if (!counted_.set(fed_ - released_)) return stop(body::Stop::overloaded);
  held_.append(base::as_text(part.bytes.view()));
  read_on(part.is_last);
  release();
  if (is_watching() && fed_ - released_ > policy_.holds) {
    outgrew_ = true;
    policy_.refuses_larger ? stop(body::Stop::too_large) : open();
  }
  count_notes();
}

body::Part TextStage::take(std::size_t most) {
  const std::size_t size = std::min({most, out_.size(), base::block_size});
  body::Part part;
  if (size != 0) {
    if (made_.space().size() < size) made_.clear();
    std::memcpy(made_.space().data(), out_.data(), size);
    part.bytes = made_.commit(size);
    out_.consume(size);
    count_notes();
  }
  part.is_last = end_ == End::fed && released_ == fed_ && out_.empty();
  if (part.is_last) end_ = End::gone;
  return part;
}

// ---- what it is

/// By its first byte: what a head says of an answer is not always what comes.
/// A request waits for its end, so that nobody looks at it again and again before.
void TextStage::recognize() {
  const bool is_request = policy_.direction == body::Direction::request;
  const bool may_wait = end_ == End::to_come && (is_request || fed_ < most_spaces);
  const std::string_view text = held(0, fed_);
  if (may_wait && (is_request || (text.size() < byte_order_mark.size() && byte_order_mark.starts_with(text)))) return;
  const std::size_t mark = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  const std::size_t first = text.find_first_not_of(spaces, mark);
  const bool is_empty = first == std::string_view::npos;
  if (is_empty && (may_wait || end_ == End::fed)) return;
  const bool is_document = is_request || (!is_empty && (text[first] == '{' || text[first] == '['));
  format_ = is_document ? Format::document : Format::events;
  read_ = mark;
  events_ = EventStream{mark};
}

void TextStage::read_on(bool is_last) {
  if (format_ == Format::unknown) recognize();
  if (format_ == Format::events) return read_events(is_last);
  if (!is_last) return;
  if (format_ == Format::document) take_document(held(read_, fed_), role(), {}, read_);
  complete_ = fed_;  // or nothing came
}

Role TextStage::role() const noexcept {
  if (policy_.direction == body::Direction::request) return Role::request;
  return policy_.expects_texts ? Role::answer : Role::other;
}

void TextStage::read_events(bool is_last) {
  std::string_view bytes = held(read_, fed_);
  auto found = EventStream::Found::nothing;
  while (is_watching() && (found = events_.read(bytes)) != EventStream::Found::nothing) {
    read_ = fed_ - bytes.size();
    if (found == EventStream::Found::unknown) return fail(Unread::not_known);
    take_event();
  }
  read_ = fed_ - bytes.size();
  if (is_last && is_watching()) {
    found = events_.finish();
    if (found == EventStream::Found::unknown) return fail(Unread::not_known);
    if (found == EventStream::Found::event) take_event();
    end_all_texts();
    complete_ = fed_;
  } else if (is_watching() && events_.is_between_events()) {
    complete_ = read_;
  }
}

/// Its lines of data are one document (WHATWG HTML §9.2.6); a place in it is one in a line, since no token goes over
/// the end of one.
void TextStage::take_event() {
  has_events_ = true;
  joined_.clear();
  const auto lines = events_.data();
  for (const Range& line : lines) {
    if (&line != &lines.front()) joined_ += '\n';
    joined_ += held(line.begin, line.end);
  }
  if (is_done(joined_)) {
    end_all_texts();
  } else if (joined_.find_first_not_of(spaces) != std::string_view::npos) {
    take_document(joined_, Role::event, lines, 0);
  }
  complete_ = read_;
}

void TextStage::take_document(std::string_view text, Role role, std::span<const Range> lines, std::uint64_t begins) {
  if (const Unread why = document_.read(text, role); why != Unread::none) return fail(why);
  if (!document_.model().empty()) model_ = document_.model();
  std::size_t line = 0;
  std::size_t line_begins = 0;
  for (const Found& found : document_.found()) {
    while (line + 1 < lines.size() && found.begin > line_begins + (lines[line].end - lines[line].begin))
      line_begins += static_cast<std::size_t>(lines[line].end - lines[line].begin) + 1, ++line;
    const std::uint64_t from = lines.empty() ? begins : lines[line].begin;
    add(found, text, from + found.begin - line_begins);
    if (texts_.size() > Document::most_texts) return fail(Unread::too_many);
  }
  add_rows();
  end_texts();
  if (role != Role::event) document_.clear();
}

/// Parts of one message: some readers put them together with nothing between, so a value may stand across a border.
/// Each is asked about alone all the same, since others put a line feed there.
void TextStage::add_rows() {
  auto left = document_.rows();
  while (!left.empty()) {
    const auto end = std::ranges::find_if(left, [&](const RowPart& each) { return each.row != left.front().row; });
    const auto row = left.first(static_cast<std::size_t>(end - left.begin()));
    if (row.size() > 1) add_row(row);
    left = left.subspan(row.size());
  }
}

void TextStage::add_row(std::span<const RowPart> parts) {
  const auto texts = document_.texts();
  base::RecycledString name = texts[parts.front().text].name;
  name.append("#joined");  // no name has that: of a key `#` is escaped
  const auto [entry, is_new] = texts_.try_emplace(name, Text{.run = TextRun{policy_.window}});
  if (!is_new) return;
  kept_of_texts_ += most_of_a_text + name.size() + parts.size() * sizeof(InRow);
  TextRun& row = entry->second.run;
  for (const RowPart& each : parts) {
    const auto part = texts_.find(texts[each.text].name);
    if (part == texts_.end()) continue;
    in_rows_.push_back({.row = &row, .part = &part->second.run, .begin = row.size()});
    change(row, [&] { row.append(part->second.run.held()); });
  }
  whole_.push_back(&*entry);
  queue(*entry);
}

void TextStage::add(const Found& found, std::string_view text, std::uint64_t place) {
  const FoundText& of = document_.texts()[found.text];
  const auto [entry, is_new] =
      texts_.try_emplace(of.name, Text{.run = TextRun{policy_.window}, .group = of.group, .streams = of.streams});
  if (is_new) kept_of_texts_ += most_of_a_text + of.name.size() + of.group.size();
  entry->second.streams = entry->second.streams || of.streams;  // a number does not go on; words of its name do
  TextRun& run = entry->second.run;
  const std::uint64_t at = run.size();
  const std::string_view raw = text.substr(found.begin, found.end - found.begin);
  const bool is_json = found.kind == Found::Kind::json;
  change(run, [&] {
    if (found.kind == Found::Kind::number) return run.append(raw);
    if (found.kind == Found::Kind::separator) return run.append("\n");
    base::RecycledString decoded;
    static_cast<void>(decode(raw, decoded));
    if (!is_json) return run.append(decoded);
    base::RecycledString nested;
    entry->second.read.decode(decoded, nested);
    run.append(nested);
  });
  const bool grows = run.size() != at || (is_json && !raw.empty());
  const bool has_ended = grows && run.reopen();
  if (!entry->second.streams) {
    if (whole_.empty() || whole_.back() != &*entry) whole_.push_back(&*entry);
  } else if (is_new || has_ended) {
    streaming_[entry->second.group].push_back(&*entry);
    const bool was_said = !std::exchange(entry->second.is_overtaken, false);
    if (has_ended && was_said) believes_ends_ = false;
  }
  brings_text_ = brings_text_ || (entry->second.streams && run.size() != at);
  if (entry->second.streams && at == 0 && run.size() != 0 && is_spoken_answer(of.name)) answered_.push_back(of.group);
  if (grows)
    places_.push_back({.begin = place,
                       .end = place + raw.size(),
                       .run = &run,
                       .at = at,
                       .until = run.size(),
                       .kind = found.kind,
                       .nested = is_json ? &entry->second.released : nullptr});
  queue(*entry);
}

/// Some servers say with every event that it is the last one's: what comes with text ends none.
void TextStage::end_texts() {
  for (auto* const text : whole_) end(*text);
  whole_.clear();
  for (const auto& group : answered_) end_thoughts_of(group);
  answered_.clear();
  const bool brings_text = std::exchange(brings_text_, false);
  if (document_.ends_all()) return end_all_texts();
  if (brings_text || !believes_ends_) return;
  for (const auto& group : document_.ended()) end_texts_of(group);
}

void TextStage::end_all_texts() {
  while (!streaming_.empty()) end_texts_of(streaming_.begin()->first);
}

/// Each is ended once, however often it is said.
void TextStage::end_texts_of(std::string_view group) {
  const auto ended = streaming_.find(group);
  if (ended == streaming_.end()) return;
  for (auto* const text : ended->second) end(*text);
  streaming_.erase(ended);
}

/// Once, where the answer begins: what is thought beside it has an end as other texts have.
void TextStage::end_thoughts_of(std::string_view group) {
  const auto texts = streaming_.find(group);
  if (texts == streaming_.end()) return;
  std::erase_if(texts->second, [this](Texts::value_type* text) {
    if (!is_thought(text->first)) return false;
    text->second.is_overtaken = true;
    end(*text);
    return true;
  });
}

void TextStage::end(Texts::value_type& text) {
  text.second.run.end();
  queue(text);
}

/// An image or a page is of another format, by its first line. What has begun as JSON, or as events, is not.
bool TextStage::is_excused(Unread why) const noexcept {
  const bool has_fields = has_events_ || !events_.is_between_events();
  return !policy_.expects_texts && why == Unread::not_known && format_ == Format::events && !has_fields;
}

void TextStage::fail(Unread why) {
  unread_ = why;
  const bool has_no_room = why == Unread::no_room;
  const bool refuses = has_no_room ? policy_.refuses_larger : policy_.refuses_unread && !is_excused(why);
  if (!refuses) return open();
  stop(has_no_room ? body::Stop::overloaded : body::Stop::undecodable);
}

/// What is kept beside the body counts as held, too.
void TextStage::count_notes() {
  if (!is_watching()) return;
  const std::uint64_t kept = kept_of_texts_ + places_.size() * sizeof(Place) + joined_.capacity() + out_.size();
  if (!notes_.set(kept)) fail(Unread::no_room);
}

// ---- questions

void TextStage::queue(Texts::value_type& text) {
  if (text.second.is_queued || !text.second.run.has_question()) return;
  text.second.is_queued = true;
  waiting_.push_back(&text);
}

bool TextStage::has_next() const noexcept { return is_watching() && !waiting_.empty(); }

std::optional<Question> TextStage::next() {
  if (!has_next()) return std::nullopt;
  Texts::value_type& text = *waiting_.front();
  waiting_.pop_front();
  text.second.is_queued = false;
  Question question;
  question.number = questions_++;
  question.name = text.first;
  question.run_ = &text.second.run;
  question.piece_ = text.second.run.ask(largest_question);
  question.content = std::exchange(question.piece_.text, {});
  ++unanswered_;
  queue(text);
  return question;
}

void TextStage::answer(const Question& question, std::span<const Redaction> redactions) {
  if (!is_watching()) return;
  --unanswered_;
  has_redacted_ = has_redacted_ || !redactions.empty();
  change(*question.run_, [&] { question.run_->answer(question.piece_, redactions); });
  if (const auto text = texts_.find(question.name); text != texts_.end()) queue(*text);
  release();
  count_notes();
}

void TextStage::open() {
  if (!is_watching()) return;
  for (auto& [name, text] : texts_) text.run.give_up();
  waiting_.clear();
  unanswered_ = 0;
  complete_ = fed_;
  release();
  pass(fed_);
  passes_ = true;
  forget_texts();
}

void TextStage::stop(body::Stop why) {
  if (stop_ != body::Stop::none) return;
  stop_ = why;
  held_.release();
  counted_.clear();
  out_.clear();
  forget_texts();
}

void TextStage::forget_texts() {
  waiting_.clear();
  places_.clear();
  whole_.clear();
  in_rows_.clear();
  streaming_.clear();
  texts_.clear();
  kept_of_texts_ = 0;
  document_.clear();
  base::RecycledString{}.swap(joined_);
  notes_.clear();
}

}  // namespace picket::guardrail

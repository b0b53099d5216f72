#include "picket/guardrail/event_stream.hpp"

#include <algorithm>

namespace picket::guardrail {
namespace {

constexpr std::array<std::string_view, 4> fields{"data", "event", "id", "retry"};

}  // namespace

EventStream::Found EventStream::read(std::string_view& bytes) {
  Found found = Found::nothing;
  while (found == Found::nothing && !bytes.empty()) {
    found = read_byte(bytes.front());
    bytes.remove_prefix(1);
  }
  return found;
}

EventStream::Found EventStream::finish() {
  Found found = line_ == Line::begins ? Found::nothing : end_line();
  if (found == Found::nothing && is_in_event_) found = end_line();
  return found;
}

EventStream::Found EventStream::read_byte(char c) {
  if (has_ended_) {
    data_.clear();
    has_ended_ = false;
  }
  const bool belongs_to_return = was_return_ && c == '\n';
  was_return_ = c == '\r';
  Found found = Found::nothing;
  if (c == '\r' || c == '\n') {
    if (!belongs_to_return) found = end_line();
  } else if (line_ == Line::has_value) {
    if (value_is_empty_ && c == ' ') value_ = at_ + 1;
    value_is_empty_ = false;
  } else if (line_ != Line::is_comment) {
    if (c == ':') {
      line_ = line_ == Line::begins ? Line::is_comment : Line::has_value;
      value_ = at_ + 1;
      value_is_empty_ = true;
    } else {
      line_ = Line::has_name;
      if (name_size_ < name_.size()) name_[name_size_] = c;
      name_size_ = std::min(name_size_ + 1, name_.size() + 1);
    }
  }
  ++at_;
  return found;
}

/// A line without a colon is a name alone.
EventStream::Found EventStream::end_line() {
  const Line line = line_;
  const std::string_view name{name_.data(), std::min(name_size_, name_.size())};
  const bool is_known = name_size_ <= name_.size() && std::ranges::find(fields, name) != fields.end();
  const bool is_data = name == fields.front();
  line_ = Line::begins;
  name_size_ = 0;
  if (line == Line::is_comment) return Found::nothing;
  if (line == Line::begins) {
    has_ended_ = true;
    const bool had_fields = is_in_event_;
    is_in_event_ = false;
    return had_fields ? Found::event : Found::nothing;
  }
  if (!is_known || data_.size() == most_lines) return Found::unknown;
  is_in_event_ = true;
  if (is_data) data_.push_back(line == Line::has_value ? Range{value_, at_} : Range{at_, at_});
  return Found::nothing;
}

}  // namespace picket::guardrail

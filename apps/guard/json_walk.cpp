#include "apps/guard/json_walk.hpp"

#include <algorithm>
#include <iterator>

namespace picket::apps::guard {
namespace {

constexpr std::string_view event_data = "data:";  // how a line of an event begins

/// Members whose texts no model writes, and media.
constexpr std::string_view no_texts[] = {
    "id",           "object",     "model",        "role",          "type",         "system_fingerprint", "item_id",
    "response_id",  "responseId", "modelVersion", "finish_reason", "finishReason", "stop_reason",        "done_reason",
    "service_tier", "created_at", "status",       "obfuscation",   "signature",    "b64_json",           "embedding",
};

}  // namespace

JsonWalk::Step JsonWalk::take(char c) {
  settle();
  if (c == '\n') {
    if (is_stream_ && line_ == 0) end_event();
    line_ = 0;
    is_event_data_ = true;
  } else if (c != '\r') {
    is_event_data_ = is_event_data_ && line_ < event_data.size() && c == event_data[line_];
    ++line_;
    // Within a document that lies in several lines of an event it is none of it.
    if (is_event_data_ && in_ != In::text && (is_stream_ || depth_ == 0)) {
      is_stream_ = is_stream_ || line_ == event_data.size();
      return Step::none;
    }
  }
  if (in_ == In::text) {
    take_of_text(c);
    return Step::none;
  }
  return depth_ > 0 || c == '{' || c == '[' ? take_between(c) : Step::none;
}

/// What the last step left to be done, so that its member could be looked at.
void JsonWalk::settle() {
  if (sign_ == '\0') return;
  if (sign_ == '{' || sign_ == '[') {
    if (depth_ == 0) is_in_root_array_ = sign_ == '[';
    if (depth_ < deepest) path_[depth_] = name_;
    ++depth_;
  } else if (sign_ != ',') {
    --depth_;
  }
  name_.clear();
  in_ = In::nothing;
  sign_ = '\0';
}

void JsonWalk::end_event() {
  depth_ = 0;
  in_ = In::nothing;
  name_.clear();
}

void JsonWalk::begin(In what) {
  in_ = what;
  is_text_ = what == In::text;
  is_cut_ = false;
  value_.clear();
  text_ = {};
}

void JsonWalk::keep(char c) {
  is_cut_ = is_cut_ || value_.size() == longest_value;
  if (!is_cut_) value_ += c;
}

void JsonWalk::take_of_text(char c) {
  if (is_escaped_) {
    is_escaped_ = false;
    hex_left_ = c == 'u' ? 4 : 0;
    text_.add(c == 'u' ? '\xff' : c);  // any character, or one of ASCII
  } else if (c == '"') {
    in_ = In::value;
    hex_left_ = 0;
    return;
  } else if (c == '\\') {
    is_escaped_ = true;
  } else if (hex_left_ > 0) {
    --hex_left_;
  } else {
    text_.add(c);
  }
  keep(c);
}

JsonWalk::Step JsonWalk::take_between(char c) {
  switch (c) {
    case '"': begin(In::text); return Step::none;
    case ':': take_name(); return Step::none;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      if (in_ == In::scalar) in_ = In::value;
      return Step::none;
    case ',':
    case '}':
    case ']': sign_ = c; return end_value();
    case '{':
    case '[': sign_ = c; return name_.empty() ? Step::none : Step::object;
    default:
      if (in_ == In::nothing) begin(In::scalar);
      if (in_ == In::value) keep(' ');  // two in a row are none
      keep(c);
      return Step::none;
  }
}

void JsonWalk::take_name() {
  if (in_ != In::value || !is_text_) return;
  name_ = value_.substr(0, is_cut_ ? 0 : value_.size());
  in_ = In::nothing;
  is_any_ = true;
}

JsonWalk::Step JsonWalk::end_value() {
  if (in_ != In::value && in_ != In::scalar) return Step::none;
  if (is_text_ && std::ranges::find(no_texts, name_) == std::end(no_texts)) texts_ += text_;
  return name_.empty() ? Step::none : Step::member;
}

bool JsonWalk::is_at(std::string_view path) const noexcept {
  std::size_t level = is_in_root_array_ ? 2 : 1;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (level >= std::min(depth_, deepest) || path_[level] != path.substr(0, dot)) return false;
    path.remove_prefix(std::min(dot + 1, path.size()));
    ++level;
  }
  return level == depth_;
}

}  // namespace picket::apps::guard

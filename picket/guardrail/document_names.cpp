#include <algorithm>
#include <utility>

#include "picket/guardrail/document.hpp"
#include "picket/guardrail/members.hpp"

/// Which text a string belongs to, when all of the document was read.
namespace picket::guardrail {
namespace {

/// A step of a name, in letters that need no care wherever the name goes. Of two keys that differ the steps do, too.
void append_step(base::RecycledString& name, std::string_view key) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (!name.empty()) name += '/';
  for (const char c : key) {
    if (name.size() > Document::longest_name) return;
    if (c > ' ' && c < 0x7F && c != '/' && c != '"' && c != '%' && c != '#') {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      name.append({'%', digits[byte >> 4], digits[byte & 0xF]});
    }
  }
}

// Bytes of an entry of a map beside what is in it, and of the text that it is known by.
constexpr std::size_t most_of_an_entry = 64;

/// What ends it: the first two steps.
base::RecycledString group_of(std::string_view name) {
  const std::size_t first = name.find('/');
  return base::RecycledString{first == std::string_view::npos ? name : name.substr(0, name.find('/', first + 1))};
}

/// Whether the next event goes on with it: what is no answer's text is whole in its event.
bool is_delta(std::string_view name) noexcept {
  const std::string_view first = name.substr(0, name.find('/'));
  return first == "choices" || first == "content" || first == "delta" || first == "content_block";
}

}  // namespace

void Document::append_place(base::RecycledString& name, std::size_t node) const {
  const Node& of = nodes_[node];
  if (of.parent == none) {
    // Events of the messages API say at their root of which block they are.
    if (role_ == Role::event && !of.index.empty() && !of.is_array) name.append("content/").append(of.index);
    return;
  }
  append_place(name, of.parent);
  const Node& parent = nodes_[of.parent];
  const bool is_in_event = parent.parent == none && role_ == Role::event;
  const bool is_block = !parent.index.empty() && (of.key == "delta" || of.key == "content_block");
  // What a message begins with goes on in its blocks.
  const bool is_message = type_ == "message_start" && of.key == "message";
  if (is_in_event && (is_block || is_message)) return;
  append_step(name, !parent.is_array    ? of.key
                    : !of.index.empty() ? of.index
                                        : std::string_view{std::to_string(of.place)});
}

base::RecycledString Document::name_of(const Raw& raw) const {
  base::RecycledString name;
  const Node& node = nodes_[raw.node];
  if (is_one_text()) return base::RecycledString{"document"};
  append_place(name, node.joined != none ? node.joined : raw.node);
  if (node.joined == none) append_step(name, node.is_array ? std::string_view{std::to_string(raw.place)} : raw.key);
  return name;
}

/// Entries of one array with the same index are parts of one thing: clients put them together.
bool Document::continues(const Raw& first, const Raw& second) const noexcept {
  std::size_t a = first.node;
  std::size_t b = second.node;
  if (a == b || first.key != second.key) return false;
  while (a != b) {
    const Node& one = nodes_[a];
    const Node& other = nodes_[b];
    if (one.parent == none || other.parent == none) return false;
    const bool are_siblings = one.parent == other.parent;
    const bool are_same_entry = !one.index.empty() ? one.index == other.index
                                                   : !are_siblings && other.index.empty() && one.place == other.place;
    const bool are_same_member = !are_siblings && one.key == other.key;
    const bool in_array = nodes_[one.parent].is_array && nodes_[other.parent].is_array;
    if (in_array ? !are_same_entry : !are_same_member) return false;
    a = one.parent;
    b = other.parent;
  }
  return true;
}

/// The array whose strings, or the `text` of whose objects, are parts of one message: templates put them together.
std::size_t Document::row_of(const Raw& raw) const {
  const Node& node = nodes_[raw.node];
  const bool says_part = raw.kind == Found::Kind::string && is_of_part(raw.key);
  const std::size_t array = node.is_array ? raw.node : says_part ? node.parent : none;
  if (role_ == Role::event || is_one_text() || array == none || node.joined != none) return none;
  return nodes_[array].is_array && holds_parts(nodes_[array].key) ? array : none;
}

Unread Document::name_texts() {
  for (std::size_t at = 0; at < raws_.size(); ++at)
    if (const Unread why = name_text(at); why != Unread::none) return why;
  for (const std::size_t node : ends_) {
    base::RecycledString place;
    append_place(place, node);
    ended_.push_back(group_of(place));
  }
  if (type_ == "content_block_stop" && role_ == Role::event) {
    base::RecycledString block;
    append_place(block, 0);
    ended_.push_back(std::move(block));
  }
  std::ranges::sort(rows_);
  ends_all_ = role_ != Role::event || type_ == "message_stop";
  return Unread::none;
}

Unread Document::name_text(std::size_t at) {
  const Raw& raw = raws_[at];
  const Node& node = nodes_[raw.node];
  if (is_data(raw.key) && node.joined == none && raw.kind == Found::Kind::string &&
      is_other_file(node.type, node.media_type, text_.substr(raw.begin, raw.end - raw.begin)))
    return Unread::unreadable;
  const bool is_of_root = raw.node == 0 && raw.kind == Found::Kind::number;
  if (is_of_root && !is_one_text()) return Unread::none;  // when it was made, and the like
  if (raw.may_be_media && is_media(raw.key, node.type, node.key)) return Unread::none;
  const std::size_t joined = is_one_text() ? 0 : node.joined;
  if (joined != none && nodes_[joined].text != none) {
    const std::size_t text = nodes_[joined].text;
    found_.push_back({.text = text, .kind = Found::Kind::separator, .begin = raw.begin, .end = raw.begin});
    found_.push_back({.text = text, .kind = raw.kind, .begin = raw.begin, .end = raw.end});
    return Unread::none;
  }
  base::RecycledString name = name_of(raw);
  if (name.size() > longest_name && role_ == Role::event) return Unread::too_many;
  name.resize(std::min(name.size(), longest_name));
  const auto [entry, is_new] = known_.try_emplace(name, First{.raw = at, .text = texts_.size()});
  First& first = entry->second;
  std::size_t text = first.text;
  if (!is_new && role_ == Role::event) {
    if (joined != none || !continues(raws_[first.raw], raw)) return Unread::ambiguous;
  } else {
    if (texts_.size() == most_texts) return Unread::too_many;
    text = texts_.size();
    if (!is_new) name.append("#").append(std::to_string(++first.times));
    const bool goes_on = joined == none && raw.kind != Found::Kind::number;
    const bool streams = role_ == Role::event && goes_on && is_delta(name);
    named_ += sizeof(First) + most_of_an_entry + 3 * name.size();  // here, in its group, and where it is known
    texts_.push_back({.name = name, .group = group_of(name), .streams = streams});
    if (const std::size_t row = row_of(raw); row != none) rows_.push_back({.row = row, .text = text});
  }
  if (joined != none) nodes_[joined].text = text;
  found_.push_back({.text = text, .kind = raw.kind, .begin = raw.begin, .end = raw.end});
  return Unread::none;
}

}  // namespace picket::guardrail

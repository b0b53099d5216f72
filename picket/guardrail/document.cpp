#include "picket/guardrail/document.hpp"

#include <algorithm>
#include <utility>

#include "picket/guardrail/json_text.hpp"
#include "picket/guardrail/members.hpp"

namespace picket::guardrail {
namespace {

using Kind = Token::Kind;

/// A step of a name, in letters that need no care wherever the name goes. Of two keys that differ the steps do, too.
void append_step(std::string& name, std::string_view key) {
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

/// What ends it: the first two steps.
std::string group_of(std::string_view name) {
  const std::size_t first = name.find('/');
  return std::string{first == std::string_view::npos ? name : name.substr(0, name.find('/', first + 1))};
}

/// Whether the next event goes on with it: what is no answer's text is whole in its event.
bool is_delta(std::string_view name) noexcept {
  const std::string_view first = name.substr(0, name.find('/'));
  return first == "choices" || first == "content" || first == "delta" || first == "content_block";
}

}  // namespace

std::string_view words_of(Unread why) noexcept {
  switch (why) {
    case Unread::none: break;
    case Unread::not_json: return "it is not JSON in UTF-8, or not whole";
    case Unread::not_known: return "it has no shape of a chat-completion or messages API";
    case Unread::unreadable: return "it has logprobs, which tell the text a second time";
    case Unread::too_many: return "it has more texts, or longer names, than are kept apart";
    case Unread::ambiguous: return "it says the same thing twice, and readers differ in which they take";
  }
  return "nothing is wrong with it";
}

Unread Document::read(std::string_view text, Role role) {
  text_ = text;
  role_ = role;
  now_ = none;
  key_ = type_ = {};
  is_known_ = ends_all_ = false;
  model_.clear();
  found_.clear();
  texts_.clear();
  ended_.clear();
  Unread why = scan();
  if (why == Unread::none) why = judge();
  if (why == Unread::none) why = name_texts();
  forget();
  return why;
}

/// Events keep their little memory for the next one; a document has none.
void Document::forget() {
  constexpr std::size_t kept = 256;
  nodes_.clear();
  decoded_.clear();
  raws_.clear();
  ends_.clear();
  names_.clear();
  known_.clear();
  if (raws_.capacity() > kept) raws_ = {};
  if (nodes_.capacity() > kept) nodes_ = {};
  if (names_.capacity() > kept) names_ = {};
}

Unread Document::scan() {
  JsonScanner scanner{text_};
  while (true) {
    const Token token = scanner.next();
    if (token.kind == Kind::end) return Unread::none;
    if (token.kind == Kind::invalid) return Unread::not_json;
    if (const Unread why = take(token); why != Unread::none) return why;
  }
}

Unread Document::take(const Token& token) {
  Unread why = Unread::none;
  switch (token.kind) {
    case Kind::object:
    case Kind::array:
      // Token by token, and as bytes: the text once more.
      if (key_ == "logprobs" && role_ != Role::request) return Unread::unreadable;
      open(token.kind);
      break;
    case Kind::close: why = close(); break;
    case Kind::key: take_key(token); break;
    case Kind::string: why = take_string(token); break;
    case Kind::number: why = take_number(token); break;
    case Kind::literal: key_ = {}; break;
    case Kind::end:
    case Kind::invalid: break;
  }
  if (now_ != none && nodes_[now_].is_array && token.kind == Kind::literal) ++nodes_[now_].children;
  return why == Unread::none && has_too_many() ? Unread::too_many : why;
}

bool Document::has_too_many() const noexcept {
  return std::max({raws_.size(), nodes_.size(), names_.size()}) > most_parts ||
         std::max(decoded_.size(), ends_.size()) > most_texts;
}

// ---- containers

void Document::open(Kind kind) {
  Node node{.parent = now_,
            .key = key_,
            .is_array = kind == Kind::array,
            .is_text = true,
            .names_before = names_.size(),
            .found_before = raws_.size()};
  if (now_ != none) open_in(node);
  key_ = {};
  now_ = nodes_.size();
  nodes_.push_back(node);
}

void Document::open_in(Node& node) {
  Node& parent = nodes_[node.parent];
  const bool is_request = role_ == Role::request;
  node.place = parent.children++;
  node.is_text = parent.is_text;
  node.is_setting = parent.is_setting;
  node.joined = parent.joined;
  if (parent.parent == none && !parent.is_array) {
    node.is_text = !is_request || !is_setting(key_);
    node.is_setting = is_request && is_parameter(key_);
    is_known_ = is_known_ || (is_request ? is_prompt(key_) : is_answer(key_));
    return;
  }
  const bool is_tool = is_request && parent.is_array && is_tools(parent.key) && nodes_[parent.parent].parent == none;
  const bool is_one = is_tool || is_arguments(key_) || (is_request && is_schema(key_));
  if (node.joined == none && node.is_text && is_one) node.joined = nodes_.size();
}

/// What has no text is forgotten, so that empty ones without number cost nothing.
Unread Document::close() {
  const std::size_t closed = now_;
  const Node& node = nodes_[closed];
  const auto first = names_.begin() + static_cast<std::ptrdiff_t>(node.names_before);
  std::sort(first, names_.end());
  const bool has_twins = std::adjacent_find(first, names_.end()) != names_.end();
  names_.erase(first, names_.end());
  now_ = node.parent;
  const bool is_needed = node.found_before != raws_.size() || node.has_ended || closed == 0;
  if (!is_needed && closed + 1 == nodes_.size()) nodes_.pop_back();
  return has_twins ? Unread::ambiguous : Unread::none;
}

// ---- scalars

/// Views of the document, or of what it was decoded to.
std::string_view Document::spelled(const Token& token) {
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  if (raw.find('\\') == std::string_view::npos) return raw;
  std::string decoded;
  static_cast<void>(decode(raw, decoded));
  return decoded_.emplace_back(std::move(decoded));
}

void Document::take_key(const Token& token) {
  key_ = {};
  if (nodes_[now_].joined != none) return add(Found::Kind::string, token);
  key_ = spelled(token);
  if (role_ == Role::event) names_.push_back(key_);
}

bool Document::is_text_here(std::string_view raw) const noexcept {
  const Node& node = nodes_[now_];
  if (node.joined != none) return true;
  const bool is_in_root = node.parent == none;
  const bool is_in_request = is_in_root && role_ == Role::request;
  if (!node.is_text || (is_in_request && is_setting(key_))) return false;
  if (is_label(key_)) return !is_word(raw) && !(is_in_root && role_ == Role::event);
  return !((node.is_setting || (is_in_request && is_parameter(key_))) && is_word(raw));
}

Unread Document::take_string(const Token& token) {
  if (now_ == none) return Unread::not_known;  // a document that is a string
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  Node& node = nodes_[now_];
  if (node.parent == none) take_in_root(token);
  if (node.joined == none) {
    if (key_ == "type") node.type = node.type.empty() ? raw : " ";
    const bool is_end = key_ == "finish_reason" && role_ == Role::event && !raw.empty();
    if (is_end && !std::exchange(node.has_ended, true)) ends_.push_back(now_);
  }
  const bool is_seal = node.joined == none && may_be_media(key_, raw);
  const bool is_skipped = node.joined == none && is_file(key_, raw);
  if (is_text_here(raw) && !is_skipped) add(Found::Kind::string, token, is_seal);
  if (node.is_array) ++node.children;
  key_ = {};
  return Unread::none;
}

void Document::take_in_root(const Token& token) {
  if (key_ == "type") type_ = spelled(token);
  if (key_ == "model") model_ = spelled(token);
  is_known_ = is_known_ || (role_ == Role::request ? is_plain_prompt(key_) : is_answer(key_) && key_ != "choices");
}

Unread Document::take_number(const Token& token) {
  if (now_ == none) return Unread::none;
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  Node& node = nodes_[now_];
  if (node.joined != none) {
    add(Found::Kind::number, token);
  } else if (key_ == "index" && role_ != Role::request) {
    const bool is_count = raw.size() <= 20 && raw.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_count && role_ == Role::event) return Unread::ambiguous;  // 1.0 is 1 for some
    if (is_count) node.index = raw;
  }
  if (node.is_array) ++node.children;
  key_ = {};
  return Unread::none;
}

void Document::add(Found::Kind kind, const Token& token, bool may_be_media) {
  raws_.push_back({.node = now_,
                   .key = key_,
                   .place = nodes_[now_].children,
                   .kind = kind,
                   .may_be_media = may_be_media,
                   .begin = token.begin,
                   .end = token.end});
}

// ---- what it is

Unread Document::judge() const noexcept {
  if (nodes_.empty() || nodes_.front().is_array) return Unread::not_known;
  if (role_ != Role::event) return is_known_ ? Unread::none : Unread::not_known;
  // Without its index nobody can say of which block it is, nor when that ends.
  const bool is_of_block = type_ == "content_block_start" || type_ == "content_block_delta";
  if (is_of_block && nodes_.front().index.empty()) return Unread::not_known;
  return is_known_ || is_event_type(type_) ? Unread::none : Unread::not_known;
}

void Document::append_place(std::string& name, std::size_t node) const {
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
  append_step(name, !parent.is_array ? of.key : !of.index.empty() ? of.index : std::to_string(of.place));
}

std::string Document::name_of(const Raw& raw) const {
  std::string name;
  const Node& node = nodes_[raw.node];
  append_place(name, node.joined != none ? node.joined : raw.node);
  if (node.joined == none) append_step(name, node.is_array ? std::to_string(raw.place) : std::string{raw.key});
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

Unread Document::name_texts() {
  for (std::size_t at = 0; at < raws_.size(); ++at)
    if (const Unread why = name_text(at); why != Unread::none) return why;
  for (const std::size_t node : ends_) {
    std::string place;
    append_place(place, node);
    ended_.push_back(group_of(place));
  }
  if (type_ == "content_block_stop" && role_ == Role::event) {
    std::string block;
    append_place(block, 0);
    ended_.push_back(std::move(block));
  }
  ends_all_ = role_ != Role::event || type_ == "message_stop";
  return Unread::none;
}

Unread Document::name_text(std::size_t at) {
  const Raw& raw = raws_[at];
  const Node& node = nodes_[raw.node];
  if (raw.may_be_media && is_media(raw.key, node.type, node.key)) return Unread::none;
  const std::size_t joined = node.joined;
  if (joined != none && nodes_[joined].text != none) {
    const std::size_t text = nodes_[joined].text;
    found_.push_back({.text = text, .kind = Found::Kind::separator, .begin = raw.begin, .end = raw.begin});
    found_.push_back({.text = text, .kind = raw.kind, .begin = raw.begin, .end = raw.end});
    return Unread::none;
  }
  std::string name = name_of(raw);
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
    if (!is_new) name += '#' + std::to_string(++first.times);
    const bool streams = role_ == Role::event && joined == none && is_delta(name);
    texts_.push_back({.name = name, .group = group_of(name), .streams = streams});
  }
  if (joined != none) nodes_[joined].text = text;
  found_.push_back({.text = text, .kind = raw.kind, .begin = raw.begin, .end = raw.end});
  return Unread::none;
}

}  // namespace picket::guardrail

#include "picket/guardrail/document.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "picket/guardrail/json_text.hpp"

namespace picket::guardrail {
namespace {

using Kind = Token::Kind;

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) noexcept {
  return std::ranges::find(names, name) != names.end();
}

/// What says what something is. A model does not choose these words, or they mean nothing to who reads the text.
constexpr std::array<std::string_view, 20> labels{"id",
                                                  "type",
                                                  "role",
                                                  "object",
                                                  "model",
                                                  "name",
                                                  "index",
                                                  "tool_call_id",
                                                  "tool_use_id",
                                                  "call_id",
                                                  "stop_reason",
                                                  "finish_reason",
                                                  "stop_sequence",
                                                  "media_type",
                                                  "signature",
                                                  "service_tier",
                                                  "system_fingerprint",
                                                  "obfuscation",
                                                  "detail",
                                                  "format"};
constexpr std::array<std::string_view, 3> media_keys{"data", "url", "file_data"};
/// Below these an object is what a tool is called with.
constexpr std::array<std::string_view, 2> argument_keys{"input", "arguments"};
constexpr std::array<std::string_view, 8> event_types{
    "message_start",       "message_delta",      "message_stop", "content_block_start",
    "content_block_delta", "content_block_stop", "ping",         "error"};

constexpr std::size_t shortest_media = 64;  // bytes; what is shorter is looked at, whatever it is

bool is_base64(std::string_view text) noexcept {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\";
  return text.size() >= shortest_media && text.find_first_not_of(alphabet) == std::string_view::npos;
}

/// A file in the text (RFC 2397), or what is in one.
bool is_media(std::string_view raw) noexcept {
  constexpr std::string_view marker = ";base64,";
  const std::size_t at = raw.starts_with("data:") ? raw.substr(0, 256).find(marker) : std::string_view::npos;
  return at == std::string_view::npos ? is_base64(raw) : is_base64(raw.substr(at + marker.size()));
}

/// As servers read it that do not care for case: Go's do not, nor for the two letters that fold to ASCII.
std::string folded(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::string_view rest = name.substr(i);
    if (rest.starts_with("\xC5\xBF")) {  // U+017F
      out += 's';
      i += 1;
    } else if (rest.starts_with("\xE2\x84\xAA")) {  // U+212A
      out += 'k';
      i += 2;
    } else {
      out += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    }
  }
  return out;
}

/// A step of a name: of bounded length, in letters that need no care wherever the name goes.
void append_step(std::string& name, std::string_view key) {
  constexpr std::size_t longest = 64;
  if (!name.empty()) name += '/';
  for (const char c : key.substr(0, longest)) name += c > ' ' && c < 0x7F && c != '/' && c != '"' ? c : '?';
}

bool is_prompt(std::string_view name) {
  constexpr std::array<std::string_view, 5> prompts{"messages", "system", "prompt", "input", "instructions"};
  return is_one_of(folded(name), prompts);
}

}  // namespace

std::string_view words_of(Unread why) noexcept {
  switch (why) {
    case Unread::none: break;
    case Unread::not_json: return "it is not JSON, or not whole";
    case Unread::not_known: return "it has no shape of a chat-completion or messages API";
    case Unread::unreadable: return "it has logprobs, which tell the text a second time";
    case Unread::too_many: return "it has more texts than are kept apart";
  }
  return "nothing is wrong with it";
}

Unread Document::read(std::string_view text, Role role) {
  text_ = text;
  role_ = role;
  nodes_.clear();
  decoded_.clear();
  raws_.clear();
  ends_.clear();
  now_ = none;
  key_ = type_ = {};
  is_known_ = ends_all_ = false;
  model_.clear();
  found_.clear();
  texts_.clear();
  ended_.clear();
  if (const Unread why = scan(); why != Unread::none) return why;
  if (const Unread why = judge(); why != Unread::none) return why;
  return name_texts();
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
  switch (token.kind) {
    case Kind::object:
    case Kind::array:
      // Token by token, and as bytes: the text once more.
      if (key_ == "logprobs" && role_ != Role::request) return Unread::unreadable;
      open(token.kind);
      break;
    case Kind::close: close(); break;
    case Kind::key: take_key(token); break;
    case Kind::string: return take_string(token);
    case Kind::number: take_number(token); break;
    case Kind::literal: key_ = {}; break;
    case Kind::end:
    case Kind::invalid: break;
  }
  if (now_ != none && nodes_[now_].is_array && token.kind == Kind::literal) ++nodes_[now_].children;
  return raws_.size() > most_texts * 16 ? Unread::too_many : Unread::none;
}

// ---- containers

void Document::open(Kind kind) {
  Node node{.parent = now_, .key = key_, .is_array = kind == Kind::array, .found_before = raws_.size()};
  if (now_ == none) {
    node.is_text = role_ != Role::request;
  } else {
    Node& parent = nodes_[now_];
    node.place = parent.children++;
    node.is_text = parent.is_text;
    node.joined = parent.joined;
    if (parent.parent == none && !parent.is_array) {
      if (role_ == Role::request) {
        node.is_text = is_prompt(key_);
        is_known_ = is_known_ || (node.is_text && folded(key_) != "system");
      } else {
        is_known_ = is_known_ || key_ == "choices" || key_ == "content" || key_ == "error";
      }
    } else if (node.joined == none && is_one_of(key_, argument_keys)) {
      node.joined = nodes_.size();
    }
  }
  key_ = {};
  now_ = nodes_.size();
  nodes_.push_back(node);
}

/// What has no text is forgotten, so that empty ones without number cost nothing.
void Document::close() {
  const std::size_t closed = now_;
  now_ = nodes_[closed].parent;
  const bool is_needed = nodes_[closed].found_before != raws_.size() || nodes_[closed].has_ended || closed == 0;
  if (!is_needed && closed + 1 == nodes_.size()) nodes_.pop_back();
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
  key_ = spelled(token);
  if (nodes_[now_].joined != none) {
    const std::string_view key = std::exchange(key_, {});
    add(Found::Kind::string, token);
    key_ = key;
  }
}

bool Document::is_text_here() const noexcept {
  if (now_ == none) return false;
  const Node& node = nodes_[now_];
  if (node.joined != none) return true;
  if (node.parent == none && role_ == Role::request) return is_prompt(key_);
  return node.is_text && !is_one_of(key_, labels);
}

Unread Document::take_string(const Token& token) {
  if (now_ == none) return Unread::not_known;  // a document that is a string
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  const bool is_in_root = nodes_[now_].parent == none;
  if (is_in_root) take_in_root(token);
  if (key_ == "finish_reason" && !raw.empty() && !std::exchange(nodes_[now_].has_ended, true)) ends_.push_back(now_);
  const bool skips_media = is_one_of(key_, media_keys) && nodes_[now_].joined == none && is_media(raw);
  if (is_text_here() && !skips_media) add(Found::Kind::string, token);
  if (nodes_[now_].is_array) ++nodes_[now_].children;
  key_ = {};
  return Unread::none;
}

void Document::take_in_root(const Token& token) {
  if (key_ == "type") type_ = spelled(token);
  if (key_ == "model") model_ = spelled(token);
  if (role_ == Role::request) {
    is_known_ = is_known_ || folded(key_) == "prompt";
  } else {
    is_known_ = is_known_ || key_ == "content" || key_ == "error";
  }
}

void Document::take_number(const Token& token) {
  if (now_ == none) return;
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  Node& node = nodes_[now_];
  if (node.joined != none) add(Found::Kind::number, token);
  const bool is_count = raw.size() <= 20 && raw.find_first_not_of("0123456789") == std::string_view::npos;
  if (key_ == "index" && is_count) nodes_[now_].index = raw;
  if (nodes_[now_].is_array) ++nodes_[now_].children;
  key_ = {};
}

void Document::add(Found::Kind kind, const Token& token) {
  raws_.push_back({.node = now_,
                   .key = key_,
                   .place = nodes_[now_].children,
                   .kind = kind,
                   .begin = token.begin,
                   .end = token.end});
}

// ---- what it is

Unread Document::judge() const noexcept {
  if (nodes_.empty() || nodes_.front().is_array) return Unread::not_known;
  if (is_known_ || (role_ == Role::event && is_one_of(type_, event_types))) return Unread::none;
  return Unread::not_known;
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
  const bool is_block = parent.parent == none && role_ == Role::event && !parent.index.empty() &&
                        (of.key == "delta" || of.key == "content_block");
  if (is_block) return;
  append_step(name, !parent.is_array ? of.key : !of.index.empty() ? of.index : std::to_string(of.place));
}

/// The first two steps of its place.
std::string Document::group_of(std::size_t node) const {
  std::string name;
  append_place(name, node);
  const std::size_t first = name.find('/');
  return first == std::string::npos ? name : name.substr(0, name.find('/', first + 1));
}

FoundText Document::named(const Raw& raw) const {
  FoundText text;
  const std::size_t joined = nodes_[raw.node].joined;
  append_place(text.name, joined != none ? joined : raw.node);
  if (joined == none) {
    append_step(text.name, nodes_[raw.node].is_array ? std::to_string(raw.place) : std::string{raw.key});
  }
  text.group = group_of(raw.node);
  const bool is_delta = text.group.starts_with("choices/") || text.group.starts_with("content/");
  text.streams = role_ == Role::event && is_delta && joined == none;
  return text;
}

Unread Document::name_texts() {
  std::map<std::string, std::size_t, std::less<>> known;
  for (const Raw& raw : raws_) {
    FoundText text = named(raw);
    const auto [entry, is_new] = known.try_emplace(text.name, texts_.size());
    const bool is_joined = nodes_[raw.node].joined != none;
    if (is_new) {
      if (texts_.size() == most_texts) return Unread::too_many;
      texts_.push_back(std::move(text));
    } else if (is_joined) {
      found_.push_back({.text = entry->second, .kind = Found::Kind::separator, .begin = raw.begin, .end = raw.begin});
    }
    found_.push_back({.text = entry->second, .kind = raw.kind, .begin = raw.begin, .end = raw.end});
  }
  for (const std::size_t node : ends_) ended_.push_back(group_of(node));
  if (type_ == "content_block_stop" && role_ == Role::event) ended_.push_back(group_of(0));
  ends_all_ = role_ != Role::event || type_ == "message_stop";
  return Unread::none;
}

}  // namespace picket::guardrail

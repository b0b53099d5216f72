#include "picket/guardrail/document.hpp"

#include <algorithm>
#include <utility>

#include "picket/guardrail/json_text.hpp"
#include "picket/guardrail/members.hpp"

namespace picket::guardrail {

using Kind = Token::Kind;

namespace {

/// The memory, too, which clearing leaves.
template <class Items>
void give_back(Items& items) noexcept {
  Items{}.swap(items);
}

}  // namespace

std::string_view words_of(Unread why) noexcept {
  switch (why) {
    case Unread::none: break;
    case Unread::not_json: return "it is not JSON in UTF-8, or not whole";
    case Unread::not_known: return "it has no shape of a chat-completion or messages API";
    case Unread::unreadable: return "it has logprobs, or numbers or a packed file in place of a text";
    case Unread::too_many: return "it has more texts, or longer names, than are kept apart";
    case Unread::no_room: return "max-held-bytes has no room for what is noted of it";
    case Unread::ambiguous: return "it says the same thing twice, and readers differ in which they take";
  }
  return "nothing is wrong with it";
}

Unread Document::read(std::string_view text, Role role) {
  text_ = text;
  role_ = role;
  now_ = none;
  key_ = type_ = {};
  is_known_ = has_numbers_ = ends_all_ = false;
  model_.clear();
  found_.clear();
  texts_.clear();
  rows_.clear();
  named_ = 0;
  ended_.clear();
  Unread why = scan();
  if (why == Unread::none) why = judge();
  if (why == Unread::none) why = name_texts();
  if (why == Unread::none && !has_room()) why = Unread::no_room;
  why == Unread::none ? forget() : clear();
  return why;
}

void Document::clear() {
  give_back(found_);
  give_back(texts_);
  give_back(rows_);
  give_back(ended_);
  give_back(nodes_);
  give_back(raws_);
  give_back(ends_);
  give_back(names_);
  named_ = 0;
  forget();
}

/// Events keep their little memory for the next one; a document has none.
void Document::forget() {
  constexpr std::size_t kept = 256;
  nodes_.clear();
  decoded_.clear();
  spelled_ = 0;
  raws_.clear();
  ends_.clear();
  names_.clear();
  known_.clear();
  if (raws_.capacity() > kept) give_back(raws_);
  if (nodes_.capacity() > kept) give_back(nodes_);
  if (names_.capacity() > kept) give_back(names_);
  static_cast<void>(has_room());  // less than before
}

std::uint64_t Document::memory() const noexcept {
  return nodes_.capacity() * sizeof(Node) + raws_.capacity() * sizeof(Raw) + ends_.capacity() * sizeof(std::size_t) +
         names_.capacity() * sizeof(std::string_view) + decoded_.size() * sizeof(std::string) + spelled_ +
         found_.capacity() * sizeof(Found) + texts_.capacity() * sizeof(FoundText) +
         rows_.capacity() * sizeof(RowPart) + named_;
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
  // Some take "0" for 0, and null for none: what they put together differs.
  const bool is_value = token.kind != Kind::key && token.kind != Kind::close && token.kind != Kind::number;
  if (is_value && is_index()) return Unread::ambiguous;
  Unread why = Unread::none;
  switch (token.kind) {
    case Kind::object:
    case Kind::array:
      // Token by token, and as bytes: the text once more.
      if (role_ != Role::request && tells_again(key_)) return Unread::unreadable;
      open(token.kind);
      break;
    case Kind::close: why = close(); break;
    case Kind::key: why = take_key(token); break;
    case Kind::string: why = take_string(token); break;
    case Kind::number: why = take_number(token); break;
    case Kind::literal: key_ = {}; break;
    case Kind::end:
    case Kind::invalid: break;
  }
  if (now_ != none && nodes_[now_].is_array && token.kind == Kind::literal) ++nodes_[now_].children;
  if (why != Unread::none) return why;
  if (has_too_many()) return Unread::too_many;
  return has_room() ? Unread::none : Unread::no_room;
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
  node.is_parameter = parent.is_parameter;
  node.is_spoken = parent.is_spoken;
  node.joined = parent.joined;
  if (parent.parent == none && !parent.is_array) {
    node.is_text = !is_request || !is_setting(key_);
    node.is_parameter = is_request && is_parameter(key_);
    node.is_spoken = is_request || !is_account(key_);
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
  base::RecycledString decoded;
  static_cast<void>(decode(raw, decoded));
  spelled_ += decoded.size();
  return decoded_.emplace_back(std::move(decoded));
}

Unread Document::take_key(const Token& token) {
  key_ = {};
  const Node& node = nodes_[now_];
  if (node.joined != none) {
    add(Found::Kind::string, token);
    return Unread::none;
  }
  key_ = spelled(token);
  if (role_ == Role::event) names_.push_back(key_);
  const bool is_whole_answer = role_ == Role::answer || role_ == Role::other;
  const bool is_own = (node.parent == none && !is_whole_answer) || !node.is_text || is_name(key_);
  if (is_own || (node.is_parameter && is_word(text_.substr(token.begin, token.end - token.begin)))) return Unread::none;
  // In a stream it would be a text beside the one that it names.
  if (role_ == Role::event) return node.is_spoken ? Unread::unreadable : Unread::none;
  add(Found::Kind::string, token);
  return Unread::none;
}

bool Document::is_text_here(std::string_view raw) const noexcept {
  const Node& node = nodes_[now_];
  if (node.joined != none) return true;
  const bool is_in_root = node.parent == none;
  const bool is_in_request = is_in_root && role_ == Role::request;
  if (!node.is_text || (is_in_request && is_setting(key_))) return false;
  const bool says_nothing = names_somebody(key_) ? is_identifier(raw) : is_word(raw);
  if (is_label(key_)) return !says_nothing && !(is_in_root && role_ == Role::event);
  return !((node.is_parameter || (is_in_request && is_parameter(key_))) && says_nothing);
}

Unread Document::take_string(const Token& token) {
  if (now_ == none) return Unread::not_known;  // a document that is a string
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  Node& node = nodes_[now_];
  if (node.parent == none) take_in_root(token);
  if (node.joined == none) {
    if (is_type(key_)) node.type = node.type.empty() ? raw : two_words;
    if (is_media_type(key_)) node.media_type = node.media_type.empty() ? raw : two_words;
    const bool is_end = key_ == "finish_reason" && role_ == Role::event && !raw.empty();
    if (is_end && !std::exchange(node.has_ended, true)) ends_.push_back(now_);
  }
  const File file = node.joined == none && node.is_text ? file_in(key_, raw) : File::none;
  if (file == File::other) return Unread::unreadable;
  const bool is_seal = node.joined == none && may_be_media(key_, raw);
  const bool is_json = node.joined == none && holds_json(key_);
  if (is_text_here(raw) && file == File::none) add(is_json ? Found::Kind::json : Found::Kind::string, token, is_seal);
  if (node.is_array) ++node.children;
  key_ = {};
  return Unread::none;
}

void Document::take_in_root(const Token& token) {
  if (key_ == "type") type_ = spelled(token);
  if (key_ == "model") model_ = spelled(token);
  is_known_ = is_known_ || (role_ == Role::request ? is_plain_prompt(key_) : is_answer(key_) && key_ != "choices");
}

/// Token ids are a text that nobody can look at; of a text that is a number some read what it says.
bool Document::stands_for_text() const {
  const Node& node = nodes_[now_];
  if (!node.is_text || node.is_parameter) return false;
  if (node.is_array) return true;
  const bool is_in_root = node.parent == none;
  return (is_in_root || node.is_spoken) &&
         (is_spoken(key_) || (role_ == Role::request && is_in_root && is_prompt(key_)));
}

/// What comes is the `index` of something in an event.
bool Document::is_index() const noexcept {
  return role_ == Role::event && now_ != none && !nodes_[now_].is_array && nodes_[now_].joined == none &&
         key_ == "index";
}

Unread Document::take_number(const Token& token) {
  if (now_ == none) return Unread::none;
  const std::string_view raw = text_.substr(token.begin, token.end - token.begin);
  Node& node = nodes_[now_];
  if (node.joined != none) {  // NOLINT(bugprone-branch-clone): for another reason
    add(Found::Kind::number, token);
  } else if (key_ == "index" && role_ != Role::request) {
    constexpr std::size_t most_digits = 15;  // more are not the same number to all
    const bool is_count = raw.size() <= most_digits && raw.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_count && role_ == Role::event) return Unread::ambiguous;  // 1.0 is 1 for some
    if (is_count) node.index = raw;
  } else if (stands_for_text()) {
    if (role_ != Role::other) return Unread::unreadable;
    has_numbers_ = true;
    add(Found::Kind::number, token);
  } else if (node.is_text && !node.is_parameter && (node.is_spoken || role_ == Role::other) && is_somebodys(raw)) {
    add(Found::Kind::number, token);
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
  if (is_known_ && has_numbers_) return Unread::unreadable;
  if (role_ == Role::other && !nodes_.empty()) return Unread::none;
  if (nodes_.empty() || nodes_.front().is_array) return Unread::not_known;
  if (role_ != Role::event) return is_known_ ? Unread::none : Unread::not_known;
  // Without its index nobody can say of which block it is, nor when that ends.
  const bool is_of_block = type_ == "content_block_start" || type_ == "content_block_delta";
  if (is_of_block && nodes_.front().index.empty()) return Unread::not_known;
  return is_known_ || is_event_type(type_) ? Unread::none : Unread::not_known;
}

}  // namespace picket::guardrail

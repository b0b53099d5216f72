#include "picket/guardrail/json_scanner.hpp"

#include <algorithm>
#include <array>

#include "picket/guardrail/json_text.hpp"

namespace picket::guardrail {

using Kind = Token::Kind;

Token JsonScanner::next() {
  skip_space();
  switch (expects_) {
    case Expects::value: return value();
    case Expects::value_or_close: return take(']') ? close() : value();
    case Expects::key: return key();
    case Expects::key_or_close: return take('}') ? close() : key();
    case Expects::comma_or_close: return separated();
    case Expects::nothing: break;
    case Expects::no_more: return {};
  }
  return at_ == text_.size() ? Token{.kind = Kind::end, .begin = at_, .end = at_} : fail();
}

void JsonScanner::skip_space() noexcept {
  while (at_ != text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
    ++at_;
}

bool JsonScanner::take(char c) noexcept {
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

Token JsonScanner::separated() {
  const bool in_object = open_.back() == Kind::object;
  if (take(in_object ? '}' : ']')) return close();
  if (!take(',')) return fail();
  skip_space();
  return in_object ? key() : value();
}

Token JsonScanner::open(Kind kind) {
  if (open_.size() == most_depth) return fail();
  open_.push_back(kind);
  expects_ = kind == Kind::object ? Expects::key_or_close : Expects::value_or_close;
  ++at_;
  return {.kind = kind, .begin = at_ - 1, .end = at_};
}

Token JsonScanner::close() {
  open_.pop_back();
  return done({.kind = Kind::close, .begin = at_ - 1, .end = at_});
}

Token JsonScanner::key() {
  const Token token = string(Kind::key);
  if (token.kind == Kind::invalid) return token;
  skip_space();
  if (!take(':')) return fail();
  expects_ = Expects::value;
  return token;
}

Token JsonScanner::value() {
  if (at_ == text_.size()) return fail();
  switch (text_[at_]) {
    case '{': return open(Kind::object);
    case '[': return open(Kind::array);
    case '"': return string(Kind::string);
    case 't':
    case 'f':
    case 'n': return literal();
    default: return number();
  }
}

Token JsonScanner::string(Kind kind) {
  if (!take('"')) return fail();
  const std::size_t begin = at_;
  while (at_ != text_.size() && text_[at_] != '"') {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    const bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '\\';
    const std::size_t size = is_plain ? 1 : next_unit(text_.substr(at_)).raw;
    if (size == 0 || (size == 1 && byte >= 0x80)) return fail();  // no unit, or a byte that is no UTF-8
    at_ += size;
  }
  const Token token{.kind = kind, .begin = begin, .end = at_};
  return take('"') ? done(token) : fail();
}

bool JsonScanner::digits() noexcept {
  const std::size_t begin = at_;
  while (at_ != text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
  return at_ != begin;
}

Token JsonScanner::number() {
  const std::size_t begin = at_;
  static_cast<void>(take('-'));
  if (!take('0') && !digits()) return fail();
  if (take('.') && !digits()) return fail();
  if (take('e') || take('E')) {
    if (!take('+')) static_cast<void>(take('-'));
    if (!digits()) return fail();
  }
  return done({.kind = Kind::number, .begin = begin, .end = at_});
}

Token JsonScanner::literal() {
  constexpr std::array<std::string_view, 3> literals{"true", "false", "null"};
  const auto found =
      std::ranges::find_if(literals, [&](std::string_view each) { return text_.substr(at_).starts_with(each); });
  if (found == literals.end()) return fail();
  at_ += found->size();
  return done({.kind = Kind::literal, .begin = at_ - found->size(), .end = at_});
}

Token JsonScanner::done(Token token) noexcept {
  expects_ = open_.empty() ? Expects::nothing : Expects::comma_or_close;
  return token;
}

Token JsonScanner::fail() noexcept {
  at_ = text_.size();
  expects_ = Expects::no_more;
  return {};
}

}  // namespace picket::guardrail

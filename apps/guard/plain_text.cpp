#include "apps/guard/plain_text.hpp"

#include <algorithm>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "apps/guard/words.hpp"

namespace picket::apps::guard {
namespace {

constexpr char itself = '\x7f';
constexpr char nothing = '\0';

bool is_unseen(UChar32 code) {
  constexpr UChar32 keycap = 0x20e3;  // around the digit before it
  return code == keycap || u_charType(code) == U_FORMAT_CHAR ||
         u_hasBinaryProperty(code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0;
}

/// Hyphens, bullets of that shape and the minus sign; not dashes, which stand between sentences.
bool is_hyphen(UChar32 code) {
  return code == 0x2010 || code == 0x2011 || code == 0x2043 || code == 0x2212 || code == 0xfe58 || code == 0xfe63;
}

/// The character of ASCII for one that is none, `itself` or `nothing`.
char plain_of(UChar32 code) {
  if (is_unseen_control(code)) return nothing;
  if (code == '\v' || code == '\f') return '\n';
  if (code < 0x80) return itself;  // what is no UTF-8 is below 0
  if (code >= 0xff01 && code <= 0xff5e) return static_cast<char>(code - 0xff01 + '!');
  if (is_hyphen(code)) return '-';
  if (code == 0x85 || code == 0x2028 || code == 0x2029) return '\n';
  if (u_isUWhiteSpace(code) != 0 || code == 0x2800) return ' ';  // U+2800 is Braille's
  if (is_unseen(code)) return nothing;
  const std::int32_t digit = u_charDigitValue(code);
  return digit >= 0 && digit <= 9 ? static_cast<char>('0' + digit) : itself;
}

}  // namespace

PlainText::PlainText(std::string_view source) : source_(source) {
  const auto is_itself = [](char c) { return static_cast<signed char>(c) >= 0 && plain_of(c) == itself; };
  copy_from(static_cast<std::size_t>(std::ranges::find_if_not(source, is_itself) - source.begin()));
}

/// Goes on at `first`, before which all is as it was.
void PlainText::copy_from(std::size_t first) {
  const auto length = static_cast<std::int64_t>(source_.size());
  for (auto at = static_cast<std::int64_t>(first); at < length;) {
    const auto begin = static_cast<std::size_t>(at);
    UChar32 code = 0;
    U8_NEXT(source_.data(), at, length, code);  // NOLINT(bugprone-inc-dec-in-conditions): in the macro
    const char plain = plain_of(code);
    if (is_source_ && plain == itself) continue;
    if (is_source_) {
      is_source_ = false;
      plain_.reserve(source_.size());
      sources_.reserve(source_.size());
      plain_ = source_.substr(0, begin);
      for (std::uint32_t i = 0; i < begin; ++i) sources_.push_back(i);
    }
    if (plain == nothing) continue;
    if (plain != itself) {
      plain_ += plain;
      sources_.push_back(static_cast<std::uint32_t>(begin));
      continue;
    }
    for (auto i = begin; i < static_cast<std::size_t>(at); ++i) {
      plain_ += source_[i];
      sources_.push_back(static_cast<std::uint32_t>(i));
    }
  }
}

std::size_t PlainText::begin_in_source(std::size_t at) const noexcept {
  if (is_source_) return at;
  return at < sources_.size() ? sources_[at] : source_.size();
}

std::size_t PlainText::end_in_source(std::size_t at) const noexcept {
  if (is_source_ || at == 0) return at;
  std::size_t end = sources_[at - 1];
  const bool is_of_more_bytes =
      static_cast<signed char>(plain_[at - 1]) >= 0 && static_cast<signed char>(source_[end]) < 0;
  for (++end; is_of_more_bytes && end < source_.size() && U8_IS_TRAIL(source_[end]);) ++end;
  return end;
}

}  // namespace picket::apps::guard

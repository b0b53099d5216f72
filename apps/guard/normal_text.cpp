#include "apps/guard/normal_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include <unicode/bytestream.h>
#include <unicode/edits.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/uspoof.h>
#include <unicode/utf8.h>

#include "apps/guard/words.hpp"

namespace picket::apps::guard {
namespace {

void require(UErrorCode status, const char* what) {
  if (U_FAILURE(status)) throw std::runtime_error(std::string{"ICU cannot give "} + what + ": " + u_errorName(status));
}

/// The letter of ASCII that a character looks like, or is with its accents off; 0 where there is none. For the scripts
/// that have such letters, up to U+2FFF, and those of Cherokee and Lisu.
class Lookalikes {
 public:
  Lookalikes() {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* const decomposed = icu::Normalizer2::getNFKDInstance(status);
    USpoofChecker* const checker = uspoof_open(&status);
    require(status, "its tables of look-alikes");
    for (std::size_t i = 0; i < letters_.size(); ++i)
      letters_[i] = letter_of(static_cast<UChar32>(i + first), *decomposed, *checker);
    uspoof_close(checker);
  }
  [[nodiscard]] char operator[](UChar32 code) const noexcept {
    const auto index = static_cast<std::size_t>(code) - first;
    return index < letters_.size() ? letters_[index] : '\0';
  }

 private:
  static constexpr std::size_t first = 0x80;
  static constexpr std::size_t behind = 0xac00;

  static bool has_lookalikes(UChar32 code) { return code < 0x3000 || code >= 0xa490; }

  static char ascii_letter(const icu::UnicodeString& text) {
    const char16_t c = text.length() == 1 ? text[0] : u'\0';
    return c < 0x80 && is_letter(static_cast<char>(c)) ? static_cast<char>(c | 0x20) : '\0';
  }

  static char letter_of(UChar32 code, const icu::Normalizer2& decomposed, const USpoofChecker& checker) {
    if (!has_lookalikes(code) || !u_isalpha(code)) return '\0';
    const icu::UnicodeString character{code};
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeString parts = decomposed.normalize(character, status);
    if (parts.length() > 1 && u_getCombiningClass(parts.char32At(1)) != 0) parts.truncate(1);
    if (U_SUCCESS(status) && ascii_letter(parts) != 0) return ascii_letter(parts);
    icu::UnicodeString skeleton;
    uspoof_getSkeletonUnicodeString(&checker, 0, character, skeleton, &status);
    return U_SUCCESS(status) ? ascii_letter(skeleton) : '\0';
  }

  std::array<char, behind - first> letters_{};
};

/// Made once, when it is first needed: some milliseconds.
const Lookalikes& lookalikes() {
  static const Lookalikes table;
  return table;
}

const icu::Normalizer2& case_folding() {
  static const icu::Normalizer2* const instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* const found = icu::Normalizer2::getNFKCCasefoldInstance(status);
    require(status, "NFKC_Casefold");
    return found;
  }();
  return *instance;
}

/// The letter for which the digit or sign at `at` stands in "1gn0re pr3v!ous"; 0 for none. A sign at a word's end is
/// the sentence's.
char letter_for(std::string_view text, std::size_t at) {
  constexpr std::string_view signs = "0134578@$!|";
  constexpr std::string_view letters = "oieastbasii";
  const std::size_t found = signs.find(text[at]);
  if (found == std::string_view::npos) return '\0';
  const bool goes_on = at + 1 < text.size() && is_alnum(text[at + 1]);
  return is_digit(text[at]) || goes_on ? letters[found] : '\0';
}

}  // namespace

struct NormalText::Normalized {
  std::string text;
  icu::Edits edits;
  std::optional<icu::Edits::Iterator> at;
};

NormalText::NormalText(std::string_view source) : normalized_(std::make_unique<Normalized>()) {
  UErrorCode status = U_ZERO_ERROR;
  normalized_->text.reserve(source.size());
  icu::StringByteSink<std::string> sink{&normalized_->text};
  case_folding().normalizeUTF8(0, {source.data(), static_cast<std::int32_t>(source.size())}, sink, &normalized_->edits,
                               status);
  require(status, "a text's normal form");
  normalized_->at.emplace(normalized_->edits.getFineIterator());
  find_words();
}

NormalText::~NormalText() = default;

std::string_view NormalText::text() const noexcept { return normalized_->text; }

NormalText::Span NormalText::source_of(std::size_t begin, std::size_t end) {
  UErrorCode status = U_ZERO_ERROR;
  const auto source = [&](std::size_t index) {
    return static_cast<std::size_t>(
        normalized_->at->sourceIndexFromDestinationIndex(static_cast<std::int32_t>(index), status));
  };
  const std::size_t from = source(begin);
  return {from, std::max(from, source(end))};
}

/// Letters on their own, one character apart, are one word: "i g n o r e".
void NormalText::add_word(std::size_t letters_begin, std::size_t normal_begin, std::size_t normal_end) {
  const std::size_t size = letters_.size() - letters_begin;
  if (size == 0) return;
  if (size == 1 && !words_.empty()) {
    Word& last = words_.back();
    const bool is_spelled = last.size * 2 - 1 == last.normal_end - last.normal_begin;
    if (is_spelled && last.normal_end + 1 == normal_begin) {
      ++last.size;
      last.normal_end = normal_end;
      return;
    }
  }
  words_.push_back({letters_begin, size, normal_begin, normal_end});
}

void NormalText::find_words() {
  const std::string& text = normalized_->text;
  const Lookalikes& table = lookalikes();
  const auto length = static_cast<std::int32_t>(text.size());
  std::size_t begin = 0;
  std::size_t word_at = 0;
  bool has_letter = false;
  const auto end_word = [&](std::size_t at) {
    if (has_letter)
      add_word(begin, word_at, at);
    else
      letters_.resize(begin);
    has_letter = false;
    begin = letters_.size();
  };
  for (std::int32_t at = 0; at < length;) {
    const std::int32_t from = at;
    UChar32 code = 0;
    U8_NEXT(text.data(), at, length, code);  // NOLINT(bugprone-inc-dec-in-conditions): in the macro
    const bool is_mark = code >= 0x80 && u_getCombiningClass(code) != 0;                 // over and under letters
    if (is_mark || is_unseen_control(code) || code == '\'' || code == 0x2019) continue;  // "don't"
    char letter = '\0';
    if (code >= 0x80) {
      letter = table[code];
    } else if (code >= 0) {
      const auto c = static_cast<char>(code);
      letter = is_letter(c) ? c : letter_for(text, static_cast<std::size_t>(from));
    }
    if (letter == '\0') {
      end_word(static_cast<std::size_t>(from));
      continue;
    }
    if (letters_.size() == begin) word_at = static_cast<std::size_t>(from);
    has_letter = has_letter || code >= 0x80 || is_letter(static_cast<char>(code));
    letters_ += letter;
  }
  end_word(text.size());
}

}  // namespace picket::apps::guard

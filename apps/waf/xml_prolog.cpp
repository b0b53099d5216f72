#include "apps/waf/xml_prolog.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "apps/waf/unicode_text.hpp"
#include "picket/base/ascii.hpp"

namespace picket::apps::waf {
namespace {

constexpr std::string_view white_space = " \t\r\n";
constexpr char ebcdic_less_than = '\x4c';

/// Encodings in which every byte below 0x80 that can stand in markup is that ASCII character and nothing else.
bool shows_markup(std::string_view encoding) {
  std::string name(encoding);
  std::ranges::transform(name, name.begin(), base::lower);
  constexpr std::array exact = {"utf-8",  "utf8",   "utf-16",  "utf-16le",  "utf-16be", "us-ascii",
                                "ascii",  "latin1", "koi8-r",  "shift_jis", "euc-jp",   "euc-kr",
                                "gb2312", "gbk",    "gb18030", "big5"};
  constexpr std::array families = {"iso-8859-", "windows-125"};
  return std::ranges::find(exact, name) != exact.end() ||
         std::ranges::any_of(families, [&](std::string_view family) { return name.starts_with(family); });
}

/// The value of `encoding = "…"` in an XML declaration.
std::optional<std::string_view> declared_encoding(std::string_view declaration) {
  auto at = declaration.find("encoding");
  if (at == std::string_view::npos) return std::nullopt;
  at = declaration.find_first_of("\"'", at);
  if (at == std::string_view::npos) return "";
  return declaration.substr(at + 1, declaration.find(declaration[at], at + 1) - at - 1);
}

/// Whether an internal subset opens before the declaration ends; quoted identifiers may contain anything.
bool has_internal_subset(std::string_view declaration) {
  char quote = '\0';
  for (const char c : declaration) {
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '>') {
      return c == '[';
    }
  }
  return false;
}

bool starts_document_type(std::string_view text) {
  constexpr std::string_view keyword = "<!doctype";
  return text.size() >= keyword.size() &&
         std::equal(keyword.begin(), keyword.end(), text.begin(), [](char a, char b) { return a == base::lower(b); });
}

/// Drops white space, comments and processing instructions from the front.
std::string_view behind_misc(std::string_view text) {
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
    const std::string_view end = text.starts_with("<!--") ? "-->" : text.starts_with("<?") ? "?>" : "";
    if (end.empty()) return text;
    const auto at = text.find(end, end.size() + 1);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + end.size());
  }
}

}  // namespace

std::optional<Note> hidden_by_prolog(std::string_view document) {
  const std::string text = as_utf8(document);
  std::string_view rest = text;
  rest.remove_prefix(std::min(rest.find_first_not_of(white_space), rest.size()));
  if (rest.starts_with(ebcdic_less_than)) return note_xml_encoding;
  if (rest.starts_with("<?xml")) {
    const auto encoding = declared_encoding(rest.substr(0, rest.find("?>")));
    if (encoding && !shows_markup(*encoding)) return note_xml_encoding;
  }
  rest = behind_misc(rest);
  if (starts_document_type(rest) && has_internal_subset(rest)) return note_inline_dtd;
  return std::nullopt;
}

}  // namespace picket::apps::waf

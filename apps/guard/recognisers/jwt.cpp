#include <algorithm>
#include <array>

#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::string_view beginning = "eyJ";  // of {" in base64url

bool is_of_token(char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; }

/// A header and a payload that are JSON objects and a signature that may be empty (RFC 7519), or the five parts of an
/// encrypted one, of which only the header is JSON (RFC 7516).
bool is_token(std::string_view word) {
  const auto dots = std::count(word.begin(), word.end(), '.');
  const std::size_t first = word.find('.');
  if (first == std::string_view::npos || first < 12) return false;
  const std::string_view payload = word.substr(first + 1);
  if (dots == 2) return payload.starts_with(beginning) && payload.find('.') >= 6;
  return dots == 4 && payload.size() > 40;
}

}  // namespace

void find_jwts(std::string_view text, Findings& to) {
  for (std::size_t at = text.find(beginning); at != std::string_view::npos;) {
    std::size_t end = at;
    while (end < text.size() && is_of_token(text[end])) ++end;
    std::string_view word = text.substr(at, end - at);
    const bool begins = at == 0 || !is_of_token(text[at - 1]);
    if (begins && !is_token(word) && word.ends_with('.')) word.remove_suffix(1);  // the sentence's
    if (begins && word.ends_with("..")) word.remove_suffix(1);
    if (begins && is_token(word)) to.push_back({Category::jwt, "JSON Web Token", at, at + word.size(), 0.98F});
    at = text.find(beginning, end);
  }
}

}  // namespace picket::apps::guard

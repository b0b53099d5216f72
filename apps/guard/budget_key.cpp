#include "apps/guard/budget_key.hpp"

#include <algorithm>

#include "apps/guard/words.hpp"
#include "picket/base/text.hpp"

namespace picket::apps::guard {
namespace {

bool is_one_of(char c, std::string_view set) noexcept { return set.find(c) != std::string_view::npos; }

/// RFC 9110 §5.6.2.
bool is_scheme(std::string_view text) noexcept {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); });
}

bool is_token68(std::string_view letters) noexcept {
  return !letters.empty() && std::ranges::all_of(letters, [](char c) { return is_alnum(c) || is_one_of(c, "-._~+/"); });
}

/// RFC 4648 §4. Decoders that are less strict read the same bytes from many other texts.
bool is_base64(std::string_view letters, std::size_t padding) noexcept {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (padding > 2 || (letters.size() + padding) % 4 != 0) return false;
  const std::size_t unused = padding == 2 ? 16 : padding == 1 ? 4 : 1;  // values of the last letter's bits without use
  return letters.find_first_not_of(alphabet) == std::string_view::npos && alphabet.find(letters.back()) % unused == 0;
}

std::optional<std::string> credentials(std::string_view value) {
  const std::size_t blank = value.find_first_of(" \t");
  if (blank == std::string_view::npos) return std::nullopt;
  std::string key = base::lowered(value.substr(0, blank));
  const std::string_view padded = base::trimmed(value.substr(blank));
  const std::string_view letters = padded.substr(0, padded.find_last_not_of('=') + 1);
  if (!is_scheme(key) || !is_token68(letters)) return std::nullopt;
  if (key == "basic" && !is_base64(letters, padded.size() - letters.size())) return std::nullopt;
  return key.append(" ").append(letters);
}

}  // namespace

std::optional<std::string> budget_key(std::string_view header, std::string_view value) {
  value = base::trimmed(value);
  if (value.empty()) return std::string{};
  if (header == "authorization" || header == "proxy-authorization") return credentials(value);
  const auto is_of_word = [](char c) { return c > ' ' && c <= '~' && !is_one_of(c, "\"',;"); };
  if (!std::ranges::all_of(value, is_of_word)) return std::nullopt;
  return std::string{value};
}

}  // namespace picket::apps::guard

#include "picket/http/forwarded.hpp"

#include <algorithm>
#include <string>

#include "picket/base/headers.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/list.hpp"

namespace picket::http {
namespace {

/// RFC 9110 §5.6.4: what stands behind a backslash, and in between.
constexpr bool is_quotable(char c) noexcept {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

/// Takes a quoted string off the front of `rest`.
std::optional<std::string_view> take_quoted(std::string_view& rest, base::Arena& arena) {
  std::string text;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return arena.copy(text);
    }
    if (rest[i] == '\\' && ++i == rest.size()) break;
    if (!is_quotable(rest[i])) break;
    text += rest[i];
  }
  return std::nullopt;
}

/// Takes a value, up to what ends a parameter.
std::optional<std::string_view> take_value(std::string_view& rest, base::Arena& arena) {
  if (rest.starts_with('"')) return take_quoted(rest, arena);
  const std::size_t end = std::min(rest.find_first_of(",; \t"), rest.size());
  const std::string_view value = rest.substr(0, end);
  // Some proxies leave the quotes out that a port's colon and brackets ask for.
  const bool is_plain =
      std::ranges::all_of(value, [](char c) { return token_size({&c, 1}) == 1 || c == ':' || c == '[' || c == ']'; });
  rest.remove_prefix(end);
  return !value.empty() && is_plain ? std::optional{value} : std::nullopt;
}

/// Takes `name=value`; whether it is one, and the first of its name.
bool take_parameter(std::string_view& rest, ForwardedElement& out, base::Arena& arena) {
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !is_token(rest.substr(0, equals))) return false;
  const std::string_view name = rest.substr(0, equals);
  rest.remove_prefix(equals + 1);
  const auto value = take_value(rest, arena);
  if (!value) return false;
  std::string_view* const member = base::same_name(name, "for")     ? &out.node
                                   : base::same_name(name, "proto") ? &out.proto
                                   : base::same_name(name, "host")  ? &out.host
                                                                    : nullptr;
  if (member == nullptr) return true;
  return member->empty() && !(*member = *value).empty();
}

/// Takes one of these characters; whether there is one.
bool take(std::string_view& rest, char c) noexcept {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<base::ArenaList<ForwardedElement>> read_forwarded(std::string_view value, base::Arena& arena) {
  base::ArenaList<ForwardedElement> elements{arena};
  std::string_view rest = value;
  while (true) {
    ForwardedElement element;
    do {
      rest = trimmed(rest);
      if (!take_parameter(rest, element, arena)) return std::nullopt;
      rest = trimmed(rest);
    } while (take(rest, ';'));
    elements.push_back(element);
    if (rest.empty()) return elements;
    if (!take(rest, ',')) return std::nullopt;
  }
}

}  // namespace picket::http

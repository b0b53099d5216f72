#include "apps/gateway/generation/conditions.hpp"

#include <algorithm>
#include <optional>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::generation {
namespace {

/// What all things of one name say together.
class Tally {
 public:
  void add(Fit fit) noexcept {
    all_ = all_ && fit == Fit::yes;
    any_ = any_ || fit != Fit::no;
  }
  [[nodiscard]] Fit fit() const noexcept { return !any_ ? Fit::no : all_ ? Fit::yes : Fit::perhaps; }

 private:
  bool all_ = true;
  bool any_ = false;
};

/// Calls `each` with what stands between any of `separators`.
template <class Each>
void split(std::string_view text, std::string_view separators, Each each) {
  while (true) {
    const auto end = text.find_first_of(separators);
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view around = " \t\"'";
  const auto begin = text.find_first_not_of(around);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(around) - begin + 1);
}

Fit fit_of_line(const config::NamedValue& wanted, const base::Header& line) {
  if (line.value == wanted.value) return base::same_name(line.name, wanted.name) ? Fit::yes : Fit::perhaps;
  bool is_in_list = base::same_name(trimmed(line.value), trimmed(wanted.value));
  split(line.value, ",;", [&](std::string_view item) {
    is_in_list = is_in_list || base::same_name(trimmed(item), trimmed(wanted.value));
  });
  return is_in_list ? Fit::perhaps : Fit::no;
}

constexpr int value_of_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Takes one character of a query, as forms escape it; an escape that is none is itself.
char next_decoded(std::string_view& text) noexcept {
  const char first = text.front();
  text.remove_prefix(1);
  if (first == '+') return ' ';
  if (first != '%' || text.size() < 2) return first;
  const int high = value_of_digit(text[0]);
  const int low = value_of_digit(text[1]);
  if (high < 0 || low < 0) return first;
  text.remove_prefix(2);
  return static_cast<char>(high * 16 + low);
}

bool decodes_to(std::string_view text, std::string_view plain) noexcept {
  for (const char c : plain) {
    if (text.empty() || next_decoded(text) != c) return false;
  }
  return text.empty();
}

/// Nothing where it has another name.
std::optional<Fit> fit_of_parameter(const config::NamedValue& wanted, std::string_view parameter) noexcept {
  const auto equals = parameter.find('=');
  if (!decodes_to(parameter.substr(0, equals), wanted.name)) return std::nullopt;
  const auto value = equals == std::string_view::npos ? std::string_view{} : parameter.substr(equals + 1);
  return decodes_to(value, wanted.value) ? Fit::yes : Fit::no;
}

Fit tally_of(const config::NamedValue& wanted, std::string_view query, std::string_view separators) {
  Tally tally;
  split(query, separators, [&](std::string_view parameter) {
    if (const auto fit = fit_of_parameter(wanted, parameter)) tally.add(*fit);
  });
  return tally.fit();
}

}  // namespace

Fit fit_of_header(const config::NamedValue& wanted, const base::Headers& headers) noexcept {
  Tally tally;
  for (const auto& line : headers)
    if (http::same_spelling(line.name, wanted.name)) tally.add(fit_of_line(wanted, line));
  return tally.fit();
}

Fit fit_of_query(const config::NamedValue& wanted, std::string_view query) noexcept {
  const Fit usual = tally_of(wanted, query, "&");
  if (query.find(';') == std::string_view::npos) return usual;
  return tally_of(wanted, query, "&;") == usual ? usual : Fit::perhaps;
}

bool takes_host(std::string_view pattern, std::string_view host) noexcept {
  if (!pattern.starts_with("*.")) return base::same_name(pattern, host);
  pattern.remove_prefix(1);
  return host.size() > pattern.size() && base::same_name(host.substr(host.size() - pattern.size()), pattern);
}

}  // namespace picket::apps::gateway::generation

#include "apps/gateway/generation/conditions.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "picket/base/ascii.hpp"
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

/// Whether two texts are one to a reader who minds neither case nor white space nor quotes.
bool loosely_equal(std::string_view a, std::string_view b) noexcept {
  const auto skip = [](std::string_view& text) {
    const auto next = text.find_first_not_of(" \t\"'");
    text.remove_prefix(std::min(next, text.size()));
  };
  for (skip(a), skip(b); !a.empty() && !b.empty(); skip(a), skip(b)) {
    if (base::lower(a.front()) != base::lower(b.front())) return false;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.empty() && b.empty();
}

Fit fit_of_line(const config::NamedValue& wanted, const base::Header& line) {
  if (line.value == wanted.value) return base::same_name(line.name, wanted.name) ? Fit::yes : Fit::perhaps;
  bool is_alike = loosely_equal(line.value, wanted.value);
  split(line.value, ",;", [&](std::string_view item) {
    split(wanted.value, ",;", [&](std::string_view part) { is_alike = is_alike || loosely_equal(item, part); });
  });
  return is_alike ? Fit::perhaps : Fit::no;
}

/// Takes one character of a query, as forms escape it; an escape that is none is itself.
char next_decoded(std::string_view& text) noexcept {
  const char first = text.front();
  text.remove_prefix(1);
  if (first == '+') return ' ';
  if (first != '%' || text.size() < 2) return first;
  const int high = base::hex_value(text[0]);
  const int low = base::hex_value(text[1]);
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

/// As a careless reader has it: decoded twice, up to a NUL or "#".
std::string carelessly_read(std::string_view text) {
  std::string once;
  while (!text.empty()) once += next_decoded(text);
  std::string twice;
  for (std::string_view left = once; !left.empty();) twice += next_decoded(left);
  twice.resize(std::min(twice.find_first_of(std::string_view{"\0#", 2}), twice.size()));
  return twice;
}

/// Nothing where it has another name.
std::optional<Fit> fit_of_parameter(const config::NamedValue& wanted, std::string_view parameter) {
  const auto equals = parameter.find('=');
  const std::string_view name = parameter.substr(0, equals);
  const auto value = equals == std::string_view::npos ? std::string_view{} : parameter.substr(equals + 1);
  const bool is_named = decodes_to(name, wanted.name);
  if (is_named && decodes_to(value, wanted.value)) return Fit::yes;
  if (!is_named && !loosely_equal(carelessly_read(name), wanted.name)) return std::nullopt;
  if (loosely_equal(carelessly_read(value), wanted.value)) return Fit::perhaps;
  return is_named ? std::optional{Fit::no} : std::nullopt;
}

Fit tally_of(const config::NamedValue& wanted, std::string_view query, std::string_view separators) {
  Tally tally;
  split(query, separators, [&](std::string_view parameter) {
    if (const auto fit = fit_of_parameter(wanted, parameter)) tally.add(*fit);
  });
  return tally.fit();
}

}  // namespace

Fit fit_of_header(const config::NamedValue& wanted, const base::Headers& headers) {
  Tally tally;
  for (const auto& line : headers)
    if (http::same_spelling(line.name, wanted.name)) tally.add(fit_of_line(wanted, line));
  return tally.fit();
}

Fit fit_of_query(const config::NamedValue& wanted, std::string_view query) {
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

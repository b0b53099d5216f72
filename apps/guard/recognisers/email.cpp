#include <algorithm>

#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t longest_local = 64;    // RFC 5321 §4.5.3.1.1
constexpr std::size_t longest_domain = 255;  // §4.5.3.1.2

/// atext of RFC 5322 §3.2.3 and the dot, less what stands around addresses in texts more often than in them. Bytes of
/// UTF-8 are letters (RFC 6531).
bool is_local(char c) {
  return is_alnum(c) || std::string_view{"._%+-'~&#"}.find(c) != std::string_view::npos ||
         static_cast<signed char>(c) < 0;
}
bool is_domain(char c) { return is_alnum(c) || c == '-' || c == '.' || static_cast<signed char>(c) < 0; }

std::size_t local_begin(std::string_view text, std::size_t at, std::size_t from) {
  const std::size_t nearest = std::max(from, at > longest_local ? at - longest_local : 0);
  std::size_t begin = at;
  while (begin > nearest && is_local(text[begin - 1])) --begin;
  while (begin < at && std::string_view{".'~&#-"}.find(text[begin]) != std::string_view::npos) ++begin;
  return begin;
}

/// Labels of letters, digits and inner hyphens; the last one of letters alone, two at least, or punycode.
bool is_host(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  const std::string_view top = host.substr(dot + 1);
  if (top.size() < 2) return false;
  const bool of_letters =
      std::all_of(top.begin(), top.end(), [](char c) { return is_letter(c) || static_cast<signed char>(c) < 0; });
  return (of_letters || top.starts_with("xn--")) && host.find("..") == std::string_view::npos && host.front() != '-' &&
         host.find(".-") == std::string_view::npos && host.find("-.") == std::string_view::npos;
}

/// As much of what follows the @ as may be a host: a sentence's full stop is none of it.
std::string_view host_after(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && end - at <= longest_domain && is_domain(text[end])) ++end;
  std::string_view host = text.substr(at + 1, end - at - 1);
  while (host.ends_with('.') || host.ends_with('-')) host.remove_suffix(1);
  return host;
}

}  // namespace

void find_emails(std::string_view text, Findings& to) {
  std::size_t from = 0;
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    const std::size_t begin = local_begin(text, at, from);
    const std::string_view host = host_after(text, at);
    from = at + 1;
    if (begin == at || text[at - 1] == '.' || !is_host(host)) continue;
    to.push_back({Category::email, "e-mail address", begin, at + 1 + host.size(), 0.95F});
    from = at + 1 + host.size();
  }
}

}  // namespace picket::apps::guard

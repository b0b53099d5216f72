#include "picket/pool/reverse/rules.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "picket/base/limits.hpp"
#include "picket/session/quote.hpp"

namespace picket::pool::reverse {
namespace {

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::unavailable, std::move(detail)); }

bool any_matches(const std::vector<std::string>& patterns, std::string_view id) noexcept {
  return std::ranges::any_of(patterns, [id](const auto& pattern) { return matches(pattern, id); });
}

/// How much of an id a pattern that matches it spells out; the whole of it counts above every beginning.
std::size_t precision(std::string_view pattern) noexcept {
  return 2 * pattern.size() - (pattern.ends_with('*') ? 1 : 0);
}

const Claim* claim_of(const std::vector<Claim>& claims, std::string_view id) noexcept {
  const Claim* best = nullptr;
  std::size_t most = 0;
  for (const Claim& claim : claims)
    for (const auto& pattern : claim.ids)
      if (matches(pattern, id) && precision(pattern) > most) {
        best = &claim;
        most = precision(pattern);
      }
  return best;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view id) noexcept {
  if (!pattern.ends_with('*')) return pattern == id;
  return id.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::optional<std::string> pattern_problem(std::string_view pattern) {
  if (pattern.empty()) return "an agent id is empty";
  if (pattern.size() > base::limits::max_correlation_id)
    return fmt::format("an agent id has {} bytes, {} are the most", pattern.size(), base::limits::max_correlation_id);
  const std::size_t star = pattern.find('*');
  if (star != std::string_view::npos && star + 1 != pattern.size())
    return fmt::format("\"{}\" has a * before its end: an id is written whole, or as its beginning and a *",
                       session::printable(pattern));
  return std::nullopt;
}

bool same_token(std::string_view known, std::string_view given) noexcept {
  volatile unsigned char difference = known.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = i < known.size() ? known[i] : '\0';
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(given[i] ^ other));
  }
  return difference == 0;
}

std::optional<std::string> Rules::problem() const {
  if (require_auth && secrets.empty()) return "require-auth without any auth-token lets nobody in";
  if (max_connections_per_agent < 1 || max_connections_per_agent > 65'536)
    return fmt::format("max_connections_per_agent is {}; it may be from 1 to 65536", max_connections_per_agent);
  std::vector<std::string_view> patterns{allowed.begin(), allowed.end()};
  for (const Secret& secret : secrets) {
    if (secret.token.empty()) return fmt::format("the auth-token of \"{}\" is empty", session::printable(secret.ids));
    patterns.push_back(secret.ids);
  }
  for (const Claim& claim : claims) patterns.insert(patterns.end(), claim.ids.begin(), claim.ids.end());
  for (const auto pattern : patterns)
    if (auto wrong = pattern_problem(pattern)) return wrong;
  return std::nullopt;
}

base::Result<const Claim*> Rules::judge(std::string_view id, std::optional<std::string_view> token) const {
  bool is_secret = false;
  bool is_proven = false;
  for (const Secret& secret : secrets) {
    if (!matches(secret.ids, id)) continue;
    is_secret = true;
    const bool is_this = same_token(secret.token, token.value_or(std::string_view{}));
    is_proven = is_proven || is_this;
  }
  const std::string shown = session::printable(id);
  if (is_secret && !token) return refused(fmt::format("the id '{}' needs an auth_token, and none came", shown));
  if (is_secret && !is_proven) return refused(fmt::format("the auth_token is not that of the id '{}'", shown));
  if (!is_secret && require_auth)
    return refused(fmt::format("this proxy requires an auth_token, and has none for the id '{}'", shown));
  if (!allowed.empty() && !any_matches(allowed, id))
    return refused(fmt::format("the id '{}' is not among the allowed agents", shown));
  const Claim* const claim = claim_of(claims, id);
  if (claim == nullptr)
    return refused(fmt::format("no agent block claims the id '{0}': its operator adds reverse \"{0}\" to one", shown));
  return claim;
}

}  // namespace picket::pool::reverse

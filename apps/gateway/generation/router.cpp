#include "apps/gateway/generation/router.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arpa/inet.h>

#include "apps/gateway/config/network.hpp"
#include "apps/gateway/generation/conditions.hpp"
#include "picket/base/ascii.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/path_readings.hpp"

namespace picket::apps::gateway::generation {
namespace {

constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }

std::string in_upper_case(std::string_view method) {
  std::string upper{method};
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; });
  return upper;
}

std::string in_lower_case(std::string_view host) {
  std::string lower{host};
  std::ranges::transform(lower, lower.begin(), base::lower);
  return lower;
}

/// The address that resolvers make of a number which is no IPv4 address in its usual form (127.1, 0x7f000001,
/// 0177.0.0.1); nothing for names, which begin with a letter mostly.
std::optional<std::string> odd_ipv4(std::string_view host) {
  if (host.empty() || host.front() < '0' || host.front() > '9' || config::IpAddress::parse(host)) return std::nullopt;
  in_addr address{};
  if (::inet_aton(std::string{host}.c_str(), &address) == 0) return std::nullopt;
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

}  // namespace

bool treat_alike(const config::Config& config, const config::Route& a, const config::Route& b) noexcept {
  if (&a == &b) return true;
  const bool do_alike = a.respond == b.respond && a.redirect_to_https == b.redirect_to_https &&
                        a.websocket == b.websocket && a.websocket_inspection == b.websocket_inspection &&
                        a.websocket_idle == b.websocket_idle && a.max_body_size == b.max_body_size &&
                        a.request_edits == b.request_edits && a.response_edits == b.response_edits &&
                        a.guardrail == b.guardrail;
  return do_alike && std::ranges::equal(a.filters, b.filters, [&](std::size_t left, std::size_t right) {
           const auto& one = config.filters[left];
           const auto& other = config.filters[right];
           return one.agent == other.agent && one.failure_mode == other.failure_mode && one.timeout == other.timeout;
         });
}

/// The routes that may take one reading of a request: one for certain, and those before it that an upstream's reading
/// could mean.
class Router::Search {
 public:
  Search(const Router& router, const RouteQuery& query, std::string_view path)
      : routes_(router.config_.routes),
        query_(query),
        path_(path),
        query_may_be_in_path_(has_escaped_question_mark(query.path)) {
    router.table_.visit(path, http::host_name(query.authority), [this](RouteTable::Indices indices) {
      try_all(indices);
      return found_ == none;
    });
  }

  [[nodiscard]] const config::Route* route() const noexcept { return found_ == none ? nullptr : &routes_[found_]; }

  /// Whether each route that may be meant is inspected as `route` is.
  [[nodiscard]] bool is_like(const config::Config& config, const config::Route& route) const noexcept {
    return std::ranges::all_of(
        doubtful_, [&](std::uint32_t index) { return index > found_ || treat_alike(config, route, routes_[index]); });
  }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  static bool has_escaped_question_mark(std::string_view path) {
    if (path.find('%') == std::string_view::npos) return false;
    const std::string small = in_lower_case(path);
    // As it is escaped, as UTF-16 and in its full width; and too long in UTF-8.
    return std::ranges::any_of(std::array{"3f", "ff1f", "bc%9f", "c0%bf", "80%bf"},
                               [&](const char* spelling) { return small.contains(spelling); });
  }

  void try_all(RouteTable::Indices indices) {
    for (const std::uint32_t index : indices) {
      if (index > found_) return;
      const Fit fit = fit_of(routes_[index].matches);
      if (fit == Fit::perhaps) doubtful_.push_back(index);
      if (fit != Fit::yes) continue;
      found_ = index;
      return;
    }
  }

  [[nodiscard]] Fit fit_of(const config::Matches& of) const {
    if (!of.methods.empty() && std::ranges::find(of.methods, query_.method) == of.methods.end()) return Fit::no;
    // Servers take /admin for /admin/, or do not.
    Fit fit = of.whole_path && of.path != path_ ? Fit::perhaps : Fit::yes;
    for (const auto& wanted : of.headers) fit = std::min(fit, fit_of_header(wanted, query_.headers));
    for (const auto& wanted : of.queries) {
      const Fit found = fit_of_query(wanted, query_.query);
      fit = std::min(fit, query_may_be_in_path_ && found == Fit::no ? Fit::perhaps : found);
    }
    return fit;
  }

  std::span<const config::Route> routes_;
  const RouteQuery& query_;
  std::string_view path_;
  bool query_may_be_in_path_;
  std::uint32_t found_ = none;
  std::vector<std::uint32_t> doubtful_;
};

/// Why the request must not be taken for that route's; empty where all its readings come to the same.
std::string_view Router::ambiguity_of(const RouteQuery& query, const config::Route& route) const {
  base::Arena memory{4096};
  const auto readings = http::readings_of(query.path, memory);
  if (!readings) return "the path can be read in too many ways";
  for (const auto reading : *readings) {
    const Search other{*this, query, reading};
    if (other.route() == nullptr) return "the path can be read as one that no route takes";
    if (!treat_alike(config_, route, *other.route()) || !other.is_like(config_, route))
      return "the path can be read as one of a route with other agents";
  }
  return {};
}

RouteChoice Router::find(const RouteQuery& asked) const {
  RouteQuery query = asked;
  std::string small;
  if (std::ranges::any_of(asked.authority, is_upper)) {
    small = in_lower_case(asked.authority);
    query.authority = small;
  }
  const Search search{*this, query, query.path};
  const auto* const route = search.route();
  if (route == nullptr) return {route};
  if (!search.is_like(config_, *route))
    return {route, "a part of the request can be read as one of a route with other agents"};
  // Methods are case-sensitive (RFC 9110 §9.1), and some servers take them in any case.
  if (std::ranges::any_of(query.method, is_lower)) {
    const std::string loud = in_upper_case(query.method);
    RouteQuery read = query;
    read.method = loud;
    if (!ambiguity_of(read, *route).empty())
      return {route, "the method can be read as one of a route with other agents"};
  }
  if (const auto host = odd_ipv4(http::host_name(query.authority))) {
    RouteQuery read = query;
    read.authority = *host;
    if (!ambiguity_of(read, *route).empty()) return {route, "the host can be read as one of a route with other agents"};
  }
  if (http::has_one_reading(query.path)) return {route};
  return {route, ambiguity_of(query, *route)};
}

}  // namespace picket::apps::gateway::generation

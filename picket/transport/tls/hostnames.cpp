#include "picket/transport/tls/hostnames.hpp"

#include <algorithm>

#include "picket/base/ascii.hpp"

namespace picket::transport::tls {
namespace {

constexpr std::string_view wildcard = "*.";

bool is_less(std::string_view a, std::string_view b) noexcept {
  return std::ranges::lexicographical_compare(a, b, {}, base::lower, base::lower);
}

std::string_view without_last_dot(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

auto place_of(auto& entries, std::string_view name) {
  return std::ranges::lower_bound(entries, name, is_less,
                                  [](const auto& entry) -> std::string_view { return entry.first; });
}

}  // namespace

bool Hostnames::add(std::string_view name, std::size_t owner) {
  name = without_last_dot(name);
  const bool is_wildcard = name.starts_with(wildcard);
  if (is_wildcard) name.remove_prefix(wildcard.size());
  std::vector<Entry>& entries = is_wildcard ? wildcards_ : exact_;
  if (find_in(entries, name)) return false;
  std::string text{name};
  std::ranges::transform(text, text.begin(), base::lower);
  entries.emplace(place_of(entries, name), std::move(text), owner);
  return true;
}

std::optional<std::size_t> Hostnames::find(std::string_view host) const noexcept {
  host = without_last_dot(host);
  if (const auto exact = find_in(exact_, host)) return exact;
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  return find_in(wildcards_, host.substr(dot + 1));
}

std::optional<std::size_t> Hostnames::find_in(const std::vector<Entry>& entries, std::string_view name) {
  const auto place = place_of(entries, name);
  if (place == entries.end() || is_less(name, place->first)) return std::nullopt;
  return place->second;
}

}  // namespace picket::transport::tls

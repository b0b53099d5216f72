#include "picket/base/host_name.hpp"

#include <cstddef>

namespace picket::base {
namespace {

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;

bool is_label(std::string_view label) noexcept {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
         label.find_first_not_of(allowed) == std::string_view::npos;
}

/// Cuts the first label off.
std::string_view next_label(std::string_view& name) noexcept {
  const std::string_view label = name.substr(0, name.find('.'));
  name.remove_prefix(label.size() == name.size() ? label.size() : label.size() + 1);
  return label;
}

bool names_service(std::string_view label) noexcept { return label.size() > 1 && label.front() == '_'; }

}  // namespace

bool is_host_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > longest_name || text.front() == '.') return false;
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  while (!text.empty())
    if (!is_label(next_label(text))) return false;
  return true;
}

bool is_service_name(std::string_view text) noexcept {
  if (!is_host_name(text)) return false;
  const std::string_view service = next_label(text);
  return names_service(service) && next_label(text) == "_tcp" && is_host_name(text);
}

std::string_view domain_of_service(std::string_view service) noexcept {
  next_label(service);
  next_label(service);
  return service;
}

}  // namespace picket::base

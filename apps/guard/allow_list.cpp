#include "apps/guard/allow_list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "apps/guard/words.hpp"
#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view signs = " \t\r\n-.()/_,*";

/// Four groups of at most three digits: where its dots stand is part of it.
bool is_ip_address(std::string_view value) noexcept {
  std::size_t groups = 0;
  for (;; ++groups) {
    const std::size_t dot = value.find('.');
    const std::string_view group = value.substr(0, dot);
    if (group.empty() || group.size() > 3 || !std::ranges::all_of(group, is_digit)) return false;
    if (dot == std::string_view::npos) return groups == 3;
    value.remove_prefix(dot + 1);
  }
}

/// Of a number the signs do not count, of an IBAN its spaces.
std::string_view signs_of(std::string_view value) noexcept {
  const auto is_of_number = [](char c) { return is_digit(c) || c == '+' || signs.find(c) != std::string_view::npos; };
  const auto is_of_iban = [](char c) {
    return is_digit(c) || c == ' ' || (base::lower(c) >= 'a' && base::lower(c) <= 'z');
  };
  if (is_ip_address(value)) return {};
  if (std::ranges::all_of(value, is_of_number)) return signs;
  const bool is_iban = value.size() > 4 && !is_digit(value[0]) && !is_digit(value[1]) && is_digit(value[2]) &&
                       is_digit(value[3]) && std::ranges::all_of(value, is_of_iban);
  return is_iban ? " " : "";
}

std::string plain(std::string_view value) {
  const std::size_t begin = std::min(value.find_first_not_of(blanks), value.size());
  value = value.substr(begin, value.find_last_not_of(blanks) + 1 - begin);
  const std::string_view dropped = signs_of(value);
  std::string letters;
  for (const char c : value)
    if (dropped.find(c) == std::string_view::npos) letters += base::lower(c);
  return letters;
}

}  // namespace

base::Result<AllowList> AllowList::read(const std::string& file) {
  std::ifstream in{file};
  if (!in)
    return base::fail(base::ErrorKind::unavailable, fmt::format("{} cannot be read: {}", file, std::strerror(errno)));
  AllowList list;
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with('#')) list.add(line);
  if (in.bad()) return base::fail(base::ErrorKind::unavailable, fmt::format("{} cannot be read", file));
  return list;
}

void AllowList::add(std::string_view value) {
  std::string letters = plain(value);
  if (!letters.empty()) values_.insert(std::move(letters));
}

bool AllowList::contains(std::string_view value) const {
  if (values_.empty()) return false;
  const std::string letters = plain(value);
  if (values_.contains(letters)) return true;
  const std::size_t at = letters.rfind('@');
  return at != std::string::npos && values_.contains(std::string_view{letters}.substr(at));
}

}  // namespace picket::apps::guard

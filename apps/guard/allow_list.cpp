#include "apps/guard/allow_list.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

std::string plain(std::string_view value) {
  std::string letters;
  for (const char c : value)
    if (std::string_view{" \t\r-.()/"}.find(c) == std::string_view::npos) letters += base::lower(c);
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

#include "picket/transport/dns/hosts.hpp"

#include <algorithm>

#include "picket/base/headers.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::transport::dns {
namespace {

constexpr std::string_view blanks = " \t\r";

/// Cuts the first word off a line.
std::string_view next_word(std::string_view& line) noexcept {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

bool has_name(std::string_view line, std::string_view name) noexcept {
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
    if (base::same_name(word, name)) return true;
  return false;
}

bool is_local(std::string_view name) noexcept {
  constexpr std::string_view local = "localhost";
  const bool is_below = name.size() > local.size() && name[name.size() - local.size() - 1] == '.';
  return name.size() >= local.size() && base::same_name(name.substr(name.size() - local.size()), local) &&
         (is_below || name.size() == local.size());
}

}  // namespace

std::vector<std::string> addresses_in_hosts(std::string_view text, std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::vector<std::string> addresses;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = line.substr(0, line.find('#'));
    const std::string address{next_word(line)};
    const bool is_news = std::ranges::find(addresses, address) == addresses.end();
    if (is_news && has_name(line, name) && Endpoint::tcp(address, 0)) addresses.push_back(address);
  }
  if (addresses.empty() && is_local(name)) addresses = {"127.0.0.1", "::1"};
  return addresses;
}

}  // namespace picket::transport::dns

#include <algorithm>
#include <array>

#include <arpa/inet.h>

#include "apps/guard/recognisers/recognisers.hpp"
#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t longest_v4 = 15;
constexpr std::size_t longest_v6 = 45;  // with an IPv4 address at its end

bool is_of_address(char c) { return base::hex_value(c) >= 0 || c == ':' || c == '.'; }

/// Whether the system reads it as an address of that family.
bool parses(int family, std::string_view text, std::array<unsigned char, 16>& bytes) {
  char terminated[longest_v6 + 1] = {};
  if (text.size() > longest_v6) return false;
  text.copy(terminated, longest_v6);
  return ::inet_pton(family, terminated, bytes.data()) == 1;
}

/// 127.0.0.1, 0.0.0.0 and masks are nobody's.
bool is_somebodys_v4(const std::array<unsigned char, 16>& bytes) {
  return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 240;
}

bool is_private_v4(const std::array<unsigned char, 16>& bytes) {
  return bytes[0] == 10 || (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 172 && bytes[1] >= 16 && bytes[1] < 32);
}

bool is_somebodys_v6(const std::array<unsigned char, 16>& bytes) {
  return std::any_of(bytes.begin(), bytes.end() - 1, [](unsigned char byte) { return byte != 0; });
}

/// A version ("v1.2.3.4", "version 1.2.3.4") has the same shape.
bool is_version(std::string_view text, std::size_t begin) {
  if (begin > 0 && base::lower(text[begin - 1]) == 'v') return true;
  return is_announced(text, begin, "version|release|build |firmware|chapter|section", 12);
}

void judge_v4(std::string_view text, std::size_t begin, std::string_view word, Findings& to) {
  std::array<unsigned char, 16> bytes{};
  if (word.size() > longest_v4 || !parses(AF_INET, word, bytes) || !is_somebodys_v4(bytes) || is_version(text, begin))
    return;
  to.push_back({Category::ip_address, "IPv4 address", begin, begin + word.size(), is_private_v4(bytes) ? 0.6F : 0.85F});
}

/// "a::b" is code more often than an address: three groups, or a first one of four digits.
void judge_v6(std::size_t begin, std::string_view word, Findings& to) {
  std::array<unsigned char, 16> bytes{};
  if (!parses(AF_INET6, word, bytes) || !is_somebodys_v6(bytes)) return;
  const auto colons = std::count(word.begin(), word.end(), ':');
  const bool has_digit = std::any_of(word.begin(), word.end(), is_digit);
  if (!has_digit || (colons < 3 && word.find(':') != 4)) return;
  to.push_back({Category::ip_address, "IPv6 address", begin, begin + word.size(), 0.85F});
}

/// A run of what addresses are made of. A colon, a full stop at its end are the sentence's; what follows a colon behind
/// IPv4 is a port.
void judge(std::string_view text, std::size_t begin, std::size_t end, Findings& to) {
  std::string_view word = text.substr(begin, end - begin);
  while (word.ends_with('.') || (word.ends_with(':') && !word.ends_with("::"))) word.remove_suffix(1);
  while (word.starts_with('.') || (word.starts_with(':') && !word.starts_with("::"))) {
    word.remove_prefix(1);
    ++begin;
  }
  const std::size_t colon = word.find(':');
  if (word.substr(0, colon).find('.') != std::string_view::npos)
    return judge_v4(text, begin, word.substr(0, colon), to);
  if (colon != std::string_view::npos) judge_v6(begin, word, to);
}

}  // namespace

void find_ip_addresses(std::string_view text, Findings& to) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_of_address(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_of_address(text[at])) ++at;
    const bool is_whole =
        (begin == 0 || !(is_alnum(text[begin - 1]) || text[begin - 1] == '_') || base::lower(text[begin - 1]) == 'v') &&
        (at == text.size() || !(is_alnum(text[at]) || text[at] == '_'));
    if (is_whole && at - begin >= 3 && at - begin <= longest_v6 + 8) judge(text, begin, at, to);
  }
}

}  // namespace picket::apps::guard

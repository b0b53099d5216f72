#include "picket/http/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

namespace picket::http {
namespace {

using Outcome = ProxyHeader::Outcome;

constexpr std::string_view text_begins = "PROXY ";
constexpr std::string_view binary_begins{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view shortest_text = "PROXY UNKNOWN\r\n";
constexpr std::size_t longest_text = 107;
constexpr std::size_t binary_head = 16;

ProxyHeader malformed() { return {}; }
ProxyHeader wants(std::size_t size) { return {.outcome = Outcome::incomplete, .size = size, .source = {}, .port = 0}; }

bool agree(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = std::min(a.size(), b.size());
  return a.substr(0, size) == b.substr(0, size);
}

/// The next word up to a blank, which is taken, too.
std::string_view take_word(std::string_view& line) noexcept {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  return word;
}

bool is_address(int family, std::string_view text) {
  std::array<char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(family, std::string{text}.c_str(), bytes.data()) == 1;
}

std::optional<std::uint16_t> port_of(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_one = !text.empty() && error == std::errc{} && end == text.data() + text.size();
  return is_one && (text.size() == 1 || text.front() != '0') ? std::optional{port} : std::nullopt;
}

/// "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
ProxyHeader read_text(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, longest_text).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= longest_text) return malformed();
    return wants(std::max(bytes.size() + 1, shortest_text.size()));
  }
  ProxyHeader header{.outcome = Outcome::read, .size = end + 2, .source = {}, .port = 0};
  std::string_view line = bytes.substr(text_begins.size(), end - text_begins.size());
  const std::string_view kind = take_word(line);
  if (kind == "UNKNOWN") return header;
  if (kind != "TCP4" && kind != "TCP6") return malformed();
  const int family = kind == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view source = take_word(line);
  const std::string_view target = take_word(line);
  const auto source_port = port_of(take_word(line));
  if (!is_address(family, source) || !is_address(family, target) || !source_port || !port_of(line)) return malformed();
  header.source = source;
  header.port = *source_port;
  return header;
}

std::size_t number_at(std::string_view bytes, std::size_t at) noexcept {
  return (std::size_t{static_cast<unsigned char>(bytes[at])} << 8U) + static_cast<unsigned char>(bytes[at + 1]);
}

ProxyHeader read_binary(std::string_view bytes) {
  if (bytes.size() < binary_head) return wants(binary_head);
  const auto version_and_command = static_cast<unsigned char>(bytes[12]);
  const auto family_and_kind = static_cast<unsigned char>(bytes[13]);
  const std::size_t size = binary_head + number_at(bytes, 14);
  const bool is_local = version_and_command == 0x20;
  if ((!is_local && version_and_command != 0x21) || size > longest_proxy_header) return malformed();
  if (bytes.size() < size) return wants(size);
  ProxyHeader header{.outcome = Outcome::read, .size = size, .source = {}, .port = 0};
  const bool is_v4 = family_and_kind == 0x11;  // over TCP
  if (is_local || (!is_v4 && family_and_kind != 0x21)) return header;
  const std::size_t address_size = is_v4 ? sizeof(in_addr) : sizeof(in6_addr);
  if (size < binary_head + 2 * address_size + 4) return malformed();
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data() + binary_head, text.data(), text.size());
  header.source = text.data();
  header.port = static_cast<std::uint16_t>(number_at(bytes, binary_head + 2 * address_size));
  return header;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return wants(shortest_text.size());
  if (agree(bytes, text_begins)) return read_text(bytes);
  return agree(bytes, binary_begins) ? read_binary(bytes) : malformed();
}

}  // namespace picket::http

#include "apps/gateway/logs/combined_line.hpp"

#include <array>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

namespace picket::apps::gateway::logs {
namespace {

constexpr std::uint16_t client_gone = 499;

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool is_plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    if (is_plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(c));
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  text.empty() ? void(out += '-') : append_escaped(out, text);
  out += '"';
}

/// "2026-11-28T06:50:00.123456Z" is "28/Nov/2026:06:50:00 +0000".
void append_time(std::string& out, std::string_view timestamp) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto month = static_cast<std::size_t>((timestamp[5] - '0') * 10 + timestamp[6] - '0');
  fmt::format_to(std::back_inserter(out), "{}/{}/{}:{} +0000", timestamp.substr(8, 2), months.at(month - 1),
                 timestamp.substr(0, 4), timestamp.substr(11, 8));
}

}  // namespace

void write_combined(std::string& out, const AccessEntry& entry, std::string_view timestamp) {
  append_escaped(out, entry.client);
  out.append(" - - [");
  append_time(out, timestamp);
  out.append("] \"");
  append_escaped(out, entry.method.empty() ? "-" : entry.method);
  out += ' ';
  append_escaped(out, entry.uri.empty() ? "-" : entry.uri);
  out += ' ';
  append_escaped(out, entry.protocol.empty() ? "-" : entry.protocol);
  fmt::format_to(std::back_inserter(out), "\" {} {} ", entry.status == 0 ? client_gone : entry.status, entry.bytes_out);
  append_quoted(out, entry.referer);
  out += ' ';
  append_quoted(out, entry.user_agent);
}

}  // namespace picket::apps::gateway::logs

#include "apps/gateway/config/diagnostic.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "picket/kdl/characters.hpp"

namespace picket::apps::gateway::config {
namespace {

/// Characters of a line that are shown, and how many of them before the caret where the line is longer.
constexpr std::size_t shown = 160;
constexpr std::size_t shown_before = 60;

constexpr char32_t replacement = 0xFFFD;

struct Range {
  char32_t first;
  char32_t last;
};
/// Characters that take two columns (East Asian wide ones and pictures) and that take none (combining marks).
constexpr std::array wide{Range{0x1100, 0x115F},   Range{0x2E80, 0xA4CF},   Range{0xAC00, 0xD7A3},
                          Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
                          Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF},
                          Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
constexpr std::array combining{Range{0x0300, 0x036F}, Range{0x200B, 0x200D}, Range{0x20D0, 0x20FF},
                               Range{0xFE00, 0xFE0F}};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t value) {
  return std::ranges::any_of(ranges, [&](const Range& range) { return value >= range.first && value <= range.last; });
}

std::size_t width(char32_t value) { return in(wide, value) ? 2 : in(combining, value) ? 0 : 1; }

/// The characters of a line, harmless to a terminal.
std::vector<char32_t> characters(std::string_view line) {
  std::vector<char32_t> result;
  for (std::size_t at = 0; at < line.size();) {
    const kdl::CodePoint point = kdl::decode(line, at);
    const bool harmless = point.length != 0 && (point.value == '\t' || (point.value >= 0x20 && point.value < 0x7F) ||
                                                (point.value > 0x9F && !kdl::is_disallowed(point.value)));
    result.push_back(harmless ? point.value : replacement);
    at += std::max<std::size_t>(1, point.length);
  }
  return result;
}

std::string text(const std::vector<char32_t>& line, std::size_t begin, std::size_t end) {
  std::string result;
  for (std::size_t i = begin; i < end; ++i) kdl::append_utf8(result, line[i]);
  return result;
}

/// White space as wide as the characters: tabs stay tabs, so that the caret stands where it should whatever they mean.
std::string blank(const std::vector<char32_t>& line, std::size_t begin, std::size_t end) {
  std::string result;
  for (std::size_t i = begin; i < end; ++i) line[i] == '\t' ? result += '\t' : result.append(width(line[i]), ' ');
  return result;
}

std::string underline(const std::vector<char32_t>& line, std::size_t begin, std::size_t end) {
  std::size_t columns = 0;
  for (std::size_t i = begin; i < end; ++i) columns += width(line[i]);
  return '^' + std::string(columns > 0 ? columns - 1 : 0, '~');
}

struct Style {
  std::string_view place, error, caret, hint, end;
};
constexpr Style plain{};
constexpr Style coloured{"\x1b[1m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[1;36m", "\x1b[0m"};

std::string snippet(const Diagnostic& diagnostic, const Style& style) {
  const std::vector<char32_t> line = characters(diagnostic.source_line);
  const std::size_t caret = std::min<std::size_t>(diagnostic.column - 1, line.size());
  const std::size_t begin = line.size() <= shown || caret <= shown_before ? 0 : caret - shown_before;
  const std::size_t end = std::min(line.size(), begin + shown);
  const std::string_view before = begin > 0 ? "…" : "";
  return fmt::format("{:>5} | {}{}{}\n      | {}{}{}{}{}\n", diagnostic.line, before, text(line, begin, end),
                     end < line.size() ? "…" : "", begin > 0 ? " " : "", blank(line, begin, caret), style.caret,
                     underline(line, caret, std::min(end, caret + diagnostic.length)), style.end);
}

}  // namespace

std::string render(const Diagnostic& diagnostic, bool colour) {
  const Style& style = colour ? coloured : plain;
  const std::vector<char32_t> message = characters(diagnostic.message);
  const std::vector<char32_t> hint = characters(diagnostic.hint);
  const std::string place = diagnostic.line == 0
                                ? diagnostic.file
                                : fmt::format("{}:{}:{}", diagnostic.file, diagnostic.line, diagnostic.column);
  std::string result = fmt::format("{}{}:{} {}error:{} {}\n", style.place, place, style.end, style.error, style.end,
                                   text(message, 0, message.size()));
  if (diagnostic.line != 0) result += snippet(diagnostic, style);
  if (!hint.empty()) result += fmt::format("{}hint:{} {}\n", style.hint, style.end, text(hint, 0, hint.size()));
  return result;
}

}  // namespace picket::apps::gateway::config

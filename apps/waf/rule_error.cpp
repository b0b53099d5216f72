#include "apps/waf/rule_error.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <modsecurity/rules_set.h>

namespace picket::apps::waf {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Moves past `mark` and returns what stood before it; none when it is not there.
std::optional<std::string_view> take_until(std::string_view& rest, std::string_view mark) {
  const auto at = rest.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at + mark.size());
  return taken;
}

/// "Rules error. File: F. Line: N. Column: C. message" as "F:N: message".
std::optional<std::string> with_its_own_place(std::string_view error) {
  if (!take_until(error, "File: ")) return std::nullopt;
  const auto file = take_until(error, ". Line: ");
  const auto line = take_until(error, ". Column: ");
  if (!file || !line || !take_until(error, ". ")) return std::nullopt;
  return fmt::format("{}:{}: {}", *file, *line, trim(error));
}

/// Where each line of the text ends.
std::vector<std::size_t> line_ends(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size(); ++at)
    if (text[at] == '\n') ends.push_back(at + 1);
  if (ends.empty() || ends.back() != text.size()) ends.push_back(text.size());
  return ends;
}

/// A message of the library without a place that it got wrong ("Rules must have an ID. File: 0x55… at line: 2").
std::string_view without_bad_place(std::string_view error) { return trim(error.substr(0, error.find(". File: 0x"))); }

/// Whether this text fails to load with that message.
bool fails_with(const std::string& text, const std::string& name, std::string_view message) {
  modsecurity::RulesSet probe;
  return probe.load(text.c_str(), name) < 0 && without_bad_place(probe.getParserError()) == message;
}

/// The number of the first line whose end makes the text fail like this: the parser stops at its first error, so every
/// beginning that reaches that line fails, and none that ends before it does.
std::size_t failing_line(const std::string& text, const std::string& name, std::string_view message) {
  const std::vector<std::size_t> ends = line_ends(text);
  const auto first = std::partition_point(
      ends.begin(), ends.end(), [&](std::size_t end) { return !fails_with(text.substr(0, end), name, message); });
  return static_cast<std::size_t>(std::min(first, ends.end() - 1) - ends.begin()) + 1;
}

}  // namespace

std::string describe_rule_error(const std::string& error, const std::string& text, const std::string& name) {
  if (auto placed = with_its_own_place(error)) return *placed;
  const std::string_view message = without_bad_place(error);
  return fmt::format("{}:{}: {}", name, failing_line(text, name, message), message);
}

}  // namespace picket::apps::waf

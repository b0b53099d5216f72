#include "apps/gateway/config/source.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

namespace picket::apps::gateway::config {
namespace {

constexpr std::string_view byte_order_mark = "\uFEFF";

/// The line that a byte is in.
struct Line {
  std::uint32_t number;
  std::string_view text;
  std::uint32_t begin;
};

Line line_of(const Source& source, std::uint32_t at) {
  const auto next = std::ranges::upper_bound(source.lines, at);
  const auto number = static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(1, next - source.lines.begin()));
  const std::uint32_t begin = source.lines.at(number - 1);
  const std::string_view rest = std::string_view(source.text).substr(begin);
  return {number, rest.substr(0, rest.find_first_of("\r\n")), begin};
}

/// Characters in UTF-8 text: every byte that does not continue one.
std::uint32_t count_characters(std::string_view text) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80; }));
}

Diagnostic diagnose_one(const Sources& sources, kdl::Error&& problem) {
  const Source& source = sources.at(problem.at.file);
  Diagnostic result;
  result.file = source.name;
  result.message = std::move(problem.message);
  result.hint = std::move(problem.hint);
  if (!source.readable) return result;
  const Line line = line_of(source, problem.at.begin);
  const auto in_line = [&](std::uint32_t at) {
    return std::min<std::size_t>(at - std::min(at, line.begin), line.text.size());
  };
  const std::size_t begin = in_line(problem.at.begin);
  const std::size_t end = std::max(begin, in_line(problem.at.end));
  result.line = line.number;
  result.column = 1 + count_characters(line.text.substr(0, begin));
  result.length = count_characters(line.text.substr(begin, end - begin));
  result.source_line = std::string(line.text);
  return result;
}

}  // namespace

std::vector<std::uint32_t> index_lines(std::string_view text) {
  std::vector<std::uint32_t> lines;
  lines.push_back(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  for (std::size_t i = text.find_first_of("\r\n"); i != std::string_view::npos; i = text.find_first_of("\r\n", i)) {
    i += text.substr(i).starts_with("\r\n") ? 2 : 1;
    lines.push_back(static_cast<std::uint32_t>(i));
  }
  return lines;
}

std::string describe_place(const Sources& sources, const kdl::Span& at) {
  const Source& source = sources.at(at.file);
  return fmt::format("{}:{}", source.name, line_of(source, at.begin).number);
}

std::vector<Diagnostic> diagnose(const Sources& sources, Problems problems) {
  std::ranges::sort(problems, {}, [](const kdl::Error& problem) {
    return std::tuple(problem.at.file, problem.at.begin, problem.at.end, std::string_view(problem.message));
  });
  std::vector<Diagnostic> result;
  result.reserve(problems.size());
  for (kdl::Error& problem : problems) result.push_back(diagnose_one(sources, std::move(problem)));
  return result;
}

}  // namespace picket::apps::gateway::config

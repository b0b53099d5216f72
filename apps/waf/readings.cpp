#include "apps/waf/readings.hpp"

#include <charconv>

#include "apps/waf/unicode_text.hpp"

namespace picket::apps::waf {
namespace {

/// The byte that an escape at the text's beginning stands for.
std::optional<char> escaped_byte(std::string_view text) {
  unsigned byte = 0;
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
  if (error != std::errc{} || end != text.data() + 3) return std::nullopt;
  return static_cast<char>(byte);
}

std::string decoded(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto byte = escaped_byte(text);
    result += byte.value_or(text.front());
    text.remove_prefix(byte ? 3 : 1);
  }
  return result;
}

constexpr std::string_view white_space = " \t\r\n\f\v";

/// Appends what the escape stands for whose backslash is dropped already; how many bytes it takes.
std::size_t append_escape(std::string_view escape, std::string& to) {
  const std::size_t digits = escape[0] == 'u' ? 4 : escape[0] == 'x' ? 2 : 0;
  std::uint32_t code = 0;
  if (digits > 0 && escape.size() > digits) {
    const char* const begin = escape.data() + 1;
    const auto [end, error] = std::from_chars(begin, begin + digits, code, 16);
    if (error == std::errc{} && end == begin + digits) {
      append_utf8(to, code);
      return 1 + digits;
    }
  }
  constexpr std::string_view letters = "nrtbf";
  constexpr std::string_view controls = "\n\r\t\b\f";
  const auto letter = letters.find(escape[0]);
  to += letter == std::string_view::npos ? escape[0] : controls[letter];
  return 1;
}

}  // namespace

std::optional<std::string> path_that_was_cut(std::string_view target) {
  const std::string_view raw = target.substr(0, target.find('?'));
  if (raw.find_first_of("%#") == std::string_view::npos) return std::nullopt;
  std::string path = decoded(raw);
  const bool whole = path.find('?') == std::string::npos && raw.find('#') == std::string_view::npos;
  if (whole) return std::nullopt;
  return path;
}

std::string basename_of(std::string_view path) {
  const auto slash = path.find_last_of("/\\");
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

BodyKind looks_like(std::string_view body) noexcept {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  constexpr std::string_view ebcdic_less_than_question_mark = "\x4c\x6f";
  if (body.starts_with(ebcdic_less_than_question_mark)) return BodyKind::xml;
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  const auto first = body.find_first_not_of(white_space);
  if (first == std::string_view::npos) return BodyKind::form;
  const auto last = body.find_last_not_of(white_space);
  if (body[first] == '{' || body[first] == '[') return BodyKind::json;
  if (body[first] == '"' && body[last] == '"' && last > first) return BodyKind::json;
  return body[first] == '<' ? BodyKind::xml : BodyKind::form;
}

std::string unescaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.front() != '\\' || text.size() < 2) {
      result += text.front();
      text.remove_prefix(1);
    } else {
      text.remove_prefix(1 + append_escape(text.substr(1), result));
    }
  }
  return result;
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  const std::string_view delimiter = text.substr(0, text.find_first_of("\r\n"));
  if (!delimiter.starts_with("--") || delimiter.size() == text.size()) return parts;
  while (text.starts_with(delimiter)) {
    text.remove_prefix(delimiter.size());
    const std::string_view part = text.substr(0, text.find(delimiter));
    text.remove_prefix(part.size());
    for (const std::string_view blank_line : {"\r\n\r\n", "\n\n"})
      if (const auto at = part.find(blank_line); at != std::string_view::npos)
        parts.push_back(part.substr(at + blank_line.size()));
  }
  return parts;
}

bool names_a_type(std::string_view content_type) noexcept {
  const std::string_view type = content_type.substr(0, content_type.find_first_of(";,"));
  const auto slash = type.find('/');
  return slash != std::string_view::npos && type.substr(0, slash).find_first_not_of(" \t") != std::string_view::npos &&
         type.substr(slash + 1).find_first_not_of(" \t") != std::string_view::npos;
}

}  // namespace picket::apps::waf

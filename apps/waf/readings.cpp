#include "apps/waf/readings.hpp"

#include <charconv>

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
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  const auto first = body.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return BodyKind::form;
  if (body[first] == '{' || body[first] == '[') return BodyKind::json;
  return body[first] == '<' ? BodyKind::xml : BodyKind::form;
}

bool names_a_type(std::string_view content_type) noexcept {
  const std::string_view type = content_type.substr(0, content_type.find_first_of(";,"));
  const auto slash = type.find('/');
  return slash != std::string_view::npos && type.substr(0, slash).find_first_not_of(" \t") != std::string_view::npos &&
         type.substr(slash + 1).find_first_not_of(" \t") != std::string_view::npos;
}

}  // namespace picket::apps::waf

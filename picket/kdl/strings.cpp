#include "picket/kdl/strings.hpp"

#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace picket::kdl {
namespace {

constexpr std::string_view triple = "\"\"\"";

/// Where reading goes on after a string that its line does not close: at a { that ends the line, else at its end.
std::nullopt_t unclosed_on_line(Cursor& cursor, std::uint32_t begin) {
  cursor.error(cursor.span(begin, begin + 1), "this string is not closed on its line",
               "close it with the quotes it began with; text of several lines stands between lines of \"\"\"");
  std::uint32_t last = begin;
  cursor.seek(begin + 1);
  for (; !cursor.at_end() && cursor.newline() == 0; cursor.advance_code_point()) {
    if (!is_space(cursor.code_point().value)) last = cursor.position();
  }
  const std::uint32_t end = cursor.position();
  cursor.seek(last);
  if (cursor.peek() != '{') cursor.seek(end);
  return std::nullopt;
}

std::nullopt_t never_closed(Cursor& cursor, std::uint32_t begin, std::string_view closing) {
  cursor.error(cursor.span_from(begin), "this string is never closed",
               fmt::format("its last line is {} behind white space", closing));
  cursor.stop();
  return std::nullopt;
}

char simple_escape(char letter) noexcept {
  switch (letter) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'f': return '\f';
    case 's': return ' ';
    case '\\':
    case '"': return letter;
    default: return '\0';
  }
}

/// The scalar value of "{…}" at the front of `text`, without its closing brace; `digits` says how many it took.
std::optional<char32_t> hex_scalar(std::string_view text, std::size_t& digits) {
  std::uint32_t value = 0;
  digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
  if (digits == 0 || digits > 6 || text.substr(digits, 1) != "}") return std::nullopt;
  const std::string_view number = text.substr(0, digits);
  std::from_chars(number.data(), number.data() + number.size(), value, 16);
  if (!is_scalar_value(value)) return std::nullopt;
  return value;
}

/// Skips \ and all white space and newlines behind it.
bool skip_whitespace_escape(Cursor& cursor) {
  const std::uint32_t begin = cursor.position();
  cursor.advance(1);
  while (true) {
    if (const std::size_t newline = cursor.newline(); newline != 0) {
      cursor.advance(newline);
    } else if (!cursor.at_end() && is_space(cursor.code_point().value)) {
      cursor.advance_code_point();
    } else {
      break;
    }
  }
  if (cursor.position() > begin + 1) return true;
  cursor.seek(begin);
  return false;
}

/// Appends what the escape at the cursor stands for.
bool read_escape(Cursor& cursor, std::string& out) {
  const std::uint32_t begin = cursor.position();
  cursor.advance(1);
  if (const char simple = simple_escape(cursor.peek()); simple != '\0') {
    out += simple;
    cursor.advance(1);
    return true;
  }
  if (cursor.accept("u{")) {
    std::size_t digits = 0;
    const auto scalar = hex_scalar(cursor.rest(), digits);
    cursor.advance(digits);
    cursor.accept("}");
    if (scalar) {
      append_utf8(out, *scalar);
      return true;
    }
    cursor.error(cursor.span_from(begin), "this is not a character's number",
                 "write 1 to 6 hexadecimal digits, at most 10FFFF and not D800 to DFFF: \\u{1F600}");
    return false;
  }
  if (cursor.newline() == 0) cursor.advance_code_point();
  cursor.error(
      cursor.span_from(begin), fmt::format("\"{}\" is no escape", cursor.text(begin, cursor.position())),
      "escapes are \\n \\r \\t \\b \\f \\s \\\\ \\\" \\u{…}; write \\\\ for a backslash, or #\"…\"# around the text");
  return false;
}

std::optional<std::string> read_single_line(Cursor& cursor, std::uint32_t begin) {
  std::string text;
  bool good = true;
  while (!cursor.accept("\"")) {
    if (cursor.at_end() || cursor.newline() != 0) return unclosed_on_line(cursor, begin);
    if (cursor.peek() == '\\') {
      if (!skip_whitespace_escape(cursor)) good = read_escape(cursor, text) && good;
      continue;
    }
    const std::uint32_t at = cursor.position();
    cursor.advance_code_point();
    text += cursor.text(at, cursor.position());
  }
  if (!good) return std::nullopt;
  return text;
}

/// A multi-line string as it is collected: its text, and where in the source each of its lines begins.
struct Body {
  std::string text;
  std::vector<std::uint32_t> lines;
};

/// Takes the newline or the character at the cursor into the body.
void take_literal(Cursor& cursor, Body& body) {
  if (const std::size_t newline = cursor.newline(); newline != 0) {
    body.text += '\n';
    cursor.advance(newline);
    body.lines.push_back(cursor.position());
    return;
  }
  const std::uint32_t at = cursor.position();
  cursor.advance_code_point();
  body.text += cursor.text(at, cursor.position());
}

bool begin_body(Cursor& cursor, std::uint32_t begin, Body& body) {
  const std::size_t newline = cursor.newline();
  if (newline == 0) {
    cursor.error(cursor.span_from(begin), "text must begin on the line below \"\"\"",
                 "put it on lines of its own, or use single quotes: \"…\"");
    return false;
  }
  cursor.advance(newline);
  body.lines.push_back(cursor.position());
  return true;
}

/// Removes the indentation, or reports why it can't.
std::optional<std::string> finish_body(Cursor& cursor, const Body& body) {
  Dedented result = dedent(body.text);
  if (result.bad_end) {
    cursor.error(cursor.span_from(body.lines.back()), "text stands before the closing \"\"\"",
                 "put the closing \"\"\" on a line of its own");
    return std::nullopt;
  }
  if (result.bad_line != 0) {
    const std::uint32_t at = body.lines[result.bad_line - 1];
    cursor.error(cursor.span(at, at + 1), "this line is indented less than, or other than, the closing \"\"\"",
                 "begin it with the very white space that stands before the closing \"\"\"");
    return std::nullopt;
  }
  return std::move(result.text);
}

/// Escapes that are left in a body after its white-space escapes were taken out; all of them are known to be good.
std::string unescape(std::string_view text) {
  std::string out;
  std::vector<Error> none;
  Cursor cursor(text, 0, none);
  while (!cursor.at_end()) {
    if (cursor.peek() == '\\') {
      read_escape(cursor, out);
    } else {
      out += cursor.peek();
      cursor.advance(1);
    }
  }
  return out;
}

/// White-space escapes vanish before the indentation is removed, the others are resolved after it: an escaped space
/// is no indentation.
std::optional<std::string> read_multi_line(Cursor& cursor, std::uint32_t begin) {
  Body body;
  if (!begin_body(cursor, begin, body)) return std::nullopt;
  bool good = true;
  while (!cursor.accept(triple)) {
    if (cursor.at_end()) return never_closed(cursor, begin, triple);
    if (cursor.peek() != '\\') {
      take_literal(cursor, body);
    } else if (!skip_whitespace_escape(cursor)) {
      const std::uint32_t at = cursor.position();
      std::string ignored;
      good = read_escape(cursor, ignored) && good;
      body.text += cursor.text(at, cursor.position());
    }
  }
  if (!good) return std::nullopt;
  auto text = finish_body(cursor, body);
  if (text) *text = unescape(*text);
  return text;
}

bool is_blank(std::string_view line) noexcept {
  for (std::size_t at = 0; at < line.size();) {
    const CodePoint point = decode(line, at);
    if (!is_space(point.value)) return false;
    at += point.length;
  }
  return true;
}

}  // namespace

Dedented dedent(std::string_view body) {
  const std::size_t last = body.rfind('\n') + 1;  // npos + 1 is 0: the body is its last line.
  const std::string_view prefix = body.substr(last);
  if (!is_blank(prefix)) return {.text = {}, .bad_line = 0, .bad_end = true};
  Dedented result;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < last;) {
    const std::size_t end = body.find('\n', begin);
    const std::string_view line = body.substr(begin, end - begin);
    begin = end + 1;
    if (++number > 1) result.text += '\n';
    if (is_blank(line)) continue;
    if (!line.starts_with(prefix)) return {.text = {}, .bad_line = number, .bad_end = false};
    result.text += line.substr(prefix.size());
  }
  return result;
}

std::optional<std::string> read_quoted(Cursor& cursor) {
  const std::uint32_t begin = cursor.position();
  if (cursor.accept(triple)) return read_multi_line(cursor, begin);
  cursor.advance(1);
  return read_single_line(cursor, begin);
}

std::optional<std::string> read_raw(Cursor& cursor) {
  const std::uint32_t begin = cursor.position();
  while (cursor.accept("#")) {
  }
  const std::string hashes(cursor.position() - begin, '#');
  if (cursor.accept(triple)) {
    Body body;
    if (!begin_body(cursor, begin, body)) return std::nullopt;
    const std::string closing = std::string(triple) + hashes;
    while (!cursor.accept(closing)) {
      if (cursor.at_end()) return never_closed(cursor, begin, closing);
      take_literal(cursor, body);
    }
    return finish_body(cursor, body);
  }
  cursor.advance(1);
  const std::uint32_t text = cursor.position();
  const std::string closing = '"' + hashes;
  while (!cursor.starts_with(closing)) {
    if (cursor.at_end() || cursor.newline() != 0) return unclosed_on_line(cursor, begin);
    cursor.advance_code_point();
  }
  const std::uint32_t end = cursor.position();
  cursor.advance(closing.size());
  return std::string(cursor.text(text, end));
}

}  // namespace picket::kdl

#include "picket/kdl/scalars.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "picket/kdl/numbers.hpp"
#include "picket/kdl/strings.hpp"

namespace picket::kdl {
namespace {

bool at_raw_string(const Cursor& cursor) {
  const std::string_view rest = cursor.rest();
  const std::size_t quote = rest.find_first_not_of('#');
  return quote != 0 && quote != std::string_view::npos && rest[quote] == '"';
}

using Data = decltype(Value::data);

std::optional<Data> read_string(Cursor& cursor, bool raw) {
  auto text = raw ? read_raw(cursor) : read_quoted(cursor);
  if (!text) return std::nullopt;
  return Data{String{std::move(*text), raw}};
}

std::optional<Data> read_keyword(Cursor& cursor) {
  const std::uint32_t begin = cursor.position();
  cursor.advance(1);
  const std::string_view word = cursor.take_word();
  if (word == "true" || word == "false") return Data{word == "true"};
  if (word == "null") return Data{Null{}};
  if (word == "inf" || word == "-inf" || word == "nan") return Data{Number{fmt::format("#{}", word)}};
  cursor.error(cursor.span_from(begin), fmt::format("\"#{}\" is no keyword", word),
               "keywords are #true #false #null #inf #-inf #nan; put text that has a # in it into quotes");
  return std::nullopt;
}

/// A bare word or a number: they are made of the same characters.
std::optional<Data> read_word(Cursor& cursor) {
  const std::uint32_t begin = cursor.position();
  const std::string_view word = cursor.take_word();
  if (is_reserved_word(word)) {
    cursor.error(cursor.span_from(begin), fmt::format("\"{}\" needs a # before it, or quotes", word),
                 fmt::format("write #{0} for the value, \"{0}\" for the text", word));
    return std::nullopt;
  }
  if (!looks_like_number(word)) return Data{String{std::string(word), false}};
  auto number = parse_number(word);
  if (number) return Data{std::move(*number)};
  cursor.error(cursor.span_from(begin), fmt::format("\"{}\" is not a number: {}", word, number.error()),
               "put text that begins with a digit into quotes");
  return std::nullopt;
}

std::optional<Data> read_data(Cursor& cursor) {
  if (cursor.peek() == '"') return read_string(cursor, false);
  if (at_raw_string(cursor)) return read_string(cursor, true);
  if (cursor.peek() == '#') return read_keyword(cursor);
  if (report_stray(cursor)) return std::nullopt;
  return read_word(cursor);
}

struct Stray {
  char byte;
  std::string_view message;
  std::string_view hint;
};

constexpr std::string_view quote_it = "put text that has any of \\ / ( ) { } ; [ ] \" # = in it into quotes";
constexpr std::array strays{
    Stray{'\\', "a \\ must be the last thing on its line", "it continues the node on the next line; quote it as text"},
    Stray{'/', "a / can't stand in a word", "put text that has one into quotes; comments are // and /* */"},
    Stray{'=', "there is no name before this =", "a node's value follows its name without =: name value"},
    Stray{'(', "a ( can't stand here", "a type stands directly before a name or value: (type)value"},
    Stray{')', "a ) can't stand here", quote_it},
    Stray{'[', "a [ can't stand in a word", "lists are written as arguments, one after the other: name 1 2 3"},
    Stray{']', "a ] can't stand in a word", "lists are written as arguments, one after the other: name 1 2 3"},
};

/// The end of what could still have been a node.
bool at_boundary(const Cursor& cursor) {
  const char byte = cursor.peek();
  return cursor.at_end() || cursor.newline() != 0 || byte == ';' || byte == '{' || byte == '}' ||
         cursor.starts_with("//");
}

void report_missing(Cursor& cursor, std::string_view wanted) {
  const std::uint32_t at = cursor.position();
  cursor.error(cursor.span(at, at + (cursor.at_end() || cursor.newline() != 0 ? 0 : 1)),
               fmt::format("{} is missing here", wanted), "complete it, or remove what stands before it");
}

}  // namespace

bool report_stray(Cursor& cursor) {
  for (const Stray& stray : strays) {
    if (cursor.peek() != stray.byte) continue;
    const std::uint32_t at = cursor.position();
    cursor.error(cursor.span(at, at + 1), std::string(stray.message), std::string(stray.hint));
    return true;
  }
  return false;
}

bool read_type(Cursor& cursor, std::optional<Name>& type) {
  if (!cursor.accept("(")) return true;
  skip_node_space(cursor);
  auto name = cursor.peek() == ')' ? (report_missing(cursor, "a type's name"), std::nullopt)
                                   : read_name(cursor, "a type's name");
  if (!name) return false;
  skip_node_space(cursor);
  if (!cursor.accept(")")) {
    report_missing(cursor, "the ) of a type");
    return false;
  }
  type = std::move(*name);
  return true;
}

std::optional<Name> read_name(Cursor& cursor, std::string_view wanted) {
  if (at_boundary(cursor)) {
    report_missing(cursor, wanted);
    return std::nullopt;
  }
  const std::uint32_t begin = cursor.position();
  auto data = read_data(cursor);
  if (!data) return std::nullopt;
  auto* const string = std::get_if<String>(&*data);
  if (string == nullptr) {
    cursor.error(cursor.span_from(begin), fmt::format("{} is text, this is a value", wanted), "put it into quotes");
    return std::nullopt;
  }
  return Name{std::move(string->text), cursor.span_from(begin)};
}

std::optional<Value> read_value(Cursor& cursor) {
  Value value;
  if (!read_type(cursor, value.type)) return std::nullopt;
  if (value.type) skip_node_space(cursor);
  if (at_boundary(cursor)) {
    report_missing(cursor, "a value");
    return std::nullopt;
  }
  const std::uint32_t begin = cursor.position();
  auto data = read_data(cursor);
  if (!data) return std::nullopt;
  value.data = std::move(*data);
  value.at = cursor.span_from(begin);
  return value;
}

}  // namespace picket::kdl

#include "picket/kdl/writer.hpp"

#include <map>

#include <fmt/format.h>

#include "picket/kdl/characters.hpp"

namespace picket::kdl {
namespace {

std::string_view escape(char32_t value) noexcept {
  switch (value) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '"': return "\\\"";
    case '\\': return "\\\\";
    default: return {};
  }
}

struct DataWriter {
  std::string& out;
  void operator()(Null) const { out += "#null"; }
  void operator()(bool value) const { out += value ? "#true" : "#false"; }
  void operator()(const Number& number) const { out += number.text; }
  void operator()(const String& string) const { out += write_string(string.text); }
};

void write_type(const std::optional<Name>& type, std::string& out) {
  if (type) out += '(' + write_string(type->text) + ')';
}

void write_value(const Value& value, std::string& out) {
  write_type(value.type, out);
  std::visit(DataWriter{out}, value.data);
}

void write_nodes(std::span<const Node> nodes, std::size_t level, std::string& out) {
  for (const Node& node : nodes) {
    out.append(level * 4, ' ');
    write_type(node.type, out);
    out += write_string(node.name.text);
    for (const Value& argument : node.arguments) write_value(argument, out += ' ');
    std::map<std::string_view, const Value*> last;
    for (const Property& property : node.properties) last[property.name.text] = &property.value;
    for (const auto& [name, value] : last) write_value(*value, (out += ' ') += write_string(name) + '=');
    if (!node.children.empty()) {
      out += " {\n";
      write_nodes(node.children, level + 1, out);
      out.append(level * 4, ' ') += '}';
    }
    out += '\n';
  }
}

}  // namespace

std::string write_string(std::string_view text) {
  if (is_bare_word(text)) return std::string(text);
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (const std::string_view escaped = escape(point.value); !escaped.empty()) {
      out += escaped;
    } else if (is_disallowed(point.value) || newline_length(text, at) != 0) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(point.value));
    } else {
      out += text.substr(at, point.length);
    }
    at += point.length;
  }
  return out += '"';
}

std::string write(std::span<const Node> nodes) {
  std::string out;
  write_nodes(nodes, 0, out);
  return out.empty() ? "\n" : out;
}

}  // namespace picket::kdl

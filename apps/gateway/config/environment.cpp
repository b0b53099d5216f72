#include "apps/gateway/config/environment.hpp"

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "picket/kdl/characters.hpp"

namespace picket::apps::gateway::config {
namespace {

constexpr std::string_view opening = "${";

bool is_variable_name(std::string_view name) {
  if (name.empty() || kdl::is_digit(name.front())) return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

class Expander {
 public:
  Expander(const Environment& environment, const Sources& sources, Problems& problems)
      : environment_(environment), sources_(sources), problems_(problems) {}

  void nodes(std::span<kdl::Node> nodes) {
    for (kdl::Node& node : nodes) {
      bool good = true;
      for (kdl::Value& argument : node.arguments) good = value(argument) && good;
      for (kdl::Property& property : node.properties) good = value(property.value) && good;
      node.broken = node.broken || !good;
      this->nodes(node.children);
    }
  }

 private:
  bool value(kdl::Value& value) {
    auto* const string = std::get_if<kdl::String>(&value.data);
    if (string == nullptr || string->raw || string->text.find(opening) == std::string::npos) return true;
    std::string result;
    std::string_view rest = string->text;
    std::size_t from = 0;
    for (std::size_t at = rest.find(opening); at != std::string_view::npos; at = rest.find(opening)) {
      const std::size_t end = rest.find('}', at);
      const std::string_view written = rest.substr(at, end == std::string_view::npos ? end : end + 1 - at);
      const kdl::Span place = find(value.at, written, from);
      from = place.end;
      if (end == std::string_view::npos) {
        report(place, "this ${ is never closed", form_hint);
        return false;
      }
      const auto replaced = variable(written.substr(2, written.size() - 3), place);
      if (!replaced) return false;
      result.append(rest.substr(0, at)) += *replaced;
      rest.remove_prefix(end + 1);
    }
    string->text = result.append(rest);
    string->expanded = true;
    return true;
  }

  /// `inner`: what stands between ${ and }.
  std::optional<std::string> variable(std::string_view inner, const kdl::Span& place) {
    const std::size_t separator = inner.find(":-");
    const std::string name(inner.substr(0, separator));
    if (!is_variable_name(name)) {
      report(place, fmt::format("\"{}\" is not the name of a variable", name), form_hint);
      return std::nullopt;
    }
    if (inner.find(opening) != std::string_view::npos) {
      report(place, "a default can't have a variable in it", form_hint);
      return std::nullopt;
    }
    auto found = environment_(name);
    if (found && (separator == std::string_view::npos || !found->empty())) return found;
    if (separator != std::string_view::npos) return std::string(inner.substr(separator + 2));
    report(place, fmt::format("the environment variable \"{}\" is not set", name),
           fmt::format("set it, or give a default: ${{{}:-value}}", name));
    return std::nullopt;
  }

  /// Where a part of a string stands in the file, from byte `from` on; the string itself where escapes hide it.
  kdl::Span find(const kdl::Span& string, std::string_view part, std::size_t from) const {
    const std::string_view text = std::string_view(sources_.at(string.file).text).substr(0, string.end);
    const std::size_t at = text.find(part, std::max<std::size_t>(from, string.begin));
    if (at == std::string_view::npos) return string;
    return {string.file, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + part.size())};
  }

  void report(const kdl::Span& place, std::string message, std::string hint) {
    problems_.push_back({place, std::move(message), std::move(hint)});
  }

  static constexpr const char* form_hint = "write ${NAME} or ${NAME:-default}; in a raw string #\"…\"# a ${ is text";

  const Environment& environment_;
  const Sources& sources_;
  Problems& problems_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

void expand(std::span<kdl::Node> nodes, const Environment& environment, const Sources& sources, Problems& problems) {
  Expander(environment, sources, problems).nodes(nodes);
}

}  // namespace picket::apps::gateway::config

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/network.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// The tables of what a request meets behind its listener: filters and routes.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

constexpr Word filter_types[] = {{"agent"}};
void read_filter_type(Reader& reader, const Setting& setting, FilterDraft& /*out*/) {
  (void)reader.choice(setting, filter_types);
}

/// A reference to something by its id.
template <auto Member>
void read_reference(Reader& reader, const Setting& setting, Owner<Member>& out) {
  if (auto name = reader.text(setting)) out.*Member = {std::move(*name), setting.value->at};
}

constexpr Key<FilterDraft> filter_keys[] = {
    {{"type", required, "type \"agent\""}, ValueRule<FilterDraft>{read_filter_type}},
    {{"agent", required, "agent with the id of one"}, ValueRule<FilterDraft>{read_reference<&FilterDraft::agent>}},
    {{"failure-mode"}, choice<&FilterDraft::failure_mode>(failure_modes)},
    {{"timeout-ms"}, in_milliseconds<&FilterDraft::timeout>(3'600'000)},
};

void read_filter(Reader& reader, const kdl::Node& node, Draft& out) {
  FilterDraft draft;
  auto id = reader.entry(node, {}, filter(), Shape::Braces::required, draft);
  if (!id) return;
  draft.id = std::move(*id);
  out.filters.push_back(std::move(draft));
}

constexpr Key<Draft> filters_keys[] = {{{"filter", many}, NodeRule<Draft>{read_filter}}};

/// Whether a path has one spelling: what escapes, dot segments, doubled slashes or parameters spell could be spelt
/// otherwise, and requests in the other spelling would belong to another route.
bool is_plain_path(std::string_view path) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@/";
  if (path.find_first_not_of(plain) != std::string_view::npos || path.find("//") != std::string_view::npos)
    return false;
  const std::string closed = std::string{path} + "/";
  return closed.find("/./") == std::string::npos && closed.find("/../") == std::string::npos;
}

void read_path_prefix(Reader& reader, const Setting& setting, Route& out) {
  auto text = reader.text(setting);
  if (!text) return;
  if (!text->starts_with('/')) {
    return reader.report(setting.value->at, "a path begins with \"/\"", fmt::format("write \"/{}\"", *text));
  }
  if (text->find_first_of("?#") != std::string::npos) {
    return reader.report(setting.value->at, "a path has no \"?\" or \"#\"",
                         "routes are chosen by the path alone, without the query");
  }
  if (!is_plain_path(*text)) {
    return reader.report(setting.value->at, fmt::format("\"{}\" can be spelt in several ways", *text),
                         "name the part before it: letters, digits and -._~!$&'()*+,=:@ without \"//\", \"/.\" and "
                         "\"/..\" have one spelling");
  }
  out.path_prefix = std::move(*text);
}

void read_host(Reader& reader, const Setting& setting, Route& out) {
  auto text = reader.text(setting);
  if (!text) return;
  if (text->starts_with("*."))
    return reader.report(setting.value->at, fmt::format("\"{}\" is not supported yet as \"host\"", *text),
                         "write a route for each name");
  if (!is_host(*text))
    return reader.report(setting.value->at, fmt::format("\"{}\" is not a host name", *text),
                         "write one exact name without port, for example \"app.example\"");
  std::ranges::transform(*text, text->begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (text->ends_with('.')) text->pop_back();  // an absolute name is the same host
  if (text->starts_with('['))                  // as requests are compared: see http::canonical_authority()
    if (const auto ip = IpAddress::parse(std::string_view{*text}.substr(1, text->size() - 2)))
      *text = ip->is_v4() ? ip->text() : fmt::format("[{}]", ip->text());
  out.host = std::move(*text);
}

/// A token of RFC 9110 §5.6.2 without lower-case letters: methods are compared byte by byte, and no method in use has
/// any.
bool is_method(std::string_view text) {
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == std::string_view::npos;
}

void read_methods(Reader& reader, const kdl::Node& node, Route& out) {
  for (const kdl::Name& method : reader.texts(node)) {
    if (!is_method(method.text)) {
      reader.report(method.at, fmt::format("\"{}\" is not a method", method.text),
                    "methods are in upper case: \"GET\" \"POST\"");
    } else if (std::ranges::find(out.methods, method.text) != out.methods.end()) {
      reader.report(method.at, fmt::format("the method \"{}\" is named twice", method.text), "remove one");
    } else {
      out.methods.push_back(method.text);
    }
  }
}

constexpr Key<Route> matches_keys[] = {
    {{"path-prefix"}, ValueRule<Route>{read_path_prefix}},
    {{"host"}, ValueRule<Route>{read_host}},
    {{"method"}, NodeRule<Route>{read_methods}},
    {{"path", unsupported}, {}},
    {{"header", unsupported}, {}},
    {{"query", unsupported}, {}},
};

void read_matches(Reader& reader, const Block& block, RouteDraft& out) {
  const std::size_t before = reader.problems();
  reader.block(block, matches(), out.route);
  out.matches_known = reader.problems() == before;
}

void read_route_filters(Reader& reader, const kdl::Node& node, RouteDraft& out) { out.filters = reader.texts(node); }

/// #false says what holds; #true asks for what is not built.
void read_unsupported_switch(Reader& reader, const Setting& setting, RouteDraft& /*out*/) {
  if (reader.boolean(setting).value_or(false))
    reader.report(setting.value->at, fmt::format("\"{} #true\" is not supported yet", setting.key),
                  "remove it: what passes is not looked at");
}

/// `respond 200 "text"`, `respond 204`.
void read_respond(Reader& reader, const kdl::Node& node, RouteDraft& out) {
  out.responds = true;
  if (!reader.check(node, {.arguments = Shape::Arguments::some})) return;
  const auto& status = node.arguments.front();
  const auto number = reader.number({.key = "respond", .value = &status}, 200, 599, "");
  const auto* const text = node.arguments.size() > 1 ? node.arguments[1].get<kdl::String>() : nullptr;
  if (node.arguments.size() > 2 || (node.arguments.size() == 2 && text == nullptr))
    return reader.report(node.name.at, "respond takes a status and a text", "write: respond 200 \"ok\\n\"");
  if (!number) return;
  out.route.respond = FixedAnswer{.status = static_cast<std::uint16_t>(*number), .text = text ? text->text : ""};
}

constexpr Key<RouteDraft> route_keys[] = {
    {{"matches"}, BlockRule<RouteDraft>{read_matches}},
    {{"filters"}, NodeRule<RouteDraft>{read_route_filters}},
    {{"upstream"}, ValueRule<RouteDraft>{read_reference<&RouteDraft::upstream>}},
    {{"respond"}, NodeRule<RouteDraft>{read_respond}},
    {{"websocket"}, boolean<&RouteDraft::route, &Route::websocket>()},
    {{"websocket-inspection"}, ValueRule<RouteDraft>{read_unsupported_switch}},
    {{"redirect-to-https"}, boolean<&RouteDraft::route, &Route::redirect_to_https>()},
    {{"guardrail", unsupported}, {}},
    {{"request-headers", unsupported}, {}},
    {{"response-headers", unsupported}, {}},
    {{"limits", unsupported}, {}},
    {{"timeouts", unsupported}, {}},
};

void read_route(Reader& reader, const kdl::Node& node, Draft& out) {
  RouteDraft draft;
  auto id = reader.entry(node, {}, route(), Shape::Braces::required, draft);
  if (!id) return;
  draft.id = std::move(*id);
  draft.route.id = draft.id.text;
  draft.at = node.name.at;
  out.routes.push_back(std::move(draft));
}

constexpr Key<Draft> routes_keys[] = {
    {{"route", at_least_one, "route \"all\" { matches { path-prefix \"/\" }; upstream \"app\" }"},
     NodeRule<Draft>{read_route}}};

}  // namespace

Keys<Draft> filters() { return filters_keys; }
Keys<FilterDraft> filter() { return filter_keys; }
Keys<Draft> routes() { return routes_keys; }
Keys<RouteDraft> route() { return route_keys; }
Keys<Route> matches() { return matches_keys; }

}  // namespace picket::apps::gateway::config::tables

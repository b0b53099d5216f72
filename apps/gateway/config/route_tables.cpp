#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/network.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"
#include "picket/base/ascii.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/grammar.hpp"

/// The tables of routes: which requests they take and what they do to them.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

/// Whether a path has one spelling: what escapes, dot segments, doubled slashes or parameters spell could be spelt
/// otherwise, and requests in the other spelling would belong to another route.
bool is_plain_path(std::string_view path) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@/";
  if (path.find_first_not_of(plain) != std::string_view::npos || path.find("//") != std::string_view::npos)
    return false;
  const std::string closed = std::string{path} + "/";
  return closed.find("/./") == std::string::npos && closed.find("/../") == std::string::npos;
}

/// A path in its one spelling.
void read_path(Reader& reader, const Setting& setting, Matches& out) {
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
  out.path = std::move(*text);
}

/// As requests are compared: see http::canonical_authority().
void read_host(Reader& reader, const Setting& setting, Matches& out) {
  auto text = reader.text(setting);
  if (!text) return;
  const bool is_wildcard = text->starts_with("*.");
  const std::string_view name = std::string_view{*text}.substr(is_wildcard ? 2 : 0);
  if (!is_host(name) || (is_wildcard && (name.starts_with('[') || IpAddress::parse(name))))
    return reader.report(setting.value->at, fmt::format("\"{}\" is not a host name", *text),
                         "write one name without port, for example \"app.example\" or \"*.example\"");
  std::ranges::transform(*text, text->begin(), base::lower);
  if (text->ends_with('.')) text->pop_back();  // an absolute name is the same host
  if (text->starts_with('['))
    if (const auto ip = IpAddress::parse(std::string_view{*text}.substr(1, text->size() - 2)))
      *text = ip->is_v4() ? ip->text() : fmt::format("[{}]", ip->text());
  out.host = std::move(*text);
}

/// A token of RFC 9110 §5.6.2 without lower-case letters: methods are compared byte by byte, and no method in use has
/// any.
bool is_method(std::string_view text) {
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == std::string_view::npos;
}

void read_methods(Reader& reader, const kdl::Node& node, Matches& out) {
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

/// The two texts of a node, as `header "x-tier" "gold"`.
std::optional<NamedValue> read_pair(Reader& reader, const kdl::Node& node, std::string_view example) {
  const std::size_t before = reader.problems();
  const auto texts = reader.texts(node);
  if (reader.problems() != before) return std::nullopt;
  if (texts.size() == 2) return NamedValue{texts[0].text, texts[1].text};
  reader.report(node.name.at, fmt::format("{} takes a name and a value", node.name.text),
                fmt::format("write: {}", example));
  return std::nullopt;
}

void report_name(Reader& reader, const kdl::Node& node, std::string_view name) {
  reader.report(node.name.at, fmt::format("\"{}\" is not a header name", name),
                "a name has letters, digits and !#$%&'*+-.^_`|~");
}

void read_header(Reader& reader, const kdl::Node& node, Matches& out) {
  auto pair = read_pair(reader, node, R"(header "x-tier" "gold")");
  if (!pair) return;
  if (!http::is_token(pair->name)) return report_name(reader, node, pair->name);
  if (http::stays_on_its_hop(pair->name))
    return reader.report(node.name.at, fmt::format("\"{}\" concerns one connection, not a request", pair->name),
                         "choose by another header");
  if (base::same_name(pair->name, "host"))
    return reader.report(node.name.at, "the host has a key of its own", fmt::format("write: host \"{}\"", pair->value));
  out.headers.push_back(std::move(*pair));
}

void read_query(Reader& reader, const kdl::Node& node, Matches& out) {
  if (auto pair = read_pair(reader, node, R"(query "beta" "1")")) out.queries.push_back(std::move(*pair));
}

constexpr Key<Matches> matches_keys[] = {
    {{"path-prefix"}, ValueRule<Matches>{read_path}},   {{"path"}, ValueRule<Matches>{read_path}},
    {{"host"}, ValueRule<Matches>{read_host}},          {{"method"}, NodeRule<Matches>{read_methods}},
    {{"header", many}, NodeRule<Matches>{read_header}}, {{"query", many}, NodeRule<Matches>{read_query}},
};

void read_matches(Reader& reader, const Block& block, RouteDraft& out) {
  const std::size_t before = reader.problems();
  reader.block(block, matches(), out.route.matches);
  const auto named = [&](std::string_view key) {
    return std::ranges::find_if(block.nodes, [&](const kdl::Node* node) { return node->name.text == key; });
  };
  const auto whole = named("path");
  out.route.matches.whole_path = whole != block.nodes.end();
  if (out.route.matches.whole_path && named("path-prefix") != block.nodes.end())
    reader.report((*whole)->name.at, "matches has both \"path\" and \"path-prefix\"", "keep one");
  out.matches_known = reader.problems() == before;
}

using Edits = std::vector<HeaderEdit>;

/// Whether a route may touch that field; reports where not.
bool is_editable(Reader& reader, const kdl::Node& node, std::string_view name) {
  if (!http::is_token(name)) {
    report_name(reader, node, name);
  } else if (http::stays_on_its_hop(name)) {
    reader.report(node.name.at, fmt::format("the header \"{}\" is the connection's own", name),
                  "each connection has its framing and its hop; remove the line");
  } else {
    return true;
  }
  return false;
}

/// A request has one Host, and it is one.
bool is_good_host(Reader& reader, const kdl::Node& node, const NamedValue& pair, base::HeaderOp::Kind kind) {
  if (!base::same_name(pair.name, "host")) return true;
  if (kind == base::HeaderOp::Kind::set && !pair.value.empty() && http::is_authority(pair.value)) return true;
  reader.report(node.name.at, fmt::format("{} would make a Host that is none", node.name.text),
                "write: set \"host\" \"app.example\", or with a port");
  return false;
}

template <base::HeaderOp::Kind kind>
void read_edit(Reader& reader, const kdl::Node& node, Edits& out) {
  auto pair = read_pair(reader, node, R"(set "x-tier" "gold")");
  if (pair && is_editable(reader, node, pair->name) && is_good_host(reader, node, *pair, kind))
    out.push_back({.kind = kind, .name = std::move(pair->name), .value = std::move(pair->value)});
}

void read_removal(Reader& reader, const kdl::Node& node, Edits& out) {
  for (const kdl::Name& name : reader.texts(node))
    if (is_editable(reader, node, name.text) &&
        is_good_host(reader, node, {name.text, {}}, base::HeaderOp::Kind::remove))
      out.push_back({.kind = base::HeaderOp::Kind::remove, .name = name.text, .value = {}});
}

constexpr Key<Edits> edit_keys[] = {
    {{"set", many}, NodeRule<Edits>{read_edit<base::HeaderOp::Kind::set>}},
    {{"add", many}, NodeRule<Edits>{read_edit<base::HeaderOp::Kind::add>}},
    {{"remove", many}, NodeRule<Edits>{read_removal}},
};

template <auto Member>
void read_edits(Reader& reader, const Block& block, RouteDraft& out) {
  reader.block(block, header_edits(), out.route.*Member);
}

void read_limits(Reader& reader, const Block& block, RouteDraft& out) {
  reader.block(block, route_limits(), out.route);
}

void read_timeouts(Reader& reader, const Block& block, RouteDraft& out) {
  reader.block(block, route_timeouts(), out.route);
}

void read_guardrail(Reader& reader, const Block& block, RouteDraft& out) {
  out.guardrail.emplace().at = block.at;
  reader.block(block, guardrail(), *out.guardrail);
}

void read_route_filters(Reader& reader, const kdl::Node& node, RouteDraft& out) { out.filters = reader.texts(node); }

/// Keys that say something of a switch to WebSocket, where there is none.
void check_websocket(Reader& reader, const kdl::Node& node, const RouteDraft& draft) {
  if (draft.route.websocket) return;
  for (const kdl::Node& key : node.children) {
    const bool inspects = key.name.text == "websocket-inspection" && draft.route.websocket_inspection;
    if (!inspects && key.name.text != "websocket-idle-secs") continue;
    reader.report(key.name.at,
                  fmt::format("\"{}\" has no effect here: no request switches to WebSocket", key.name.text),
                  "add websocket #true, or remove it");
  }
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

constexpr Key<Route> route_limit_keys[] = {
    {{"max-body-size-bytes"}, number<&Route::max_body_size>(1, 1'099'511'627'776, "bytes")},
};

constexpr Key<Route> route_timeout_keys[] = {
    {{"request"}, in_seconds<&Route::request_time>(86'400, 0)},
};

constexpr Word actions[] = {{"block", static_cast<int>(inspection::Action::block)},
                            {"redact", static_cast<int>(inspection::Action::redact)},
                            {"log", static_cast<int>(inspection::Action::log)},
                            {"off", static_cast<int>(inspection::Action::off)}};
constexpr auto its_guardrail = &GuardrailDraft::guardrail;

constexpr Key<GuardrailDraft> guardrail_keys[] = {
    {{"agent", required, "agent \"guard\""}, ValueRule<GuardrailDraft>{read_reference<&GuardrailDraft::agent>}},
    {{"prompt"}, choice<its_guardrail, &Guardrail::prompt>(actions)},
    {{"response"}, choice<its_guardrail, &Guardrail::response>(actions)},
    {{"window"}, number<its_guardrail, &Guardrail::window>(16, 65'536, "bytes")},
};

constexpr Key<RouteDraft> route_keys[] = {
    {{"matches"}, BlockRule<RouteDraft>{read_matches}},
    {{"filters"}, NodeRule<RouteDraft>{read_route_filters}},
    {{"upstream"}, ValueRule<RouteDraft>{read_reference<&RouteDraft::upstream>}},
    {{"respond"}, NodeRule<RouteDraft>{read_respond}},
    {{"websocket"}, boolean<&RouteDraft::route, &Route::websocket>()},
    {{"websocket-inspection"}, boolean<&RouteDraft::route, &Route::websocket_inspection>()},
    {{"websocket-idle-secs"}, in_seconds<&RouteDraft::route, &Route::websocket_idle>(86'400)},
    {{"redirect-to-https"}, boolean<&RouteDraft::route, &Route::redirect_to_https>()},
    {{"guardrail"}, BlockRule<RouteDraft>{read_guardrail}},
    {{"request-headers"}, BlockRule<RouteDraft>{read_edits<&Route::request_edits>}},
    {{"response-headers"}, BlockRule<RouteDraft>{read_edits<&Route::response_edits>}},
    {{"limits"}, BlockRule<RouteDraft>{read_limits}},
    {{"timeouts"}, BlockRule<RouteDraft>{read_timeouts}},
};

void read_route(Reader& reader, const kdl::Node& node, Draft& out) {
  RouteDraft draft;
  auto id = reader.entry(node, {}, route(), Shape::Braces::required, draft);
  if (!id) return;
  draft.id = std::move(*id);
  draft.route.id = draft.id.text;
  draft.at = node.name.at;
  check_websocket(reader, node, draft);
  out.routes.push_back(std::move(draft));
}

constexpr Key<Draft> routes_keys[] = {
    {{"route", at_least_one, "route \"all\" { matches { path-prefix \"/\" }; upstream \"app\" }"},
     NodeRule<Draft>{read_route}}};

}  // namespace

Keys<Draft> routes() { return routes_keys; }
Keys<RouteDraft> route() { return route_keys; }
Keys<Matches> matches() { return matches_keys; }
Keys<std::vector<HeaderEdit>> header_edits() { return edit_keys; }
Keys<Route> route_limits() { return route_limit_keys; }
Keys<Route> route_timeouts() { return route_timeout_keys; }
Keys<GuardrailDraft> guardrail() { return guardrail_keys; }

}  // namespace picket::apps::gateway::config::tables

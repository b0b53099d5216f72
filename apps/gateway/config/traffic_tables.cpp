#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// The tables of what requests are sent to: agents, as filters, and upstreams.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

constexpr Word filter_types[] = {{"agent"}};
void read_filter_type(Reader& reader, const Setting& setting, FilterDraft& /*out*/) {
  (void)reader.choice(setting, filter_types);
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

constexpr Key<Target> target_property_keys[] = {{{"weight"}, number<&Target::weight>(1, 1'000)}};

void read_target(Reader& reader, const kdl::Node& node, Upstream& out) {
  Target target;
  const auto text = reader.entry(node, target_properties(), {}, Shape::Braces::none, target);
  if (!text) return;
  if (text->text.starts_with("unix:"))
    return reader.report(text->at, fmt::format("\"{}\" is not supported yet as a target", text->text),
                         "write \"HOST:PORT\"");
  auto address = parse_address(text->text, Hosts::names_too);
  if (!address) return reader.report(text->at, address.error().message, address.error().hint);
  const auto same = [&](const Target& other) { return other.host == address->host && other.port == address->port; };
  if (std::ranges::any_of(out.targets, same))
    return reader.report(text->at, fmt::format("the target \"{}\" is named twice", text->text),
                         "give it a weight instead");
  target.is_named = !parse_address(text->text, Hosts::numbers);
  target.host = std::move(address->host);
  target.port = address->port;
  out.targets.push_back(std::move(target));
}

constexpr Word balancings[] = {{"round_robin", static_cast<int>(LoadBalancing::round_robin)},
                               {"least_connections", static_cast<int>(LoadBalancing::least_connections)},
                               {"health_based", 0, Word::unsupported},
                               {"random", 0, Word::unsupported},
                               {"p2c", 0, Word::unsupported},
                               {"ip_hash", 0, Word::unsupported},
                               {"consistent_hash", 0, Word::unsupported}};
constexpr Key<Upstream> upstream_keys[] = {
    {{"target", at_least_one, "target \"127.0.0.1:9000\""}, NodeRule<Upstream>{read_target}},
    {{"load-balancing"}, choice<&Upstream::load_balancing>(balancings)},
    {{"dns-refresh-secs"}, in_seconds<&Upstream::dns_refresh>(300)},
    {{"health-check", unsupported}, {}},
    {{"http-version", unsupported}, {}},
    {{"tls", unsupported}, {}},
    {{"timeouts", unsupported}, {}},
    {{"passive-health", unsupported}, {}},
    {{"slow-start-secs", unsupported}, {}},
    {{"connection-pool", unsupported}, {}},
    {{"retry", unsupported}, {}},
};

void read_upstream(Reader& reader, const kdl::Node& node, Draft& out) {
  UpstreamDraft draft;
  auto id = reader.entry(node, {}, upstream(), Shape::Braces::required, draft.upstream);
  if (!id) return;
  draft.id = std::move(*id);
  draft.upstream.id = draft.id.text;
  out.upstreams.push_back(std::move(draft));
}

constexpr Key<Draft> upstreams_keys[] = {{{"upstream", many}, NodeRule<Draft>{read_upstream}}};

}  // namespace

Keys<Draft> filters() { return filters_keys; }
Keys<FilterDraft> filter() { return filter_keys; }
Keys<Draft> upstreams() { return upstreams_keys; }
Keys<Upstream> upstream() { return upstream_keys; }
Keys<Target> target_properties() { return target_property_keys; }

}  // namespace picket::apps::gateway::config::tables

#include "apps/gateway/config/resolve.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "picket/base/nearest.hpp"

namespace picket::apps::gateway::config {
namespace {

/// The things of one kind by their ids.
class Index {
 public:
  template <class T>
  Index(std::string_view kind, const std::vector<T>& drafts, Reader& reader) : kind_(kind), reader_(reader) {
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      const kdl::Name& id = drafts[i].id;
      const auto [entry, added] = entries_.try_emplace(id.text, Entry{i, id.at});
      if (!added)
        reader.report(id.at, fmt::format("there are two {}s \"{}\"", kind, id.text),
                      fmt::format("the first is at {}", reader.place(entry->second.at)));
    }
  }

  /// The place in the list of what `name` names. A name that is empty was missing, and that has been reported.
  [[nodiscard]] std::optional<std::size_t> find(const kdl::Name& name) const {
    if (name.text.empty()) return std::nullopt;
    if (const auto found = entries_.find(name.text); found != entries_.end()) return found->second.index;
    if (!reader_.complete()) return std::nullopt;
    std::vector<std::string_view> known;
    known.reserve(entries_.size());
    for (const auto& [id, entry] : entries_) known.push_back(id);
    std::string hint = base::suggest(name.text, known);
    if (hint.empty()) hint = fmt::format("no {0} is defined: add {0}s {{ {0} \"{1}\" {{ … }} }}", kind_, name.text);
    reader_.report(name.at, fmt::format("there is no {} \"{}\"", kind_, name.text), std::move(hint));
    return std::nullopt;
  }

 private:
  struct Entry {
    std::size_t index;
    kdl::Span at;
  };
  std::map<std::string_view, Entry> entries_;
  std::string_view kind_;
  Reader& reader_;
};

void check_transport(const AgentDraft& draft, Reader& reader) {
  const auto& transports = draft.transports;
  if (transports.empty() && reader.complete()) {
    reader.report(draft.id.at, fmt::format("agent \"{}\" has no transport", draft.id.text),
                  fmt::format("add binary-uds \"/run/picket/{}.sock\"", draft.id.text));
  }
  for (const kdl::Name& other : transports) {
    // The same key twice is told as such.
    if (other.text == transports.front().text) continue;
    reader.report(other.at,
                  fmt::format("agent \"{}\" has two transports, \"{}\" and \"{}\"", draft.id.text,
                              transports.front().text, other.text),
                  "keep one");
  }
}

/// Agents that dial: somewhere, and each under ids that no other agent claims in the same words.
void check_reverse(const Draft& draft, Reader& reader) {
  std::map<std::string_view, std::pair<std::string_view, kdl::Span>> claimed;
  for (const AgentDraft& agent : draft.agents) {
    for (const kdl::Name& ids : agent.reverse) {
      const auto [entry, added] = claimed.try_emplace(ids.text, agent.id.text, ids.at);
      const auto& [owner, at] = entry->second;
      if (!added)
        reader.report(ids.at, fmt::format("agents that dial as \"{}\" feed agent \"{}\" already", ids.text, owner),
                      fmt::format("it is claimed at {}", reader.place(at)));
    }
    if (!agent.reverse.empty() && !draft.reverse && reader.complete())
      reader.report(agent.reverse.front().at,
                    fmt::format("agent \"{}\" dials the gateway, which listens nowhere for it", agent.id.text),
                    "add reverse-listener { path \"/run/picket/agents.sock\" }");
  }
}

/// Whether who listens on `host` takes what comes to `other` as well: "::" takes IPv4, too.
bool takes_in(std::string_view host, std::string_view other) noexcept {
  return host == other || host == "::" || (host == "0.0.0.0" && !other.contains(':'));
}

/// Addresses that something listens on.
void check_addresses(const Draft& draft, Reader& reader) {
  struct Taken {
    std::string_view host;
    std::uint16_t port;
    kdl::Span at;
  };
  std::vector<Taken> all;
  const auto take = [&](const std::string& host, std::uint16_t port, const std::optional<kdl::Span>& at) {
    if (!at) return;
    const auto taken = std::ranges::find_if(all, [&](const Taken& each) {
      return each.port == port && (takes_in(each.host, host) || takes_in(host, each.host));
    });
    if (taken == all.end()) {
      all.push_back({host, port, *at});
    } else if (taken->host == host) {
      reader.report(*at, "this address is taken", fmt::format("it is first used at {}", reader.place(taken->at)));
    } else {
      const auto [wide, narrow] = takes_in(host, taken->host) ? std::pair{std::string_view{host}, taken->host}
                                                              : std::pair{taken->host, std::string_view{host}};
      reader.report(*at, "this address is taken",
                    fmt::format("{} takes in {}: leave one of them out, here or at {}", in_brackets(wide),
                                in_brackets(narrow), reader.place(taken->at)));
    }
  };
  for (const ListenerDraft& listener : draft.listeners)
    take(listener.listener.host, listener.listener.port, listener.address);
  if (draft.reverse) take(draft.reverse->listener.host, draft.reverse->listener.port, draft.reverse->address);
  if (const auto& metrics = draft.observability.observability.metrics)
    take(metrics->host, metrics->port, draft.observability.metrics_address);
}

/// The indices of a route's filters. An exchange has one id on all its connections, so it can ask an agent only once.
std::vector<std::size_t> resolve_filters(const RouteDraft& route, const Index& index, const Draft& draft,
                                         Reader& reader) {
  std::vector<std::size_t> result;
  std::map<std::string_view, std::string_view> asked;
  for (const kdl::Name& name : route.filters) {
    const auto filter = index.find(name);
    if (!filter) continue;
    if (std::ranges::find(result, *filter) != result.end()) {
      reader.report(name.at, fmt::format("the filter \"{}\" is named twice", name.text), "remove one");
      continue;
    }
    const std::string_view agent = draft.filters[*filter].agent.text;
    const auto [entry, added] = asked.try_emplace(agent, name.text);
    if (!added && !agent.empty())
      reader.report(
          name.at,
          fmt::format("the filters \"{}\" and \"{}\" ask the same agent, \"{}\"", entry->second, name.text, agent),
          "a route asks an agent once: remove one of them");
    result.push_back(*filter);
  }
  return result;
}

/// As a set, for comparison.
template <class T>
std::vector<T> sorted(std::vector<T> items) {
  std::ranges::sort(items);
  return items;
}

void check_reachable(const std::vector<RouteDraft>& routes, Reader& reader) {
  using What = std::tuple<std::string, bool, std::optional<std::string>, std::vector<std::string>,
                          std::vector<NamedValue>, std::vector<NamedValue>>;
  std::map<What, const RouteDraft*> seen;
  for (const RouteDraft& draft : routes) {
    if (!draft.matches_known || !reader.complete()) continue;
    const Matches& of = draft.route.matches;
    const auto [entry, added] = seen.try_emplace(
        {of.path, of.whole_path, of.host, sorted(of.methods), sorted(of.headers), sorted(of.queries)}, &draft);
    if (added) continue;
    reader.report(draft.id.at,
                  fmt::format("route \"{}\" can never be taken: route \"{}\" matches the same requests", draft.id.text,
                              entry->second->id.text),
                  fmt::format("the first is at {}", reader.place(entry->second->id.at)));
  }
}

/// Whole paths first, then the longest prefix; file order among equals.
void order(std::vector<Route>& routes) {
  std::vector<std::size_t> indices(routes.size());
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i;
  std::ranges::sort(indices, {}, [&](std::size_t i) {
    const Matches& of = routes[i].matches;
    return std::tuple(!of.whole_path, -static_cast<std::ptrdiff_t>(of.path.size()), i);
  });
  std::vector<Route> ordered;
  ordered.reserve(routes.size());
  for (const std::size_t i : indices) ordered.push_back(std::move(routes[i]));
  routes = std::move(ordered);
}

/// What its agent is asked, and what would go past it.
std::optional<Guardrail> resolve_guardrail(const RouteDraft& route, const Index& index, const Draft& draft,
                                           Reader& reader) {
  const GuardrailDraft& named = *route.guardrail;
  const auto at = index.find(named.agent);
  if (!at) return std::nullopt;
  const Agent& agent = draft.agents[*at].agent;
  if (!agent.events.guardrail)
    reader.report(named.agent.at, fmt::format("agent \"{}\" is not asked about texts", named.agent.text),
                  "add \"guardrail\" to its events");
  if (agent.request_body.holds <= named.guardrail.window || agent.response_body.holds <= named.guardrail.window)
    reader.report(named.at,
                  fmt::format("{} bytes of a text are to stay held, and fewer may be", named.guardrail.window),
                  "lower window, or raise max-request-body-bytes and max-response-body-bytes of the agent");
  if (route.responds) reader.report(named.at, "\"guardrail\" has no effect beside \"respond\"", "remove one of them");
  if (route.route.websocket && !route.route.websocket_inspection)
    reader.report(named.at, "what passes through a WebSocket would go past the guardrail",
                  "add websocket-inspection #true, or give WebSockets a route of their own");
  Guardrail guardrail = named.guardrail;
  guardrail.agent = *at;
  return guardrail;
}

/// A route goes to an upstream or answers by itself.
void check_destination(const RouteDraft& route, Reader& reader) {
  const bool has_upstream = !route.upstream.text.empty();
  if (has_upstream && route.responds)
    return reader.report(route.upstream.at,
                         fmt::format("route \"{}\" has both \"upstream\" and \"respond\"", route.id.text),
                         "keep the one that is to answer");
  if (!has_upstream && !route.responds && reader.complete())
    reader.report(route.at, fmt::format("route \"{}\" has no \"upstream\"", route.id.text),
                  "add upstream with the id of one, or respond with a status and a text");
}

/// Frames are looked at by somebody.
void check_frames(const RouteDraft& draft, const Route& route, const Config& config, Reader& reader) {
  if (!route.websocket || !route.websocket_inspection || !reader.complete()) return;
  const auto is_asked = [&](std::size_t filter) {
    return config.agents[config.filters[filter].agent].events.websocket_frame;
  };
  if (std::ranges::any_of(route.filters, is_asked)) return;
  reader.report(draft.at, fmt::format("no agent of route \"{}\" looks at WebSocket frames", draft.id.text),
                "add \"websocket_frame\" to the events of one, or remove websocket-inspection");
}

}  // namespace

Config resolve(Draft&& draft, Reader& reader) {
  const Index listeners("listener", draft.listeners, reader);
  const Index agents("agent", draft.agents, reader);
  const Index filters("filter", draft.filters, reader);
  const Index upstreams("upstream", draft.upstreams, reader);
  const Index routes("route", draft.routes, reader);
  check_addresses(draft, reader);
  check_reverse(draft, reader);
  check_reachable(draft.routes, reader);

  Config config;
  config.system = draft.system;
  config.limits = draft.limits;
  for (const AgentDraft& agent : draft.agents) {
    check_transport(agent, reader);
    config.agents.push_back(agent.agent);
  }
  for (const FilterDraft& filter : draft.filters) {
    Filter& resolved = config.filters.emplace_back();
    resolved.id = filter.id.text;
    const auto agent = agents.find(filter.agent);
    if (!agent) continue;
    resolved.agent = *agent;
    resolved.failure_mode = filter.failure_mode.value_or(config.agents[*agent].failure_mode);
    resolved.timeout = filter.timeout.value_or(config.agents[*agent].timeout);
  }
  for (const RouteDraft& route : draft.routes) {
    Route& resolved = config.routes.emplace_back(route.route);
    resolved.filters = resolve_filters(route, filters, draft, reader);
    check_destination(route, reader);
    check_frames(route, resolved, config, reader);
    if (route.guardrail) resolved.guardrail = resolve_guardrail(route, agents, draft, reader);
    if (!route.upstream.text.empty()) resolved.upstream = upstreams.find(route.upstream).value_or(0);
  }
  for (ListenerDraft& listener : draft.listeners) config.listeners.push_back(std::move(listener.listener));
  for (UpstreamDraft& upstream : draft.upstreams) config.upstreams.push_back(std::move(upstream.upstream));
  if (draft.reverse) config.reverse_listener = std::move(draft.reverse->listener);
  config.observability = std::move(draft.observability.observability);
  order(config.routes);
  return config;
}

}  // namespace picket::apps::gateway::config

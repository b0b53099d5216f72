#include "apps/gateway/config/agent_tables.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/config_tree.hpp"

/// The table of an agent's block.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

struct EventKind {
  std::string_view name;
  bool Events::* member;
};
constexpr std::array event_kinds{EventKind{"request_headers", &Events::request_headers},
                                 EventKind{"request_body", &Events::request_body},
                                 EventKind{"response_headers", &Events::response_headers},
                                 EventKind{"response_body", &Events::response_body},
                                 EventKind{"request_complete", &Events::request_complete},
                                 EventKind{"websocket_frame", &Events::websocket_frame},
                                 EventKind{"guardrail", &Events::guardrail}};
/// The value is an index in event_kinds.
constexpr Word event_words[] = {{"request_headers", 0}, {"request_body", 1},     {"response_headers", 2},
                                {"response_body", 3},   {"request_complete", 4}, {"log", 4, Word::alias},
                                {"websocket_frame", 5}, {"guardrail", 6}};

void read_events(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  reader.check(node, {.arguments = Shape::Arguments::some});
  if (node.broken) return;
  out.agent.events = {};
  for (const kdl::Value& argument : node.arguments) {
    const auto index = reader.choice({node.name.text, &argument}, event_words);
    if (!index) continue;
    const EventKind& kind = event_kinds.at(static_cast<std::size_t>(*index));
    if (out.agent.events.*kind.member)
      reader.report(argument.at, fmt::format("the event \"{}\" is named twice", kind.name), "remove one");
    out.agent.events.*kind.member = true;
  }
}

void read_config(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  out.agent.config_json = config_json(reader, node);
}

constexpr Key<AgentDraft> agent_keys[] = {
    {{"binary-uds"}, ValueRule<AgentDraft>{read_binary_uds}},
    {{"unix-socket"}, ValueRule<AgentDraft>{read_unix_socket}},
    {{"grpc"}, ValueRule<AgentDraft>{read_grpc}},
    {{"tcp"}, ValueRule<AgentDraft>{read_tcp}},
    {{"reverse"}, NodeRule<AgentDraft>{read_reverse}},
    {{"tls"}, BlockRule<AgentDraft>{read_agent_tls}},
    {{"dialect"}, ValueRule<AgentDraft>{read_dialect}},
    {{"protocol-version"}, ValueRule<AgentDraft>{read_protocol_version}},
    {{"connections"}, number<&AgentDraft::connections>(1, 256)},
    {{"insecure"}, boolean<the_agent, &Agent::insecure>()},
    {{"decompress"}, boolean<the_agent, &Agent::decompress>()},
    {{"events"}, NodeRule<AgentDraft>{read_events}},
    {{"timeout-ms"}, in_milliseconds<the_agent, &Agent::timeout>(hour_ms)},
    {{"failure-mode"}, choice<the_agent, &Agent::failure_mode>(failure_modes)},
    {{"buffer-size"}, number<the_agent, &Agent::buffer_size>(1'024, 12'000'000, "bytes")},
    {{"request-body-mode"}, NodeRule<AgentDraft>{read_request_body_mode}},
    {{"response-body-mode"}, NodeRule<AgentDraft>{read_response_body_mode}},
    {{"max-request-body-bytes"}, number<the_agent, &Agent::request_body, &BodyTerms::holds>(1, most_held, "bytes")},
    {{"max-response-body-bytes"}, number<the_agent, &Agent::response_body, &BodyTerms::holds>(1, most_held, "bytes")},
    {{"chunk-timeout-ms"}, in_milliseconds<the_agent, &Agent::chunk_timeout>(hour_ms)},
    {{"declared-events-only"}, boolean<the_agent, &Agent::declared_events_only>()},
    {{"max-concurrent-calls"}, number<the_agent, &Agent::max_concurrent_calls>(1, 100'000)},
    {{"max-waiting-calls"}, number<the_agent, &Agent::max_waiting_calls>(0, 1'000'000)},
    {{"circuit-breaker"}, BlockRule<AgentDraft>{read_circuit_breaker}},
    {{"pool"}, BlockRule<AgentDraft>{read_pool}},
    {{"config"}, NodeRule<AgentDraft>{read_config}},
};

void read_type(Reader& reader, const Setting& setting, AgentDraft& out) {
  if (auto type = reader.text(setting)) out.agent.type = std::move(*type);
}
constexpr Key<AgentDraft> agent_property_keys[] = {{{"type"}, ValueRule<AgentDraft>{read_type}}};

/// The keys that say how an agent is reached, those of which one must be there.
constexpr std::array<std::string_view, 5> transport_keys{"binary-uds", "unix-socket", "grpc", "tcp", "reverse"};

void read_agent(Reader& reader, const kdl::Node& node, Draft& out) {
  AgentDraft draft;
  auto id = reader.entry(node, agent_properties(), agent(), Shape::Braces::required, draft);
  for (const kdl::Node& child : node.children) {
    if (std::ranges::find(transport_keys, child.name.text) != transport_keys.end())
      draft.transports.push_back(child.name);
  }
  check_network(reader, node, draft);
  check_hedge(reader, node, draft);
  check_bodies(reader, node, draft);
  check_dialect(reader, node, draft);
  check_pool(reader, node, draft);
  take_connections(reader, node, draft);
  if (!id) return;
  draft.id = std::move(*id);
  draft.agent.id = draft.id.text;
  if (draft.agent.transport == AgentTransport::reverse && draft.reverse.empty()) draft.reverse.push_back(draft.id);
  for (const kdl::Name& ids : draft.reverse) draft.agent.reverse.push_back(ids.text);
  if (draft.agent.type.empty()) draft.agent.type = draft.id.text;
  out.agents.push_back(std::move(draft));
}

constexpr Key<Draft> agents_keys[] = {{{"agent", many}, NodeRule<Draft>{read_agent}}};

}  // namespace

Keys<Draft> agents() { return agents_keys; }
Keys<AgentDraft> agent_properties() { return agent_property_keys; }
Keys<AgentDraft> agent() { return agent_keys; }

}  // namespace picket::apps::gateway::config::tables

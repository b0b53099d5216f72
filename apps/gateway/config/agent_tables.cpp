#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/config_tree.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"
#include "picket/base/host_name.hpp"

/// The tables of agents.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;
using pool::FlowControlMode;
using pool::LoadBalanceStrategy;

constexpr std::uint64_t hour_ms = 3'600'000;

constexpr auto the_agent = &AgentDraft::agent;
constexpr auto its_pool = &Agent::pool;

void set_socket(Reader& reader, const Setting& setting, std::optional<std::string> path, AgentTransport transport,
                AgentDraft& out) {
  path = reader.as_socket_path(setting, std::move(path));
  if (!path) return;
  out.agent.transport = transport;
  out.agent.path = std::move(*path);
}

template <AgentTransport Transport>
void read_socket(Reader& reader, const Setting& setting, AgentDraft& out) {
  set_socket(reader, setting, reader.path(setting), Transport, out);
}

void set_address(Reader& reader, const Setting& setting, std::string text, AgentTransport transport, AgentDraft& out) {
  const auto address = parse_address(text, Hosts::names_too);
  if (!address && !base::is_service_name(text))
    return reader.report(setting.value->at, address.error().message, address.error().hint);
  if (address && base::is_service_name(address->host))
    return reader.report(setting.value->at,
                         fmt::format("the records of the service \"{}\" say the port", address->host),
                         fmt::format("write \"{}\"", address->host));
  out.agent.transport = transport;
  out.agent.is_named = !parse_address(text, Hosts::numbers);
  out.agent.address = std::move(text);
}

void read_tcp(Reader& reader, const Setting& setting, AgentDraft& out) {
  if (auto text = reader.text(setting)) set_address(reader, setting, std::move(*text), AgentTransport::tcp, out);
}

struct GrpcScheme {
  std::string_view text;
  AgentTransport transport;
};
/// As existing files spell it, and as command lines do.
constexpr std::array grpc_schemes{
    GrpcScheme{"unix:", AgentTransport::grpc_unix}, GrpcScheme{"grpc+unix:", AgentTransport::grpc_unix},
    GrpcScheme{"https://", AgentTransport::grpcs},  GrpcScheme{"grpcs:", AgentTransport::grpcs},
    GrpcScheme{"http://", AgentTransport::grpc},    GrpcScheme{"grpc:", AgentTransport::grpc}};

void read_grpc(Reader& reader, const Setting& setting, AgentDraft& out) {
  const auto text = reader.text(setting);
  if (!text) return;
  const auto* const scheme =
      std::ranges::find_if(grpc_schemes, [&](const GrpcScheme& one) { return text->starts_with(one.text); });
  if (scheme == grpc_schemes.end())
    return reader.report(setting.value->at, fmt::format("\"{}\" does not say how the agent is reached", *text),
                         "write \"https://HOST:PORT\", \"http://HOST:PORT\" or \"unix:/run/agent.sock\"");
  std::string address = text->substr(scheme->text.size());
  if (scheme->transport == AgentTransport::grpc_unix)
    return set_socket(reader, setting, reader.path_of(setting, address), scheme->transport, out);
  set_address(reader, setting, std::move(address), scheme->transport, out);
  if (out.agent.transport == AgentTransport::grpcs && !out.agent.tls) out.agent.tls.emplace();
}

/// Ids under which the agent dials; without any its own, which is known later.
void read_reverse(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  out.agent.transport = AgentTransport::reverse;
  if (node.arguments.empty()) {
    reader.check(node, {});
    return;
  }
  for (const kdl::Name& ids : reader.texts(node)) {
    const auto problem = pool::reverse::pattern_problem(ids.text);
    if (problem) reader.report(ids.at, *problem, "write an agent's id, or its beginning and a *: \"edge-*\"");
    out.reverse.push_back(ids);
  }
}

constexpr std::string_view agents_own = "write the name in the agent's certificate, without port";
constexpr Key<AgentTls> tls_keys[] = {
    {{"ca-cert"}, ValueRule<AgentTls>{read_file<&AgentTls::ca_file>}},
    {{"client-cert"}, ValueRule<AgentTls>{read_file<&AgentTls::certificate_file>}},
    {{"client-key"}, ValueRule<AgentTls>{read_file<&AgentTls::key_file>}},
    {{"sni"}, ValueRule<AgentTls>{read_server_name<AgentTls, agents_own>}},
};

void read_tls(Reader& reader, const Block& block, AgentDraft& out) {
  AgentTls& tls = out.agent.tls.emplace();
  const std::size_t problems = reader.problems();
  reader.block(block, agent_tls(), tls);
  if (problems == reader.problems() && tls.certificate_file.empty() != tls.key_file.empty())
    reader.report(block.at, "a client certificate and its key go together", "write both client-cert and client-key");
}

/// Says of each key whether it fits the others.
void check_network(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  const kdl::Node* const tcp = child_of(node, "tcp");
  const kdl::Node* const grpc = child_of(node, "grpc");
  const kdl::Node* const tls = child_of(node, "tls");
  const AgentTransport transport = draft.agent.transport;
  const bool is_local = tcp == nullptr && (grpc == nullptr || transport == AgentTransport::grpc_unix);
  for (const kdl::Node* key : {tls, child_of(node, "insecure")})
    if (key != nullptr && is_local)
      reader.report(key->name.at, fmt::format("\"{}\" has no effect here", key->name.text),
                    "it goes with tcp \"HOST:PORT\" and grpc \"https://HOST:PORT\"; remove it");
  // Of an address that could not be read something else is said.
  if (is_local || (tcp == nullptr && transport != AgentTransport::grpc && transport != AgentTransport::grpcs)) return;
  if (transport == AgentTransport::grpc && tls != nullptr)
    return reader.report(tls->name.at, "tls { } contradicts http://", "write https://, or remove tls { }");
  const bool is_secured = tls != nullptr || transport == AgentTransport::grpcs;
  if (is_secured && draft.agent.insecure)
    reader.report(child_of(node, "insecure")->name.at,
                  fmt::format("\"insecure\" contradicts {}", tls != nullptr ? "tls { }" : "https://"), "keep one");
  if (!is_secured && !draft.agent.insecure && reader.complete())
    reader.report((tcp != nullptr ? tcp : grpc)->name.at,
                  "this agent would be spoken to in clear: who is on the way reads all and can answer",
                  tcp != nullptr ? "add tls { ca-cert \"ca.pem\" }, or insecure #true if that is meant"
                                 : "write https://, or add insecure #true if that is meant");
}

/// An answer about a body or a response depends on what the connection has seen before.
void check_hedge(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  const Events& events = draft.agent.events;
  const bool is_asked_more =
      events.request_body || events.response_headers || events.response_body || events.websocket_frame;
  if (!draft.agent.pool.hedge || !is_asked_more) return;
  const kdl::Node* const pool = child_of(node, "pool");
  reader.report(child_of(*pool, "hedge")->name.at,
                "an agent that is asked about bodies or responses is not asked twice",
                "remove hedge, or all events but request_headers");
}

constexpr std::string_view keys_of_dialling[] = {"connections", "reconnect-interval-ms", "max-reconnect-interval-ms"};

/// Who dials says how many connections there are, and when they come again.
void check_pool(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  if (draft.agent.transport != AgentTransport::reverse) return;
  if (const kdl::Node* const beside = child_of(node, "connections"))
    reader.report(beside->name.at, "\"connections\" has no effect here",
                  "an agent that dials sees to its connections itself; remove it");
  for (const kdl::Node& child : node.children)
    for (const kdl::Node& key : child.children)
      if (child.name.text == "pool" && std::ranges::find(keys_of_dialling, key.name.text) != std::end(keys_of_dialling))
        reader.report(key.name.at, fmt::format("\"{}\" has no effect here", key.name.text),
                      "an agent that dials sees to its connections itself; remove it");
}

/// Other proxies of the protocol have `connections` in the agent's block.
void take_connections(Reader& reader, const kdl::Node& node, AgentDraft& draft) {
  const kdl::Node* const pool = child_of(node, "pool");
  const kdl::Node* const within = pool == nullptr ? nullptr : child_of(*pool, "connections");
  if (draft.connections == 0) return;
  if (within != nullptr)
    reader.report(within->name.at, "\"connections\" is given twice", "it stands beside pool, too: remove one");
  draft.agent.pool.connections_per_agent = draft.connections;
}

/// They name the version as well, of which there is one here.
void read_protocol_version(Reader& reader, const Setting& setting, AgentDraft&) {
  if (reader.number(setting, 1, 2, "").value_or(2) == 1)
    reader.report(setting.value->at, "version 1 of the protocol is a dialect here",
                  "write dialect \"v1\" in its place");
}

constexpr Word dialects[] = {{"v1", static_cast<int>(session::Dialect::v1)},
                             {"site", static_cast<int>(session::Dialect::site)}};

void read_dialect(Reader& reader, const Setting& setting, AgentDraft& out) {
  if (const auto dialect = reader.choice(setting, dialects))
    out.agent.dialect = static_cast<session::Dialect>(*dialect);
}

/// Dialects are of sockets that the gateway dials; and one of them has no word for a configuration.
void check_dialect(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  const kdl::Node* const key = child_of(node, "dialect");
  if (key == nullptr || !draft.agent.dialect) return;
  const bool is_dialled = draft.agent.transport != AgentTransport::reverse;
  if (child_of(node, "grpc") != nullptr || !is_dialled)
    return reader.report(key->name.at, "\"dialect\" has no effect here",
                         "dialects are spoken on sockets that the gateway dials: unix-socket, tcp; remove it");
  const kdl::Node* const config = child_of(node, "config");
  if (config != nullptr && draft.agent.dialect == session::Dialect::site)
    reader.report(config->name.at, "the dialect \"site\" has no way to give an agent its configuration",
                  "remove config { }, and configure the agent by its own means");
}

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

constexpr std::uint64_t most_held = 1'073'741'824;  // bytes

enum class BodyMode : std::uint8_t { buffer, stream, hybrid };
constexpr Word body_modes[] = {{"buffer", static_cast<int>(BodyMode::buffer)},
                               {"inspect-first", static_cast<int>(BodyMode::buffer), Word::alias},
                               {"stream", static_cast<int>(BodyMode::stream)},
                               {"hybrid", static_cast<int>(BodyMode::hybrid)}};

constexpr Key<BodyTerms> body_mode_property_keys[] = {
    {{"hold-back"}, number<&BodyTerms::holds_back>(1, most_held, "bytes")}};

/// A node of its own form: hybrid has a second argument, and what is streamed may be held back.
template <BodyTerms Agent::* Direction>
void read_body_mode(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  BodyTerms& terms = out.agent.*Direction;
  if (node.arguments.empty() || node.broken) {
    reader.check(node, {.arguments = Shape::Arguments::one});
    return;
  }
  const auto mode = reader.choice({node.name.text, &node.arguments.front()}, body_modes);
  if (!mode) return;
  const bool is_hybrid = *mode == static_cast<int>(BodyMode::hybrid);
  const bool is_buffer = *mode == static_cast<int>(BodyMode::buffer);
  if (is_hybrid && node.arguments.size() != 2)
    return reader.report(node.arguments.front().at, "\"hybrid\" does not say how much is held first",
                         fmt::format("write {} \"hybrid\" and bytes, for example 65536", node.name.text));
  const auto arguments = is_hybrid ? Shape::Arguments::some : Shape::Arguments::one;
  if (!reader.check(node, {.arguments = arguments, .properties = !is_buffer})) return;
  terms.gathers = is_buffer ? body::whole : 0;
  if (is_hybrid)
    terms.gathers = reader.number({node.name.text, &node.arguments.back()}, 1, most_held, "bytes").value_or(1);
  reader.properties(node, body_mode_properties(), terms);
}

/// What is held first, and what is held back, is held.
void check_bodies(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  struct Way {
    std::string_view mode;
    std::string_view limit;
    const BodyTerms& terms;
  };
  for (const Way& way : {Way{"request-body-mode", "max-request-body-bytes", draft.agent.request_body},
                         Way{"response-body-mode", "max-response-body-bytes", draft.agent.response_body}}) {
    const bool is_buffer = way.terms.gathers == body::whole;
    const std::uint64_t least = std::max(is_buffer ? 0 : way.terms.gathers, way.terms.holds_back + 1);
    const kdl::Node* const mode = child_of(node, way.mode);
    if (mode == nullptr || least <= way.terms.holds) continue;
    reader.report(mode->name.at, fmt::format("{} bytes are to be held, and {} may be", least, way.terms.holds),
                  fmt::format("raise {}, or lower what is held", way.limit));
  }
}

constexpr Word load_balancings[] = {{"round-robin", static_cast<int>(LoadBalanceStrategy::round_robin)},
                                    {"least-connections", static_cast<int>(LoadBalanceStrategy::least_connections)},
                                    {"health-based", static_cast<int>(LoadBalanceStrategy::health_based)},
                                    {"random", static_cast<int>(LoadBalanceStrategy::random)},
                                    {"p2c", static_cast<int>(LoadBalanceStrategy::p2c)}};
constexpr Word flow_controls[] = {{"fail-closed", static_cast<int>(FlowControlMode::fail_closed)},
                                  {"fail-open", static_cast<int>(FlowControlMode::fail_open)},
                                  {"wait-and-retry", static_cast<int>(FlowControlMode::wait_and_retry)}};

constexpr Word presets[] = {{"high-throughput", 0}, {"low-latency", 1}};

void read_preset(Reader& reader, const Setting& setting, AgentDraft& out) {
  if (const auto preset = reader.choice(setting, presets))
    out.agent.pool = *preset == 0 ? Pool::high_throughput() : Pool::low_latency();
}

void read_sticky(Reader& reader, const Setting& setting, AgentDraft& out) {
  using By = inspection::Stickiness::By;
  const auto text = reader.text(setting);
  if (!text) return;
  const std::size_t blank = std::min(text->find(' '), text->size());
  const std::string_view kind = std::string_view{*text}.substr(0, blank);
  std::string name = text->substr(std::min(blank + 1, text->size()));
  const bool is_name = !name.empty() && name.find_first_of(" ,;=\"") == std::string::npos;
  if (*text == "client-ip") {
    out.agent.stickiness = {.by = By::client_ip};
  } else if ((kind == "header" || kind == "cookie") && is_name) {
    out.agent.stickiness = {.by = kind == "header" ? By::header : By::cookie, .name = std::move(name)};
  } else {
    reader.report(setting.value->at, fmt::format("\"{}\" does not say what makes a session", *text),
                  "write \"client-ip\", \"header NAME\" or \"cookie NAME\"");
  }
}

/// "p95": of 100 answers 95 come before.
void read_hedge_after(Reader& reader, const Setting& setting, Hedge& out) {
  const auto text = reader.text(setting);
  if (!text) return;
  unsigned percent = 0;
  const char* const end = text->data() + text->size();
  const bool is_percentile = text->starts_with('p') && std::from_chars(text->data() + 1, end, percent).ptr == end &&
                             percent >= 1 && percent <= 99;
  if (!is_percentile)
    return reader.report(setting.value->at, fmt::format("\"{}\" is no percentile", *text),
                         "write \"p50\" to \"p99\", for example \"p95\"");
  out.after = percent / 100.0;
}
void read_hedge_budget(Reader& reader, const Setting& setting, Hedge& out) {
  if (const auto share = reader.share(setting)) out.budget = *share;
}

constexpr Key<Hedge> hedge_property_keys[] = {{{"after"}, ValueRule<Hedge>{read_hedge_after}},
                                              {{"budget"}, ValueRule<Hedge>{read_hedge_budget}}};

void read_hedge(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  if (!reader.check(node, {.properties = true})) return;
  reader.properties(node, hedge_properties(), out.agent.pool.hedge.emplace());
}

constexpr Key<AgentDraft> pool_keys[] = {
    {{"preset"}, ValueRule<AgentDraft>{read_preset}},
    {{"connections"}, number<the_agent, its_pool, &Pool::connections_per_agent>(1, 256)},
    {{"load-balancing"}, choice<the_agent, its_pool, &Pool::load_balance_strategy>(load_balancings)},
    {{"flow-control"}, choice<the_agent, its_pool, &Pool::flow_control_mode>(flow_controls)},
    {{"wait-ms"}, in_milliseconds<the_agent, its_pool, &Pool::flow_control_wait_timeout>(hour_ms)},
    {{"reconnect-interval-ms"}, in_milliseconds<the_agent, its_pool, &Pool::reconnect_interval>(hour_ms)},
    {{"max-reconnect-interval-ms"}, in_milliseconds<the_agent, its_pool, &Pool::max_reconnect_interval>(hour_ms)},
    {{"sticky"}, ValueRule<AgentDraft>{read_sticky}},
    {{"hedge"}, NodeRule<AgentDraft>{read_hedge}},
};

void read_pool(Reader& reader, const Block& block, AgentDraft& out) {
  // The preset goes first wherever it stands: what is said beside it overrides it.
  Block sorted{.owner = block.owner, .at = block.at, .nodes = {}};
  const auto is_preset = [](const kdl::Node* node) { return node->name.text == "preset"; };
  std::ranges::copy_if(block.nodes, std::back_inserter(sorted.nodes), is_preset);
  std::ranges::remove_copy_if(block.nodes, std::back_inserter(sorted.nodes), is_preset);
  reader.block(sorted, pool(), out);
  const auto wait = std::ranges::find_if(block.nodes, [](const auto* node) { return node->name.text == "wait-ms"; });
  if (wait != block.nodes.end() && out.agent.pool.flow_control_mode != FlowControlMode::wait_and_retry)
    reader.report((*wait)->name.at, "\"wait-ms\" has no effect here",
                  "it goes with flow-control \"wait-and-retry\"; set that, or remove this");
}

constexpr Key<CircuitBreaker> circuit_breaker_keys[] = {
    {{"failure-threshold"}, number<&CircuitBreaker::failure_threshold>(1, 1'000'000)},
    {{"success-threshold"}, number<&CircuitBreaker::success_threshold>(1, 1'000'000)},
    {{"timeout-seconds"}, in_seconds<&CircuitBreaker::open_for>(86'400)},
    {{"reset-timeout-seconds"}, in_seconds<&CircuitBreaker::open_for>(86'400)},
    {{"half-open-max-requests"}, number<&CircuitBreaker::half_open_max_requests>(1, 10'000)},
};

void read_circuit_breaker(Reader& reader, const Block& block, AgentDraft& out) {
  reader.block(block, circuit_breaker(), out.agent.circuit_breaker);
  const auto named = [&](std::string_view name) {
    return std::ranges::find_if(block.nodes, [name](const auto* node) { return node->name.text == name; });
  };
  if (const auto reset = named("reset-timeout-seconds");
      reset != block.nodes.end() && named("timeout-seconds") != block.nodes.end())
    reader.report((*reset)->name.at, "\"reset-timeout-seconds\" is another word for \"timeout-seconds\"", "remove one");
}

void read_config(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  out.agent.config_json = config_json(reader, node);
}

constexpr Key<AgentDraft> agent_keys[] = {
    {{"binary-uds"}, ValueRule<AgentDraft>{read_socket<AgentTransport::binary_uds>}},
    {{"unix-socket"}, ValueRule<AgentDraft>{read_socket<AgentTransport::unix_socket>}},
    {{"grpc"}, ValueRule<AgentDraft>{read_grpc}},
    {{"tcp"}, ValueRule<AgentDraft>{read_tcp}},
    {{"reverse"}, NodeRule<AgentDraft>{read_reverse}},
    {{"tls"}, BlockRule<AgentDraft>{read_tls}},
    {{"dialect"}, ValueRule<AgentDraft>{read_dialect}},
    {{"protocol-version"}, ValueRule<AgentDraft>{read_protocol_version}},
    {{"connections"}, number<&AgentDraft::connections>(1, 256)},
    {{"insecure"}, boolean<the_agent, &Agent::insecure>()},
    {{"decompress"}, boolean<the_agent, &Agent::decompress>()},
    {{"events"}, NodeRule<AgentDraft>{read_events}},
    {{"timeout-ms"}, in_milliseconds<the_agent, &Agent::timeout>(hour_ms)},
    {{"failure-mode"}, choice<the_agent, &Agent::failure_mode>(failure_modes)},
    {{"buffer-size"}, number<the_agent, &Agent::buffer_size>(1'024, 12'000'000, "bytes")},
    {{"request-body-mode"}, NodeRule<AgentDraft>{read_body_mode<&Agent::request_body>}},
    {{"response-body-mode"}, NodeRule<AgentDraft>{read_body_mode<&Agent::response_body>}},
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
Keys<CircuitBreaker> circuit_breaker() { return circuit_breaker_keys; }
Keys<AgentDraft> pool() { return pool_keys; }
Keys<Hedge> hedge_properties() { return hedge_property_keys; }
Keys<BodyTerms> body_mode_properties() { return body_mode_property_keys; }
Keys<AgentTls> agent_tls() { return tls_keys; }

}  // namespace picket::apps::gateway::config::tables

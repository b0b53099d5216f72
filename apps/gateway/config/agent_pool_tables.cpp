#include <algorithm>
#include <charconv>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/agent_tables.hpp"

/// The connections to an agent: how many, which is taken, and when it is not asked.
namespace picket::apps::gateway::config::tables {
namespace {

using pool::FlowControlMode;
using pool::LoadBalanceStrategy;

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
  const auto text = reader.text(setting);
  if (!text) return;
  if (*text == "client-ip") {
    out.agent.stickiness = {.by = inspection::Stickiness::By::client_ip};
  } else if (const auto field = field_of_request(*text)) {
    out.agent.stickiness = *field;
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

constexpr Key<CircuitBreaker> circuit_breaker_keys[] = {
    {{"failure-threshold"}, number<&CircuitBreaker::failure_threshold>(1, 1'000'000)},
    {{"success-threshold"}, number<&CircuitBreaker::success_threshold>(1, 1'000'000)},
    {{"timeout-seconds"}, in_seconds<&CircuitBreaker::open_for>(86'400)},
    {{"reset-timeout-seconds"}, in_seconds<&CircuitBreaker::open_for>(86'400)},
    {{"half-open-max-requests"}, number<&CircuitBreaker::half_open_max_requests>(1, 10'000)},
};

constexpr std::string_view keys_of_dialling[] = {"connections", "reconnect-interval-ms", "max-reconnect-interval-ms"};

}  // namespace

std::optional<inspection::Stickiness> field_of_request(std::string_view text) {
  using By = inspection::Stickiness::By;
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view kind = text.substr(0, blank);
  const std::string_view name = text.substr(std::min(blank + 1, text.size()));
  if ((kind != "header" && kind != "cookie") || name.empty() || name.find_first_of(" ,;=\"") != std::string_view::npos)
    return std::nullopt;
  return inspection::Stickiness{.by = kind == "header" ? By::header : By::cookie, .name = std::string(name)};
}

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

void read_circuit_breaker(Reader& reader, const Block& block, AgentDraft& out) {
  reader.block(block, circuit_breaker(), out.agent.circuit_breaker);
  const auto named = [&](std::string_view name) {
    return std::ranges::find_if(block.nodes, [name](const auto* node) { return node->name.text == name; });
  };
  if (const auto reset = named("reset-timeout-seconds");
      reset != block.nodes.end() && named("timeout-seconds") != block.nodes.end())
    reader.report((*reset)->name.at, "\"reset-timeout-seconds\" is another word for \"timeout-seconds\"", "remove one");
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
                "remove hedge, or all events but request_headers, guardrail and request_complete");
}

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

void take_connections(Reader& reader, const kdl::Node& node, AgentDraft& draft) {
  const kdl::Node* const pool = child_of(node, "pool");
  const kdl::Node* const within = pool == nullptr ? nullptr : child_of(*pool, "connections");
  if (draft.connections == 0) return;
  if (within != nullptr)
    reader.report(within->name.at, "\"connections\" is given twice", "it stands beside pool, too: remove one");
  draft.agent.pool.connections_per_agent = draft.connections;
}

Keys<CircuitBreaker> circuit_breaker() { return circuit_breaker_keys; }
Keys<AgentDraft> pool() { return pool_keys; }
Keys<Hedge> hedge_properties() { return hedge_property_keys; }

}  // namespace picket::apps::gateway::config::tables

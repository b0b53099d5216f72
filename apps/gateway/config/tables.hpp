#pragma once

#include <optional>
#include <string_view>

#include "apps/gateway/config/draft.hpp"
#include "apps/gateway/config/schema.hpp"

/// Every block's table, and the properties of nodes that have any. The tables are constants.
namespace picket::apps::gateway::config::tables {

[[nodiscard]] Keys<Draft> document();
[[nodiscard]] Keys<System> system();
[[nodiscard]] Keys<Limits> limits();
[[nodiscard]] Keys<ObservabilityDraft> observability();
[[nodiscard]] Keys<MetricsDraft> metrics();
[[nodiscard]] Keys<Observability> logging();
[[nodiscard]] Keys<Observability> access_log();
[[nodiscard]] Keys<Observability> audit();

[[nodiscard]] Keys<Draft> agents();
[[nodiscard]] Keys<AgentDraft> agent_properties();
[[nodiscard]] Keys<AgentDraft> agent();
[[nodiscard]] Keys<CircuitBreaker> circuit_breaker();
[[nodiscard]] Keys<AgentDraft> pool();
[[nodiscard]] Keys<Hedge> hedge_properties();
[[nodiscard]] Keys<BodyTerms> body_mode_properties();
[[nodiscard]] Keys<AgentTls> agent_tls();

[[nodiscard]] Keys<ReverseDraft> reverse_listener();
[[nodiscard]] Keys<ReverseTls> reverse_tls();
/// The block that says where agents dial.
void read_reverse_listener(Reader& reader, const Block& block, Draft& out);

[[nodiscard]] Keys<Draft> listeners();
[[nodiscard]] Keys<ListenerDraft> listener();
[[nodiscard]] Keys<ListenerTls> listener_tls();
[[nodiscard]] Keys<Sni> sni();
[[nodiscard]] Keys<Draft> filters();
[[nodiscard]] Keys<FilterDraft> filter();
[[nodiscard]] Keys<Draft> upstreams();
[[nodiscard]] Keys<Upstream> upstream();
[[nodiscard]] Keys<Target> target_properties();
[[nodiscard]] Keys<UpstreamTls> upstream_tls();
[[nodiscard]] Keys<Upstream> balancing_properties();
[[nodiscard]] Keys<HealthCheck> health_check();
[[nodiscard]] Keys<HealthCheck> check_type();
[[nodiscard]] Keys<PassiveHealth> passive_health();
[[nodiscard]] Keys<UpstreamTimeouts> upstream_timeouts();
[[nodiscard]] Keys<ConnectionPool> connection_pool();
[[nodiscard]] Keys<Upstream> http_version();
[[nodiscard]] Keys<Retry> retry();
[[nodiscard]] Keys<Draft> routes();
[[nodiscard]] Keys<RouteDraft> route();
[[nodiscard]] Keys<Matches> matches();
[[nodiscard]] Keys<std::vector<HeaderEdit>> header_edits();
[[nodiscard]] Keys<Route> route_limits();
[[nodiscard]] Keys<Route> route_timeouts();
[[nodiscard]] Keys<GuardrailDraft> guardrail();

/// What a request goes by, as "header NAME" or "cookie NAME" say it; nothing where a text does not.
[[nodiscard]] std::optional<inspection::Stickiness> field_of_request(std::string_view text);

/// The words of failure-mode, of agents and of filters.
inline constexpr Word failure_modes[] = {{"closed", static_cast<int>(FailureMode::closed)},
                                         {"open", static_cast<int>(FailureMode::open)},
                                         {"fail-closed", static_cast<int>(FailureMode::closed), Word::alias},
                                         {"fail-open", static_cast<int>(FailureMode::open), Word::alias}};

}  // namespace picket::apps::gateway::config::tables

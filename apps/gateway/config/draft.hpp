#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "picket/kdl/document.hpp"

/// The configuration as its blocks are read: each thing with its id's place, and references still by name. resolve.hpp
/// makes a Config of it.
namespace picket::apps::gateway::config {

struct ListenerDraft {
  kdl::Name id;
  Listener listener;
  std::optional<kdl::Span> address;
};

struct AgentDraft {
  kdl::Name id;
  Agent agent{.events = {.request_headers = true}};
  std::vector<kdl::Name> transports;  ///< The keys that name one, those not supported yet too.
  std::vector<kdl::Name> reverse;     ///< Of one that dials: the ids that feed it; none written: its own.
  std::uint32_t connections = 0;      ///< Written beside `pool`, not within; 0: not.
};

struct ReverseDraft {
  ReverseListener listener;
  kdl::Span at;  ///< Where what is missing in it is reported.
  std::optional<kdl::Span> address;
};

struct FilterDraft {
  kdl::Name id;
  kdl::Name agent;
  std::optional<FailureMode> failure_mode;
  std::optional<milliseconds> timeout;
};

struct UpstreamDraft {
  kdl::Name id;
  Upstream upstream;
};

struct GuardrailDraft {
  Guardrail guardrail;
  kdl::Name agent;
  kdl::Span at;  ///< Where what does not fit is reported.
};

struct RouteDraft {
  kdl::Name id;
  kdl::Span at;  ///< Where what is missing in it is reported.
  Route route;
  bool matches_known = true;  ///< Nothing is wrong with what it matches.
  std::vector<kdl::Name> filters;
  kdl::Name upstream;  ///< Empty: not written.
  std::optional<GuardrailDraft> guardrail;
  bool responds = false;  ///< `respond` was written.
};

struct MetricsDraft {
  Observability::Metrics metrics;
  std::optional<kdl::Span> address;
};

struct ObservabilityDraft {
  Observability observability;
  std::optional<kdl::Span> metrics_address;
};

struct Draft {
  System system;
  std::vector<ListenerDraft> listeners;
  std::vector<AgentDraft> agents;
  std::optional<ReverseDraft> reverse;
  std::vector<FilterDraft> filters;
  std::vector<UpstreamDraft> upstreams;
  std::vector<RouteDraft> routes;
  Limits limits;
  ObservabilityDraft observability;
};

}  // namespace picket::apps::gateway::config

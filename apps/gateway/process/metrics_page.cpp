#include "apps/gateway/process/metrics_page.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "apps/gateway/process/pool_families.hpp"
#include "apps/gateway/process/shard_sums.hpp"
#include "apps/gateway/process/upstream_families.hpp"
#include "picket/metrics/exposition.hpp"
#include "picket/pool/protocol_metrics.hpp"

namespace picket::apps::gateway::process {
namespace {

constexpr std::array<std::string_view, 6> classes{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

void clients(metrics::Exposition& page, Shards shards) {
  page.counter_family("picket_client_connections_total", "Client connections accepted.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().connections.value(); }));
  page.counter_family("picket_client_connections_refused_total", "Client connections refused over max-connections.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().connections_refused.value(); }));
  page.gauge_family("picket_client_connections_open", "Client connections open now.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) {
                return static_cast<std::uint64_t>(shard.metrics().connections_open.value());
              }));
}

void handshakes(metrics::Exposition& page, Shards shards) {
  page.counter_family("picket_proxy_headers_refused_total", "Connections of trusted proxies without a PROXY header.");
  page.sample({}, sum(shards, [](const serving::Shard& s) { return s.metrics().proxy_headers_refused.value(); }));
  const auto total = [&](auto of) {
    return sum(shards, [&](const serving::Shard& shard) { return of(shard.metrics().tls).value(); });
  };
  using Tls = generation::TlsMetrics;
  page.counter_family("picket_tls_handshakes_total", "TLS handshakes with clients that came to a good end.");
  page.sample({}, total([](const Tls& tls) -> auto& { return tls.handshakes; }));
  page.counter_family("picket_tls_resumed_total", "TLS handshakes that resumed a session.");
  page.sample({}, total([](const Tls& tls) -> auto& { return tls.resumed; }));
  page.counter_family("picket_tls_handshake_failures_total", "TLS handshakes that came to nothing, by reason.");
  const std::array<Label, 1> timeout{{{"reason", "timeout"}}};
  page.sample(timeout, total([](const Tls& tls) -> auto& { return tls.timeouts; }));
  const std::array<Label, 1> rate{{{"reason", "rate"}}};
  page.sample(rate, total([](const Tls& tls) -> auto& { return tls.too_many; }));
  for (std::size_t i = 1; i < transport::tls::refusal_names.size(); ++i) {
    const std::array<Label, 1> labels{{{"reason", transport::tls::refusal_names.at(i)}}};
    page.sample(labels, total([i](const Tls& tls) -> auto& { return tls.refusals.at(i); }));
  }
}

void http2_clients(metrics::Exposition& page, Shards shards) {
  using generation::Http2Metrics;
  const auto counter = [&](std::string_view name, std::string_view help, metrics::Counter Http2Metrics::* member) {
    page.counter_family(name, help);
    page.sample({},
                sum(shards, [member](const serving::Shard& shard) { return (shard.metrics().http2.*member).value(); }));
  };
  counter("picket_http2_connections_total", "Client connections that spoke HTTP/2.", &Http2Metrics::connections);
  counter("picket_http2_streams_total", "Requests that came over HTTP/2.", &Http2Metrics::streams);
  counter("picket_http2_streams_refused_total", "HTTP/2 requests over max-concurrent-streams.",
          &Http2Metrics::streams_refused);
  counter("picket_http2_streams_overloaded_total", "HTTP/2 requests reset over max-held-bytes.",
          &Http2Metrics::streams_overloaded);
  counter("picket_http2_streams_reset_total", "HTTP/2 requests reset by either end before the answer was whole.",
          &Http2Metrics::streams_cut);
  page.counter_family("picket_http2_floods_total", "HTTP/2 connections ended for too much of what brings nothing.");
  for (std::size_t i = 0; i < picket::http2::excess_count; ++i) {
    const std::array<Label, 1> labels{{{"kind", name(static_cast<picket::http2::Excess>(i))}}};
    page.sample(labels,
                sum(shards, [i](const serving::Shard& shard) { return shard.metrics().http2.excesses[i].value(); }));
  }
}

void requests(metrics::Exposition& page, Shards shards) {
  page.counter_family("picket_requests_total", "Requests by the class of their status; none: the client was gone.");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::array<Label, 1> labels{{{"class", classes[i]}}};
    page.sample(labels,
                sum(shards, [i](const serving::Shard& shard) { return shard.metrics().requests_by_class[i].value(); }));
  }
  page.counter_family("picket_gateway_answers_total", "Answers that the gateway made itself, by reason.");
  for (std::size_t i = 1; i < answers::answer_reason_count; ++i) {
    const std::array<Label, 1> labels{{{"reason", name(static_cast<answers::Reason>(i))}}};
    page.sample(labels,
                sum(shards, [i](const serving::Shard& shard) { return shard.metrics().answers_by_reason[i].value(); }));
  }
  page.counter_family("picket_request_bytes_total", "Bytes of request bodies received.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().request_bytes.value(); }));
  page.gauge_family("picket_held_bytes", "Bytes of request bodies that are held for agents now.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.held_bytes(); }));
  page.counter_family("picket_trailers_dropped_total", "Fields behind bodies that did not go on.");
  const std::array<Label, 1> of_requests{{{"direction", "request"}}};
  page.sample(of_requests, sum(shards, [](const serving::Shard& shard) {
                return shard.metrics().request_trailers_dropped.value();
              }));
  const std::array<Label, 1> of_answers{{{"direction", "response"}}};
  page.sample(of_answers, sum(shards, [](const serving::Shard& shard) {
                return shard.metrics().response_trailers_dropped.value();
              }));
  page.counter_family("picket_response_bytes_total", "Bytes of response bodies sent.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().response_bytes.value(); }));
  page.histogram_family("picket_request_duration_seconds", "From a request's head to the last byte of its answer.");
  std::vector<const metrics::Histogram*> durations;
  for (const auto& shard : shards) durations.push_back(&shard->metrics().request_duration);
  page.sample({}, durations);
}

/// Calls `write(labels, index)` for each agent.
void for_each_agent(const generation::Generation& generation,
                    const std::function<void(std::span<const Label>, std::size_t)>& write) {
  for (std::size_t i = 0; i < generation.config.agents.size(); ++i) {
    const auto& agent = generation.config.agents[i];
    const std::array<Label, 2> labels{{{"agent", agent.id}, {"type", agent.type}}};
    write(labels, i);
  }
}

void agent_decisions(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  using inspection::AgentCounters;
  using inspection::NamedCounter;
  const auto family = [&](std::string_view name, std::string_view help, std::string_view label,
                          std::span<const NamedCounter> counters) {
    page.counter_family(name, help);
    for_each_agent(generation, [&](std::span<const Label> agent, std::size_t i) {
      for (const auto& entry : counters) {
        std::vector<Label> labels{agent.begin(), agent.end()};
        if (!label.empty()) labels.emplace_back(label, entry.first);
        page.sample(labels, sum(shards, [&](const serving::Shard& shard) {
                      return (shard.current()->agent_counters[i]->*entry.second).value();
                    }));
      }
    });
  };
  family("picket_agent_decisions_total", "Decisions that agents made.", "decision", inspection::decision_counters);
  family("picket_agent_failures_total", "Failures of agents, by the failure mode that decided.", "mode",
         inspection::failure_counters);
  family("picket_agent_findings_total", "Texts in which agents found something, by what became of them.", "action",
         inspection::finding_counters);
  constexpr std::array<NamedCounter, 1> invalid{{{"", &AgentCounters::invalid_responses}}};
  family("picket_agent_invalid_responses_total", "Responses that could not be applied.", "", invalid);
  constexpr std::array<NamedCounter, 1> cuts{{{"", &AgentCounters::cut}}};
  family("picket_agent_cuts_total", "Requests and answers that were stopped when bytes of them had left.", "", cuts);
  constexpr std::array<NamedCounter, 1> uninspected{{{"", &AgentCounters::bodies_uninspected}}};
  family("picket_agent_bodies_uninspected_total",
         "Bodies that went on uninspected past an agent, too large for it or not understood.", "", uninspected);
}

void agent_connections(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  for (const PoolFamily& family : pool_families()) {
    page.family(family.name, family.help, family.kind);
    for_each_agent(generation, [&](std::span<const Label> labels, std::size_t i) {
      std::vector<const pool::AgentMetrics*> of_shards;
      for (const auto& shard : shards) of_shards.push_back(&shard->current()->agents.all()[i]->metrics());
      family.write(page, labels, of_shards);
    });
  }
}

/// What the protocol's pages publish, for dashboards that know these names.
void protocol_metrics(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  std::vector<const pool::AgentMetrics*> all;
  for (std::size_t i = 0; i < generation.config.agents.size(); ++i)
    for (const auto& shard : shards) all.push_back(&shard->current()->agents.all()[i]->metrics());
  pool::write_protocol_metrics(page, "picket_agent_protocol", all);
}

void agent_reports(metrics::Exposition& page, const generation::Generation& generation,
                   const reports::AgentMetrics& reported) {
  page.counter_family("picket_agent_metrics_refused_total", "Series that agents reported and that are not shown.");
  for_each_agent(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, reported.refused(generation.config.agents[i].id));
  });
}

void registrations(metrics::Exposition& page, const pool::reverse::RegistryMetrics& reverse) {
  page.counter_family("picket_reverse_registrations_total", "Connections of agents that dialled and may stay.");
  page.sample({}, reverse.registered.value());
  page.counter_family("picket_reverse_registrations_refused_total",
                      "Connections of agents that dialled and were refused, or did not register.");
  page.sample({}, reverse.refused.value());
  page.gauge_family("picket_reverse_connections_open", "Connections of agents that dialled, now.");
  page.sample({}, reverse.connections.value());
}

void log_lines(metrics::Exposition& page, const generation::Generation& generation, const ProcessLog& process_log) {
  page.counter_family("picket_log_lines_lost_total", "Log lines lost: the queue was full, or the file not writable.");
  const std::array<Label, 1> process{{{"log", "process"}}};
  page.sample(process, process_log.lost());
  for (const auto& [name, file] :
       {std::pair<std::string_view, const logs::LogFile*>{"access", generation.logs->access.get()},
        {"audit", generation.logs->audit.get()}}) {
    if (file == nullptr) continue;
    const std::array<Label, 1> labels{{{"log", name}}};
    page.sample(labels, file->dropped() + file->write_failures());
  }
}

void reloads(metrics::Exposition& page, const Reloads& reloads) {
  page.counter_family("picket_config_reloads_total", "Reloads of the configuration, by what became of them.");
  const std::array<Label, 1> applied{{{"result", "applied"}}};
  page.sample(applied, reloads.applied.value());
  const std::array<Label, 1> failed{{{"result", "failed"}}};
  page.sample(failed, reloads.failed.value());
  page.gauge_family("picket_config_last_reload_successful", "0 where the last reload failed: what is served is older.");
  page.sample({}, std::uint64_t{reloads.last_failed ? 0U : 1U});
}

}  // namespace

std::string metrics_page(Shards shards, const generation::Generation& generation, const OfAgents& of_agents,
                         const OfProcess& of_process) {
  metrics::Exposition page;
  clients(page, shards);
  handshakes(page, shards);
  http2_clients(page, shards);
  requests(page, shards);
  write_upstream_families(page, shards, generation);
  if (!generation.config.agents.empty()) {
    agent_decisions(page, shards, generation);
    agent_connections(page, shards, generation);
    protocol_metrics(page, shards, generation);
    agent_reports(page, generation, of_agents.reports.metrics);
  }
  if (generation.config.reverse_listener) registrations(page, of_agents.reverse);
  log_lines(page, generation, of_process.log);
  reloads(page, of_process.reloads);
  const auto& wanted = generation.config.observability.metrics;
  if (wanted && wanted->agent_metrics) of_agents.reports.metrics.write(page, base::Clock::now());
  return std::move(page).take();
}

}  // namespace picket::apps::gateway::process

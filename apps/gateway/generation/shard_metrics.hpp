#pragma once

#include <array>
#include <map>
#include <string>

#include "apps/gateway/answers/refusal.hpp"
#include "apps/gateway/websocket/counters.hpp"
#include "picket/http2/connection.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/metrics/histogram.hpp"
#include "picket/transport/tls/reason.hpp"

namespace picket::apps::gateway::generation {

/// Handshakes with clients.
struct TlsMetrics {
  metrics::Counter handshakes;  ///< That came to a good end.
  metrics::Counter resumed;     ///< Of them: with a ticket.
  metrics::Counter timeouts;
  metrics::Counter too_many;                                                    ///< Over handshakes-per-second.
  std::array<metrics::Counter, transport::tls::refusal_names.size()> refusals;  ///< By transport::tls::Refusal.
};

/// Of clients that speak HTTP/2.
struct Http2Metrics {
  metrics::Counter connections;
  metrics::Counter streams;
  metrics::Counter streams_refused;     ///< Over max-concurrent-streams, counted until their exchanges are over.
  metrics::Counter streams_overloaded;  ///< Over max-held-bytes.
  metrics::Counter streams_cut;         ///< Reset by either end before the answer was whole.
  std::array<metrics::Counter, picket::http2::excess_count>
      excesses;  ///< Connections that were ended, by what was too much.
};

/// What one shard counts, for as long as it lives: a reload of the configuration loses nothing.
/// Thread safety: the shard writes, any thread reads; scrapes sum the shards. `agents` changes only when a
/// configuration is taken into use, never during a scrape.
struct ShardMetrics {
  metrics::Counter connections;
  metrics::Gauge connections_open;
  metrics::Counter rests;  ///< Times that a client said nothing for so long that it gave its memory back.
  metrics::Counter proxy_headers_refused;
  TlsMetrics tls;
  metrics::Counter connections_refused;               ///< Over max-connections.
  std::array<metrics::Counter, 6> requests_by_class;  ///< By a status's first digit; 0: no answer, the client was gone.
  std::array<metrics::Counter, answers::answer_reason_count> answers_by_reason;  ///< The gateway's own answers.
  metrics::Counter upstream_retries;
  metrics::Counter request_trailers_dropped;
  metrics::Counter response_trailers_dropped;
  metrics::Counter tunnels;
  metrics::Gauge tunnels_open;
  websocket::Counters websocket;
  Http2Metrics http2;
  metrics::Counter request_bytes;
  metrics::Counter response_bytes;
  metrics::Histogram request_duration;
  std::map<std::string, inspection::AgentCounters, std::less<>> agents;  ///< By agent id.
};

}  // namespace picket::apps::gateway::generation

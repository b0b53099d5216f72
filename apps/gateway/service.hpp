#pragma once

#include <memory>
#include <vector>

#include "apps/gateway/config/model.hpp"
#include "apps/gateway/http/head_check.hpp"
#include "apps/gateway/inspection/inspection.hpp"
#include "apps/gateway/logs/line_queue.hpp"
#include "apps/gateway/metrics.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway {

/// How long clients may take.
struct ClientTimeouts {
  base::Duration idle = std::chrono::seconds{60};   ///< between requests
  base::Duration head = std::chrono::seconds{10};   ///< from a request's first byte to its empty line
  base::Duration body = std::chrono::seconds{30};   ///< between two reads of a body
  base::Duration write = std::chrono::seconds{60};  ///< of a response, per write
  base::Duration linger = std::chrono::seconds{1};  ///< after an answer that came before the request was read
};
inline constexpr std::size_t linger_bytes = 256 * 1024;

/// What the connections of one worker share.
struct Service {
  transport::Worker& worker;
  const config::Config& config;
  inspection::Environment inspection;
  std::vector<std::unique_ptr<upstream::Pool>> upstreams;  ///< In the order of config.upstreams.
  WorkerMetrics& metrics;
  logs::LineQueue* access = nullptr;  ///< Null: no access log.
  http::HeadLimits head_limits;
  ClientTimeouts timeouts;
  upstream::Timeouts upstream_timeouts;
  bool draining = false;  ///< Answers close their connections.
};

}  // namespace picket::apps::gateway

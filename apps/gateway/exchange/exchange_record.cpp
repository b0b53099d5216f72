#include "apps/gateway/exchange/exchange_record.hpp"

#include <chrono>

#include "apps/gateway/exchange/forwarded_request.hpp"

namespace picket::apps::gateway::exchange {

void ExchangeRecord::count(generation::ShardMetrics& metrics, base::Duration duration) const {
  metrics.requests_by_class[status / 100 < 6 ? status / 100 : 0].add();
  metrics.request_duration.record(duration);
  metrics.request_bytes.add(request_size);
  metrics.response_bytes.add(response_size);
}

wire::RequestComplete ExchangeRecord::summary(base::Duration duration) const {
  using std::chrono::milliseconds;
  return {.status = status,
          .duration_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(duration).count()),
          .request_body_size = request_size,
          .response_body_size = response_size,
          .upstream_attempts = attempts,
          .error = reason == answers::Reason::none ? std::nullopt : std::optional{name(reason)}};
}

void ExchangeRecord::write(generation::Service& service, const base::CorrelationId& id, const ForwardedRequest& request,
                           base::Duration duration) const {
  service.access.write({.id = id.text(),
                        .client = request.origin.address,
                        .method = request.method,
                        .uri = request.target,
                        .protocol = protocol,
                        .status = status,
                        .bytes_in = request_size,
                        .bytes_out = response_size,
                        .duration = duration,
                        .upstream = upstream_address,
                        .upstream_error = upstream_error,
                        .decision = decision,
                        .agent = deciding_agent,
                        .reason = reason == answers::Reason::none ? std::string_view{} : name(reason),
                        .detail = reason_detail});
}

}  // namespace picket::apps::gateway::exchange

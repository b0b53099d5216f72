#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/gateway/answers/refusal.hpp"
#include "apps/gateway/downstream/origin.hpp"
#include "apps/gateway/generation/service.hpp"
#include "picket/base/correlation_id.hpp"
#include "picket/base/time.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::exchange {

struct ForwardedRequest;

/// What is told of an exchange once it is over, in the access log, the counters and to the agents. Nothing is decided
/// by it. Lifetime: views of the exchange's memory.
struct ExchangeRecord {
  base::TimePoint began;
  std::string_view protocol;  ///< "HTTP/1.1"
  std::uint16_t status = 0;   ///< 0: nothing was said to the client.
  std::uint64_t request_size = 0;
  std::uint64_t response_size = 0;
  std::string_view upstream_address;
  std::optional<base::TimePoint> asked;         ///< When an upstream was first wanted.
  std::optional<base::Duration> upstream_time;  ///< From then to its answer's head.
  std::string upstream_error;
  std::string_view decision = "allow";
  std::string_view deciding_agent;
  answers::Reason reason = answers::Reason::none;
  std::string_view reason_detail;
  std::uint32_t attempts = 0;

  void count(generation::ShardMetrics& metrics, base::Duration duration) const;
  [[nodiscard]] wire::RequestComplete summary(base::Duration duration) const;
  /// Nothing where there is no access log.
  void write(generation::Service& service, const base::CorrelationId& id, const ForwardedRequest& request,
             const downstream::Peer& peer, base::Duration duration) const;
};

}  // namespace picket::apps::gateway::exchange
